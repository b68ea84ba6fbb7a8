#include "support/worker_fixture.hpp"
#include <rwp/core/async.hpp>

#include <atomic>
#include <future>
#include <memory>

namespace rwp {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using jobs::StopReason;
using tests::Event;

class WorkerStopTest : public tests::WorkerFixture {
 protected:
  static jobs::HandlerOptions stopping_after(std::chrono::milliseconds timeout) {
    jobs::HandlerOptions options;
    options.timeout = timeout;
    return options;
  }
  jobs::NewJob once(std::string kind) {
    jobs::NewJob job = new_job(std::move(kind));
    job.max_attempts = 1;
    return job;
  }
};

TEST_F(WorkerStopTest, ACoroutineIsCancelledAtItsTimeout) {
  auto reason = std::make_shared<std::atomic<StopReason>>(StopReason::none);
  worker().handle(
      "sleep",
      [reason](Context& context) -> Answer {
        const auto slept = co_await sleep_for(1h);
        *reason = context.stop_reason();
        co_return slept.error();
      },
      stopping_after(10ms));
  worker().start();

  const auto job = ended(submit(once("sleep")));

  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.errors.at(0).code, "deadline_exceeded");
  EXPECT_EQ(*reason, StopReason::timed_out);
}

TEST_F(WorkerStopTest, TheJobsOwnTimeoutCountsBeforeTheHandlers) {
  worker().handle(
      "sleep",
      [](Context&) -> Answer {
        const auto slept = co_await sleep_for(1h);
        co_return slept.error();
      },
      stopping_after(1h));
  worker().start();
  jobs::NewJob job = once("sleep");
  job.timeout = 10ms;

  EXPECT_EQ(ended(submit(std::move(job))).errors.at(0).code, "deadline_exceeded");
}

TEST_F(WorkerStopTest, ABlockingHandlerThatIgnoresItsTimeoutIsRecordedWithoutIt) {
  auto go = std::make_shared<Event>();
  worker().handle_blocking(
      "stubborn",
      [go](Context&) -> Result<JsonText> {
        EXPECT_TRUE(go->wait());
        return JsonText::trusted("1");
      },
      stopping_after(10ms));
  worker().start();

  const auto job = ended(submit(once("stubborn")));

  EXPECT_EQ(job.state, JobState::failed);
  EXPECT_EQ(job.errors.at(0).code, "deadline_exceeded");
  EXPECT_EQ(log_->count("handler does not stop; its outcome is recorded without it"), 1U);
  EXPECT_EQ(worker().statistics().running, 1U) << "its slot stays taken until it returns";
  go->set();
  EXPECT_TRUE(eventually([this] { return worker().statistics().running == 0; }));
  EXPECT_EQ(get(job.id).state, JobState::failed) << "the late result is dropped";
}

TEST_F(WorkerStopTest, ARunWithoutProgressIsStoppedAndOneWithProgressIsNot) {
  jobs::HandlerOptions silence;
  silence.progress_deadline = 150ms;
  worker().handle(
      "silent",
      [](Context&) -> Answer {
        const auto slept = co_await sleep_for(1h);
        co_return slept.error();
      },
      silence);
  worker().handle(
      "alive",
      [](Context& context) -> Answer {
        for (int i = 0; i < 40; ++i) {
          (void)co_await sleep_for(10ms);
          context.progress(0.5);
        }
        co_return JsonText();
      },
      silence);
  worker().start();
  const Uuid alive = submit(once("alive"));

  EXPECT_EQ(ended(submit(once("silent"))).errors.at(0).code, "deadline_exceeded");
  EXPECT_EQ(ended(alive).state, JobState::succeeded);
}

TEST_F(WorkerStopTest, CancellingARunningJobReachesItsHandler) {
  options_.lease = 1s;  // Told with a heartbeat, at a third of it.
  auto begun = std::make_shared<Event>();
  auto reason = std::make_shared<std::atomic<StopReason>>(StopReason::none);
  worker().handle("sleep", [begun, reason](Context& context) -> Answer {
    begun->set();
    const auto slept = co_await sleep_for(1h);
    *reason = context.stop_reason();
    co_return slept.error();
  });
  const Uuid id = submit("sleep");
  worker().start();
  ASSERT_TRUE(begun->wait());

  ASSERT_TRUE(tests::run(control_, store_->cancel({id})).value().front());

  EXPECT_EQ(ended(id).state, JobState::cancelled);
  EXPECT_EQ(*reason, StopReason::cancelled);
}

TEST_F(WorkerStopTest, ASuccessCountsEvenWhenItsJobWasToBeCancelled) {
  options_.lease = 1s;
  auto begun = std::make_shared<Event>();
  worker().handle_blocking("deaf", [begun](Context& context) -> Result<JsonText> {
    begun->set();
    while (!context.stop_requested()) std::this_thread::yield();
    return JsonText();
  });
  const Uuid id = submit("deaf");
  worker().start();
  ASSERT_TRUE(begun->wait());

  ASSERT_TRUE(tests::run(control_, store_->cancel({id})).value().front());

  EXPECT_EQ(ended(id).state, JobState::succeeded);
}

TEST_F(WorkerStopTest, DrainLetsRunningHandlersFinishAndClaimsNothingNew) {
  options_.concurrency = 1;
  auto begun = std::make_shared<Event>();
  auto go = std::make_shared<Event>();
  worker().handle_blocking("work", [begun, go](Context&) -> Result<JsonText> {
    begun->set();
    EXPECT_TRUE(go->wait());
    return JsonText();
  });
  const Uuid first = submit("work");
  const Uuid second = submit("work");
  worker().start();
  ASSERT_TRUE(begun->wait());

  worker().stop();
  go->set();

  EXPECT_TRUE(wait_stopped());
  EXPECT_EQ(get(first).state, JobState::succeeded);
  EXPECT_EQ(get(second).state, JobState::ready);
}

TEST_F(WorkerStopTest, AHandlerThatSeesTheDrainHandsItsJobBackWithACursor) {
  auto begun = std::make_shared<Event>();
  worker().handle("steps", [begun](Context& context) -> Answer {
    begun->set();
    while (!context.stop_requested()) (void)co_await sleep_for(1ms);
    EXPECT_EQ(context.stop_reason(), StopReason::drain);
    context.save_cursor(JsonText::trusted("9"));
    co_return context.hand_back();
  });
  const Uuid id = submit("steps");
  worker().start();
  ASSERT_TRUE(begun->wait());

  EXPECT_TRUE(stopped());

  const auto job = get(id);
  EXPECT_EQ(job.state, JobState::ready);
  EXPECT_EQ(job.attempt, 0);
  EXPECT_EQ(job.cursor->str(), "9");
}

TEST_F(WorkerStopTest, AfterTheGraceACoroutineIsCancelledAndItsJobHandedBack) {
  options_.drain_grace = 20ms;
  auto begun = std::make_shared<Event>();
  worker().handle("sleep", [begun](Context&) -> Answer {
    begun->set();
    const auto slept = co_await sleep_for(1h);
    co_return slept.error();
  });
  const Uuid id = submit("sleep");
  worker().start();
  ASSERT_TRUE(begun->wait());

  EXPECT_TRUE(stopped());

  EXPECT_EQ(get(id).state, JobState::ready);
  EXPECT_EQ(get(id).attempt, 0);
}

TEST_F(WorkerStopTest, AWorkerEndsWithoutAHandlerThatIgnoresTheDrain) {
  options_.drain_grace = 10ms;
  auto begun = std::make_shared<Event>();
  auto go = std::make_shared<Event>();
  worker().handle_blocking("stubborn", [begun, go](Context&) -> Result<JsonText> {
    begun->set();
    EXPECT_TRUE(go->wait());
    return JsonText();
  });
  const Uuid id = submit("stubborn");
  worker().start();
  ASSERT_TRUE(begun->wait());

  EXPECT_TRUE(stopped());

  EXPECT_EQ(get(id).state, JobState::ready);
  EXPECT_EQ(get(id).attempt, 0);
  go->set();
}

TEST_F(WorkerStopTest, PrefetchedJobsAreHandedBackAtOnce) {
  options_.concurrency = 2;
  auto runs = std::make_shared<std::atomic<int>>(0);
  auto go = std::make_shared<Event>();
  worker().handle("quick", [runs, go](Context&) -> Answer {
    // Quick enough, at first, for jobs to be held in advance.
    if (++*runs > 500) {
      while (!go->is_set()) (void)co_await sleep_for(1ms);
    }
    co_return JsonText();
  });
  std::vector<jobs::NewJob> many(2'000, new_job("quick"));
  ASSERT_TRUE(tests::run(control_, store_->insert(std::move(many))).has_value());
  worker().start();
  ASSERT_TRUE(eventually([&] { return *runs > 500 && worker().statistics().prefetched > 0; }));

  worker().stop();
  // At once, while what runs goes on.
  ASSERT_TRUE(eventually([this] { return worker().statistics().prefetched == 0; }));
  go->set();

  EXPECT_TRUE(wait_stopped());
  const auto counts = tests::run(control_, store_->counts()).value();
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].states[static_cast<std::size_t>(JobState::running)], 0);
  EXPECT_GT(counts[0].states[static_cast<std::size_t>(JobState::ready)], 0);
  EXPECT_EQ(counts[0].states[static_cast<std::size_t>(JobState::ready)] +
                counts[0].states[static_cast<std::size_t>(JobState::succeeded)],
            2'000);
}

TEST_F(WorkerStopTest, JobsHeldForHandlersThatTurnSlowAreGivenBack) {
  options_.concurrency = 2;
  auto runs = std::make_shared<std::atomic<int>>(0);
  auto go = std::make_shared<Event>();
  worker().handle("quick", [runs, go](Context&) -> Answer {
    if (++*runs > 500) {
      while (!go->is_set()) (void)co_await sleep_for(1ms);
    }
    co_return JsonText();
  });
  std::vector<jobs::NewJob> many(2'000, new_job("quick"));
  ASSERT_TRUE(tests::run(control_, store_->insert(std::move(many))).has_value());
  worker().start();
  ASSERT_TRUE(eventually([&] { return *runs > 500 && worker().statistics().prefetched > 10; }));

  EXPECT_TRUE(eventually([this] { return worker().statistics().prefetched <= 4; }));

  go->set();
}

TEST_F(WorkerStopTest, ASecondStopDoesNotWaitForTheGrace) {
  options_.drain_grace = 1h;
  auto begun = std::make_shared<Event>();
  worker().handle("sleep", [begun](Context&) -> Answer {
    begun->set();
    const auto slept = co_await sleep_for(1h);
    co_return slept.error();
  });
  const Uuid id = submit("sleep");
  worker().start();
  ASSERT_TRUE(begun->wait());

  worker().stop();
  worker().stop();

  EXPECT_TRUE(wait_stopped());
  EXPECT_EQ(get(id).state, JobState::ready);
}

TEST_F(WorkerStopTest, WaitingForTheEndOfAWorkerThatWasNotToldToStopTimesOut) {
  worker().handle("none", [](Context&) -> Answer { co_return JsonText(); });
  worker().start();

  const auto waited = worker().wait_stopped(std::chrono::steady_clock::now() + 5ms);

  EXPECT_EQ(waited.error().code(), Errc::deadline_exceeded);
}

TEST_F(WorkerStopTest, AHandlersThreadThatDoesNotTurnIsToldWithTheJob) {
  worker().handle("hog", [this](Context&) -> Answer {
    const bool told = eventually_logged(
        "the handlers' thread has not turned for a second;"
        " a coroutine handler blocks it");
    EXPECT_TRUE(told);
    co_return JsonText();
  });
  const Uuid id = submit("hog");
  worker().start();

  EXPECT_EQ(ended(id).state, JobState::succeeded);

  const auto line =
      log_->find("the handlers' thread has not turned for a second; a coroutine handler blocks it");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->field("job_id"), id.to_string());
  EXPECT_EQ(line->field("kind"), "hog");
}

/// Their runtime may end as soon as the worker has, and with it what they were made with.
TEST_F(WorkerStopTest, HandlersAreGoneWithTheirWorker) {
  auto kept = std::make_shared<int>(1);
  const std::weak_ptr<int> handler_lives = kept;
  worker().handle("k", jobs::CoroutineHandler([kept](Context&) -> Answer {
                    co_return JsonText::trusted(std::to_string(*kept));
                  }));
  kept.reset();
  worker().start();
  EXPECT_EQ(ended(submit("k")).result->str(), "1");
  worker().stop();
  ASSERT_TRUE(worker().wait_stopped(std::chrono::steady_clock::now() + tests::kGuard).has_value());
  std::promise<void> go_on;
  post(control_.executor(), [gone_on = go_on.get_future().share()] { gone_on.wait(); });

  worker_.reset();

  EXPECT_TRUE(handler_lives.expired());
  go_on.set_value();
}

}  // namespace
}  // namespace rwp
