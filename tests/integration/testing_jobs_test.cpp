#include "support/run.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>
#include <rwp/testing/captured_submits.hpp>
#include <rwp/testing/job_runner.hpp>
#include <rwp/testing/settable_clock.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace rwp {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using testing::CapturedSubmits;
using testing::JobRunner;

struct Resize {
  std::int64_t width = 0;
  static constexpr std::string_view job_kind = "image.resize";
  static constexpr auto describe() { return std::tuple{field("width", &Resize::width)}; }
};

class JobRunnerTest : public ::testing::Test {
 protected:
  JobRunnerTest() {
    jobs_sqlite::SqliteOptions options;
    options.clock = clock_;
    store_ = jobs_sqlite::open_sqlite_job_store(runtime_, std::move(options)).value();
  }

  Uuid submit(jobs::NewJob job) {
    std::vector<jobs::NewJob> jobs;
    jobs.push_back(std::move(job));
    return tests::run(runtime_, store_->insert(std::move(jobs))).value().front().value().id;
  }
  jobs::Job get(Uuid id) { return tests::run(runtime_, store_->get({id})).value().front().value(); }

  std::shared_ptr<testing::SettableClock> clock_ = std::make_shared<testing::SettableClock>();
  Runtime runtime_;
  std::shared_ptr<jobs::JobStore> store_;
};

TEST_F(JobRunnerTest, RunsWhatIsReadyInTheCallingThread) {
  JobRunner runner(store_);
  const auto here = std::this_thread::get_id();
  runner.handle<Resize>(
      [here](Resize arguments, jobs::JobContext&) -> jobs::Awaitable<Result<Resize>> {
        (void)co_await sleep_for(1ms);
        EXPECT_TRUE(std::this_thread::get_id() == here);
        co_return Resize{.width = arguments.width / 2};
      });
  const Uuid id = submit(jobs::to_new_job(Resize{.width = 8}));

  const auto ran = runner.run_until_idle().value();

  ASSERT_EQ(ran.size(), 1U);
  EXPECT_EQ(ran[0].id, id);
  EXPECT_EQ(ran[0].state, JobState::succeeded);
  EXPECT_EQ(get(id).result->str(), R"({"width":4})");
  EXPECT_TRUE(runner.run_until_idle().value().empty());
}

TEST_F(JobRunnerTest, ARetryIsDueOnceTheClockHasAdvancedByTheWholeBackoff) {
  JobRunner runner(store_);
  jobs::HandlerOptions options;
  options.backoff = {.base = 1h, .cap = 1h};
  runner.handle_blocking(
      "flaky",
      [](jobs::JobContext& context) -> Result<JsonText> {
        if (context.attempt_number() == 1) throw std::runtime_error("first");
        return JsonText();
      },
      options);
  jobs::NewJob job;
  job.kind = "flaky";
  const Uuid id = submit(std::move(job));

  EXPECT_EQ(runner.run_until_idle().value().at(0).state, JobState::scheduled);
  clock_->advance(1h - 1s);
  EXPECT_TRUE(runner.run_until_idle().value().empty());
  clock_->advance(1s);
  EXPECT_EQ(runner.run_until_idle().value().at(0).state, JobState::succeeded);

  EXPECT_EQ(get(id).errors.at(0).message, "first");
}

TEST_F(JobRunnerTest, ChildrenRunToo) {
  JobRunner runner(store_);
  runner.handle_blocking("parent", [](jobs::JobContext& context) -> Result<JsonText> {
    context.submit(Resize{.width = 1});
    return JsonText();
  });
  runner.handle_blocking<Resize>(
      [](Resize, jobs::JobContext&) -> Result<void> { return Result<void>(); });
  jobs::NewJob job;
  job.kind = "parent";
  submit(std::move(job));

  const auto ran = runner.run_until_idle().value();

  ASSERT_EQ(ran.size(), 2U);
  EXPECT_EQ(ran[1].kind, "image.resize");
}

TEST_F(JobRunnerTest, AJobThatIsReadyForEverIsToldOf) {
  JobRunner runner(store_);
  runner.handle_blocking(
      "again", [](jobs::JobContext& context) -> Result<JsonText> { return context.snooze(0ms); });
  jobs::NewJob job;
  job.kind = "again";
  submit(std::move(job));

  EXPECT_EQ(runner.run_until_idle(5).error().code(), Errc::internal);
}

TEST(CapturedSubmitsTest, KeepsWhatTheHandlerAsksFor) {
  CapturedSubmits context(Resize{.width = 3});
  const auto handler = jobs::typed_handler<Resize>(
      [](Resize arguments, jobs::JobContext& job) -> jobs::Awaitable<Result<Resize>> {
        job.progress(0.5, "half");
        job.save_cursor(JsonText::trusted("1"));
        job.submit(Resize{.width = arguments.width + 1});
        OutboxMessage message{.topic = "analytics"};
        job.emit(std::move(message));
        co_return Resize{.width = 9};
      });

  const auto result = context.run(handler);

  EXPECT_EQ(result.value().str(), R"({"width":9})");
  EXPECT_TRUE(std::holds_alternative<jobs::Succeed>(context.outcome(result)));
  EXPECT_EQ(context.fraction(), 0.5);
  EXPECT_EQ(context.note(), "half");
  EXPECT_EQ(context.cursor()->str(), "1");
  ASSERT_EQ(context.submitted().size(), 1U);
  EXPECT_EQ(context.submitted()[0].payload.str(), R"({"width":4})");
  EXPECT_FALSE(context.submitted()[0].id.is_nil());
  EXPECT_EQ(context.emitted().at(0).topic, "analytics");
}

TEST(CapturedSubmitsTest, TellsWhatAWorkerWouldMakeOfTheEnd) {
  CapturedSubmits context{JsonText()};
  context.request_stop(jobs::StopReason::drain);
  const jobs::BlockingHandler handler = [](jobs::JobContext& job) -> Result<JsonText> {
    if (job.stop_requested()) return job.hand_back();
    return JsonText();
  };

  const auto result = context.run(handler);

  EXPECT_TRUE(std::holds_alternative<jobs::HandBack>(context.outcome(result)));
}

TEST(CapturedSubmitsTest, WhatIsThrownIsARetryableError) {
  CapturedSubmits context{JsonText()};
  const jobs::CoroutineHandler handler =
      [](jobs::JobContext&) -> jobs::Awaitable<Result<JsonText>> {
    throw std::runtime_error("odd");
    co_return JsonText();
  };

  const auto result = context.run(handler);

  EXPECT_EQ(result.error().message(), "odd");
  EXPECT_TRUE(std::holds_alternative<jobs::Retry>(context.outcome(result)));
}

TEST(SettableClockTest, WallAndBootTimeAdvanceTogetherAndTheWallAlone) {
  testing::SettableClock clock;
  const auto wall = clock.now();
  const auto boot = clock.since_boot();

  clock.advance(1h);
  clock.step_wall(-30min);

  EXPECT_EQ(clock.now() - wall, 30min);
  EXPECT_EQ(clock.since_boot() - boot, 1h);
  clock.reboot("second");
  EXPECT_EQ(clock.boot_id(), "second");
  EXPECT_LT(clock.since_boot(), boot);
}

}  // namespace
}  // namespace rwp
