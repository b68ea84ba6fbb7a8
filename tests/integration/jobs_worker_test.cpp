#include "support/worker_fixture.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs/outbox_job.hpp>
#include <rwp/jobs/typed.hpp>

#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>

namespace rwp {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using tests::Event;

struct Greet {
  std::string name{};
  static constexpr std::string_view job_kind = "greet";
  static constexpr auto describe() { return std::tuple{rwp::field("name", &Greet::name)}; }
};

struct Greeting {
  std::string text{};
  static constexpr auto describe() { return std::tuple{rwp::field("text", &Greeting::text)}; }
};

class WorkerTest : public tests::WorkerFixture {};

TEST_F(WorkerTest, CoroutineHandlerRunsOnTheHandlersThreadAndItsResultIsKept) {
  worker().handle("echo", [this](Context& context) -> Answer {
    EXPECT_TRUE(handlers_.on_io_thread());
    co_return context.job().payload;
  });
  worker().start();

  const auto job = ended(submit("echo", R"({"a":1})"));

  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(job.result->str(), R"({"a":1})");
}

TEST_F(WorkerTest, HandlersThatWaitRunAtTheSameTime) {
  auto inside = std::make_shared<std::atomic<int>>(0);
  worker().handle("meet", [inside](Context&) -> Answer {
    ++*inside;
    while (*inside < 4) (void)co_await sleep_for(1ms);
    co_return JsonText();
  });
  std::vector<Uuid> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(submit("meet"));
  worker().start();

  for (const Uuid id : ids) EXPECT_EQ(ended(id).state, JobState::succeeded);
}

TEST_F(WorkerTest, BlockingHandlerRunsOffBothIoThreads) {
  worker().handle_blocking("block", [this](Context&) -> Result<JsonText> {
    EXPECT_FALSE(handlers_.on_io_thread());
    EXPECT_FALSE(control_.on_io_thread());
    return JsonText::trusted("7");
  });
  worker().start();

  EXPECT_EQ(ended(submit("block")).result->str(), "7");
}

TEST_F(WorkerTest, NoMoreThanTheSlotsRunAtOnce) {
  auto inside = std::make_shared<std::atomic<int>>(0);
  auto most = std::make_shared<std::atomic<int>>(0);
  const auto count = [inside, most](Context&) -> Answer {
    most->store(std::max(most->load(), ++*inside));
    (void)co_await sleep_for(1ms);
    --*inside;
    co_return JsonText();
  };
  worker().handle("count", count);
  std::vector<Uuid> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(submit("count"));
  worker().start();

  for (const Uuid id : ids) EXPECT_EQ(ended(id).state, JobState::succeeded);

  EXPECT_LE(*most, 4);
  EXPECT_GE(*most, 2);
}

TEST_F(WorkerTest, AKindsOwnLimitHoldsAndLeavesOtherKindsTheirSlots) {
  auto inside = std::make_shared<std::atomic<int>>(0);
  auto go = std::make_shared<Event>();
  jobs::HandlerOptions one;
  one.max_concurrent = 1;
  worker().handle_blocking(
      "narrow",
      [inside, go](Context&) -> Result<JsonText> {
        EXPECT_EQ(++*inside, 1);
        EXPECT_TRUE(go->wait());
        --*inside;
        return JsonText();
      },
      one);
  worker().handle("wide", [](Context&) -> Answer { co_return JsonText(); });
  std::vector<Uuid> narrow;
  for (int i = 0; i < 5; ++i) narrow.push_back(submit("narrow"));
  const Uuid wide = submit("wide");
  worker().start();

  EXPECT_EQ(ended(wide).state, JobState::succeeded);
  go->set();
  for (const Uuid id : narrow) EXPECT_EQ(ended(id).state, JobState::succeeded);
}

TEST_F(WorkerTest, ManyQuickJobsAllSucceedOnce) {
  auto runs = std::make_shared<std::atomic<int>>(0);
  worker().handle("quick", [runs](Context&) -> Answer {
    ++*runs;
    co_return JsonText();
  });
  std::vector<jobs::NewJob> many(3'000, new_job("quick"));
  const auto inserted = tests::run(control_, store_->insert(std::move(many))).value();
  std::vector<Uuid> ids;
  for (const auto& answer : inserted) ids.push_back(answer.value().id);
  worker().start();

  for (const Uuid id : ids) ASSERT_EQ(ended(id).state, JobState::succeeded);

  EXPECT_EQ(*runs, 3'000);
  EXPECT_TRUE(stopped());
  EXPECT_EQ(worker().statistics().succeeded, 3'000U);
  EXPECT_EQ(worker().statistics().refused, 0U);
  EXPECT_EQ(worker().statistics().running, 0U);
  EXPECT_EQ(worker().statistics().prefetched, 0U);
}

TEST_F(WorkerTest, WorkSubmittedWhileIdleIsTakenAtOnce) {
  worker().handle("late", [](Context&) -> Answer { co_return JsonText(); });
  worker().start();
  EXPECT_EQ(ended(submit("late")).state, JobState::succeeded);

  EXPECT_EQ(ended(submit("late")).state, JobState::succeeded);
}

TEST_F(WorkerTest, UnknownKindsAndVersionsStayReady) {
  worker().handle("known", [](Context&) -> Answer { co_return JsonText(); });
  const Uuid unknown = submit("unknown");
  jobs::NewJob newer = new_job("known");
  newer.version = 2;
  const Uuid second_version = submit(std::move(newer));
  worker().start();

  EXPECT_EQ(ended(submit("known")).state, JobState::succeeded);

  EXPECT_EQ(get(unknown).state, JobState::ready);
  EXPECT_EQ(get(second_version).state, JobState::ready);
}

TEST_F(WorkerTest, ARetryableErrorIsTriedAgainAndItsTextKept) {
  jobs::HandlerOptions quick;
  quick.backoff = {.base = 1ms, .cap = 2ms};
  worker().handle(
      "flaky",
      [](Context& context) -> Answer {
        if (context.attempt_number() < 3) co_return Error(Errc::unavailable, "not yet");
        co_return JsonText::trusted("3");
      },
      quick);
  worker().start();

  const auto job = ended(submit("flaky"));

  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(job.attempt, 2);
  ASSERT_EQ(job.errors.size(), 2U);
  EXPECT_EQ(job.errors[0].message, "not yet");
}

TEST_F(WorkerTest, AnErrorThatNoRetryHelpsFailsTheJobForGood) {
  worker().handle("bad",
                  [](Context&) -> Answer { co_return Error(Errc::invalid_argument, "no use"); });
  worker().start();

  const auto job = ended(submit("bad"));

  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.end_reason, jobs::EndReason::error);
}

TEST_F(WorkerTest, AFailureForGoodIsLoggedByItsCodeAndNotInTheHandlersWords) {
  worker().handle("broken", [](Context&) -> Answer {
    co_return Error(Errc::permission_denied, "no entry for Jane Doe");
  });
  worker().start();

  const Uuid id = submit("broken");

  ASSERT_TRUE(eventually_logged("job failed for good"));
  const auto line = log_->find("job failed for good").value();
  EXPECT_EQ(line.level, observability::LogLevel::warn);
  EXPECT_EQ(line.field("job_id"), id.to_string());
  EXPECT_EQ(line.field("code"), "permission_denied");
  for (const auto& field : line.fields) {
    const auto text = line.field(field.name());
    EXPECT_EQ(text.value_or("").find("Jane"), std::string::npos) << field.name();
  }
}

TEST_F(WorkerTest, WhatAHandlerThrowsIsAFailedAttemptWithItsText) {
  jobs::NewJob once = new_job("throw");
  once.max_attempts = 1;
  jobs::NewJob blocking = new_job("throw_blocking");
  blocking.max_attempts = 1;
  worker().handle("throw", [](Context&) -> Answer {
    throw std::runtime_error("thrown text");
    co_return JsonText();
  });
  worker().handle_blocking("throw_blocking",
                           [](Context&) -> Result<JsonText> { throw std::logic_error("odd"); });
  worker().start();

  const auto job = ended(submit(std::move(once)));
  const auto other = ended(submit(std::move(blocking)));

  EXPECT_EQ(job.end_reason, jobs::EndReason::exhausted);
  EXPECT_EQ(job.errors.at(0).message, "thrown text");
  EXPECT_EQ(other.errors.at(0).message, "odd");
}

TEST_F(WorkerTest, TypedHandlerGetsItsArgumentsAndGivesItsResult) {
  worker().handle<Greet>([](Greet arguments, Context&) -> jobs::Awaitable<Result<Greeting>> {
    co_return Greeting{.text = "hello " + arguments.name};
  });
  worker().start();

  const auto job = ended(submit(jobs::to_new_job(Greet{.name = "Ada"})));

  EXPECT_EQ(job.result->str(), R"({"text":"hello Ada"})");
}

TEST_F(WorkerTest, APayloadThatIsNoArgumentsFailsForGoodAndNamesTheMember) {
  worker().handle_blocking<Greet>([](Greet, Context&) -> Result<Greeting> { return Greeting(); });
  worker().start();

  const auto job = ended(submit("greet", R"({"name":5})"));

  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.end_reason, jobs::EndReason::error);
  EXPECT_NE(job.errors.at(0).message.find("name"), std::string::npos);
}

TEST_F(WorkerTest, ChildrenAndMessagesAppearWithTheSuccess) {
  auto child = std::make_shared<std::promise<Uuid>>();
  worker().handle("parent", [this, child](Context& context) -> Answer {
    jobs::NewJob job = new_job("child");
    child->set_value(context.submit(std::move(job)));
    for (int i = 0; i < 3; ++i) {
      OutboxMessage message{.topic = "analytics", .body = JsonText::trusted("1")};
      context.emit(std::move(message));
    }
    co_return JsonText();
  });
  jobs::NewJob parent = new_job("parent");
  parent.tenant = "acme";
  parent.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  worker().start();

  EXPECT_EQ(ended(submit(std::move(parent))).state, JobState::succeeded);

  const auto job = get(child->get_future().get());
  EXPECT_EQ(job.tenant, "acme");
  EXPECT_EQ(job.traceparent.substr(0, 35), "00-0af7651916cd43dd8448eb211c80319c");
  jobs::JobFilter outbox{.queue = std::string(jobs::kOutboxQueue)};
  const auto page = tests::run(control_, store_->list(std::move(outbox), "", 10)).value();
  ASSERT_EQ(page.jobs.size(), 1U);
  EXPECT_EQ(page.jobs[0].kind, "rwp.outbox.analytics");
  EXPECT_EQ(jobs::read_outbox_job(page.jobs[0].payload).value().size(), 3U);
}

TEST_F(WorkerTest, NothingIsSubmittedByARunThatFails) {
  worker().handle("parent", [this](Context& context) -> Answer {
    jobs::NewJob job = new_job("child");
    (void)context.submit(std::move(job));
    co_return Error(Errc::invalid_argument, "no");
  });
  worker().start();

  EXPECT_EQ(ended(submit("parent")).state, JobState::failed);

  jobs::JobFilter children{.kind = "child"};
  EXPECT_TRUE(tests::run(control_, store_->list(std::move(children), "", 10)).value().jobs.empty());
}

TEST_F(WorkerTest, AChildThatBreaksARuleFailsItsParentForGood) {
  worker().handle("parent", [this](Context& context) -> Answer {
    jobs::NewJob job = new_job("no spaces allowed");
    (void)context.submit(std::move(job));
    co_return JsonText();
  });
  worker().start();

  const auto job = ended(submit("parent"));

  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.errors.at(0).code, "invalid_argument");
}

TEST_F(WorkerTest, SnoozeBurnsNoAttemptAndComesBack) {
  auto runs = std::make_shared<std::atomic<int>>(0);
  worker().handle("snooze", [runs](Context& context) -> Answer {
    if (++*runs == 1) co_return context.snooze(1ms);
    co_return JsonText();
  });
  worker().start();

  const auto job = ended(submit("snooze"));

  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(job.attempt, 0);
}

TEST_F(WorkerTest, AParkedJobGoesOnWithTheValueItWasWokenWith) {
  worker().handle("park", [](Context& context) -> Answer {
    if (!context.job().resume) co_return context.park("answer", 1h);
    co_return *context.job().resume->value;
  });
  const Uuid id = submit("park");
  worker().start();
  (void)until(id, [](const jobs::Job& job) { return job.state == JobState::parked; });

  std::vector<jobs::UnparkRequest> requests{
      {.id = id, .key = "answer", .value = JsonText::trusted("42")}};
  ASSERT_TRUE(tests::run(control_, store_->unpark(std::move(requests))).value().front());

  EXPECT_EQ(ended(id).result->str(), "42");
}

TEST_F(WorkerTest, ProgressIsSeenWhileTheJobRuns) {
  auto go = std::make_shared<Event>();
  worker().handle_blocking("slow", [go](Context& context) -> Result<JsonText> {
    context.progress(0.25, "first quarter");
    EXPECT_TRUE(go->wait());
    return JsonText();
  });
  const Uuid id = submit("slow");
  worker().start();

  const auto job = until(id, [](const jobs::Job& seen) { return seen.progress > 0; });

  EXPECT_EQ(job.progress, 0.25);
  EXPECT_EQ(job.progress_note, "first quarter");
  go->set();
  EXPECT_EQ(ended(id).state, JobState::succeeded);
}

TEST_F(WorkerTest, ACursorSavedByAFailedAttemptIsGivenToTheNext) {
  jobs::HandlerOptions quick;
  quick.backoff = {.base = 1ms, .cap = 1ms};
  worker().handle(
      "resume",
      [](Context& context) -> Answer {
        if (context.job().cursor) co_return *context.job().cursor;
        context.save_cursor(JsonText::trusted(R"({"page":3})"));
        co_return Error(Errc::unavailable, "half way");
      },
      quick);
  worker().start();

  EXPECT_EQ(ended(submit("resume")).result->str(), R"({"page":3})");
}

TEST_F(WorkerTest, ABadMessageTopicFailsTheRunThatEmittedIt) {
  worker().handle("emit", [](Context& context) -> Answer {
    OutboxMessage message{.topic = "not a topic"};
    context.emit(std::move(message));
    co_return JsonText();
  });
  worker().start();

  EXPECT_EQ(ended(submit("emit")).state, JobState::failed);
}

TEST_F(WorkerTest, SeriesTellWhatRan) {
  auto metrics = observability::make_metrics();
  options_.metrics = metrics;
  worker().handle("measured", [](Context&) -> Answer { co_return JsonText(); });
  worker().start();
  EXPECT_EQ(ended(submit("measured")).state, JobState::succeeded);
  EXPECT_TRUE(stopped());

  const std::string text = metrics->expose();

  EXPECT_NE(text.find(R"(rwp_jobs_started_total{kind="measured"} 1)"), std::string::npos);
  EXPECT_NE(text.find(R"(rwp_jobs_finished_total{kind="measured",outcome="succeeded"} 1)"),
            std::string::npos);
  EXPECT_NE(text.find("rwp_worker_finish_batch_size_count 1"), std::string::npos);
}

}  // namespace
}  // namespace rwp
