#include <rwp/core/async.hpp>

#include <conformance/job_store_conformance.hpp>
#include <future>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using jobs::NewJob;
using std::chrono::steady_clock;

/// An operation that runs while the test goes on. What is posted to the runtime afterwards comes
/// after its first step, so it waits by then.
template <class T>
class Running {
 public:
  Running(Runtime& runtime, boost::asio::awaitable<Result<T>> operation) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    future_ = promise->get_future();
    auto kept = keep(std::move(operation), std::move(promise));
    task_ = Task(runtime.executor(), std::move(kept), [](std::exception_ptr) {});
  }

  Result<T> get() {
    if (future_.wait_for(kGuard) != std::future_status::ready) {
      return Error(Errc::deadline_exceeded, "still waiting");
    }
    return future_.get();
  }
  bool has_ended() const { return future_.wait_for(0s) == std::future_status::ready; }
  void cancel() { task_.cancel(); }

 private:
  static boost::asio::awaitable<void> keep(boost::asio::awaitable<Result<T>> operation,
                                           std::shared_ptr<std::promise<Result<T>>> promise) {
    try {
      auto result = co_await std::move(operation);
      promise->set_value(std::move(result));
    } catch (...) {
      promise->set_value(detail::from_exception(std::current_exception()));
    }
  }

  std::future<Result<T>> future_;
  Task task_;
};

using RunningJobs = Running<std::vector<Result<jobs::Job>>>;

jobs::ClaimRequest request_for(const char* kind, std::vector<std::string> queues = {}) {
  return {.queues = std::move(queues), .kinds = kinds_of({kind})};
}

TEST_P(JobStoreConformance, WaitForEndAnswersWhenTheJobHasEnded) {
  const Uuid id = added();
  const auto claimed = claim_one();
  RunningJobs waiting(runtime_, store_->wait_for_end({id}, steady_clock::now() + kGuard));

  ASSERT_FALSE(waiting.has_ended());
  ASSERT_TRUE(finish(claimed.run, jobs::Succeed{JsonText::trusted("42")}));

  const auto jobs = waiting.get().value();
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0]->state, JobState::succeeded);
  EXPECT_EQ(jobs[0]->result, JsonText::trusted("42"));
}

TEST_P(JobStoreConformance, WaitForEndWaitsForAllOfThem) {
  const Uuid first = added();
  const Uuid second = added();
  const Uuid third = added();
  const auto claimed = claim(3);
  RunningJobs waiting(runtime_,
                      store_->wait_for_end({third, first, second}, steady_clock::now() + kGuard));

  ASSERT_TRUE(finish(claimed[0].run, jobs::Succeed{}));
  ASSERT_TRUE(finish(claimed[2].run, jobs::Fail{any_failure()}));
  EXPECT_FALSE(waiting.has_ended());
  ASSERT_TRUE(cancel(second));
  ASSERT_TRUE(finish(claimed[1].run, jobs::Cancelled{}));

  const auto jobs = waiting.get().value();
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[0]->state, JobState::failed);
  EXPECT_EQ(jobs[1]->state, JobState::succeeded);
  EXPECT_EQ(jobs[2]->state, JobState::cancelled);
}

TEST_P(JobStoreConformance, WaitForEndOfEndedAndUnknownJobsAnswersAtOnce) {
  const Uuid ended = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));
  const Uuid unknown = Uuid::make_v7(clock_->now());

  const auto jobs = wait(store_->wait_for_end({ended, unknown, ended}, SteadyTime::max())).value();

  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[0]->state, JobState::succeeded);
  EXPECT_EQ(jobs[1].error().code(), Errc::not_found);
  EXPECT_EQ(jobs[2]->state, JobState::succeeded);
  EXPECT_TRUE(wait(store_->wait_for_end({}, SteadyTime::max())).value().empty());
}

TEST_P(JobStoreConformance, WaitForEndAnswersTheJobsAsTheyAreAtTheDeadline) {
  const Uuid ended = added();
  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));
  const Uuid open = added();

  const auto jobs = wait(store_->wait_for_end({ended, open}, steady_clock::now() + 20ms)).value();

  EXPECT_EQ(jobs[0]->state, JobState::succeeded);
  EXPECT_EQ(jobs[1]->state, JobState::ready);
}

TEST_P(JobStoreConformance, CancelOfAJobThatWaitsWakesWhoWaitsForItsEnd) {
  const Uuid id = added();
  RunningJobs waiting(runtime_, store_->wait_for_end({id}, steady_clock::now() + kGuard));

  ASSERT_TRUE(cancel(id));

  EXPECT_EQ(waiting.get().value()[0]->state, JobState::cancelled);
}

TEST_P(JobStoreConformance, WaitForEndCanBeCancelled) {
  const Uuid id = added();
  RunningJobs waiting(runtime_, store_->wait_for_end({id}, SteadyTime::max()));

  waiting.cancel();

  EXPECT_EQ(waiting.get().error().code(), Errc::cancelled);
  EXPECT_EQ(cancel(id).value(), jobs::CancelOutcome::cancelled) << "the store goes on";
}

TEST_P(JobStoreConformance, ManyWaitersForOneJobAreAllAnswered) {
  const Uuid id = added();
  std::vector<std::unique_ptr<RunningJobs>> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(std::make_unique<RunningJobs>(
        runtime_, store_->wait_for_end({id}, steady_clock::now() + kGuard)));
  }

  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));

  for (const auto& one : waiting) EXPECT_EQ(one->get().value()[0]->state, JobState::succeeded);
}

TEST_P(JobStoreConformance, WaitForEndSeesWhatAnotherStoreEnds) {
  if (!GetParam().is_shared) GTEST_SKIP() << "one store alone sees these jobs";
  auto other = open_another();
  const Uuid id = added();
  RunningJobs waiting(runtime_, other->wait_for_end({id}, steady_clock::now() + kGuard));

  ASSERT_TRUE(finish(claim_one().run, jobs::Succeed{}));

  EXPECT_EQ(waiting.get().value()[0]->state, JobState::succeeded);
}

TEST_P(JobStoreConformance, WaitForWorkReturnsAtOnceWhenThereIsSome) {
  added();

  EXPECT_TRUE(wait(store_->wait_for_work(request_for("k"), SteadyTime::max())).has_value());
}

TEST_P(JobStoreConformance, WaitForWorkWakesOnAnInsert) {
  Running<void> waiting(runtime_, store_->wait_for_work(request_for("k"), SteadyTime::max()));

  added();

  EXPECT_TRUE(waiting.get().has_value());
}

TEST_P(JobStoreConformance, WaitForWorkWakesOnAnInsertOfAnotherStore) {
  if (!GetParam().is_shared) GTEST_SKIP() << "one store alone sees these jobs";
  auto other = open_another();
  Running<void> waiting(runtime_, other->wait_for_work(request_for("k"), SteadyTime::max()));

  added();

  EXPECT_TRUE(waiting.get().has_value());
}

TEST_P(JobStoreConformance, WaitForWorkWakesWhenJobsComeBack) {
  added();
  const auto claimed = claim_one();
  Running<void> handed_back(runtime_, store_->wait_for_work(request_for("k"), SteadyTime::max()));
  ASSERT_TRUE(finish(claimed.run, jobs::HandBack{}));
  EXPECT_TRUE(handed_back.get().has_value());

  ASSERT_TRUE(finish(claim_one().run, jobs::Park{.key = "p"}));
  Running<void> unparked(runtime_, store_->wait_for_work(request_for("k"), SteadyTime::max()));
  ASSERT_TRUE(unpark(claimed.run.id, "p"));
  EXPECT_TRUE(unparked.get().has_value());

  claim_one();
  Running<void> rescued(runtime_, store_->wait_for_work(request_for("k"), SteadyTime::max()));
  lose_run();
  EXPECT_TRUE(rescued.get().has_value());

  ASSERT_TRUE(cancel(claimed.run.id));
  Running<void> retried(runtime_, store_->wait_for_work(request_for("k"), SteadyTime::max()));
  ASSERT_TRUE(retry(claimed.run.id));
  EXPECT_TRUE(retried.get().has_value());
}

TEST_P(JobStoreConformance, WaitForWorkWakesWhenItsQueueIsResumed) {
  ASSERT_TRUE(wait(store_->pause("default")));
  added();
  Running<void> waiting(runtime_, store_->wait_for_work(request_for("k"), SteadyTime::max()));

  ASSERT_TRUE(wait(store_->resume("default")));

  EXPECT_TRUE(waiting.get().has_value());
}

TEST_P(JobStoreConformance, WaitForWorkReturnsAtItsDeadline) {
  added_of("unknown");
  added({.kind = "k", .queue = "elsewhere"});
  const auto begun = steady_clock::now();

  EXPECT_TRUE(wait(store_->wait_for_work(request_for("k", {"here"}), begun + 30ms)).has_value());

  EXPECT_LT(steady_clock::now() - begun, kGuard);
}

TEST_P(JobStoreConformance, WaitForWorkCanBeCancelled) {
  Running<void> waiting(runtime_, store_->wait_for_work(request_for("k"), SteadyTime::max()));

  waiting.cancel();

  const auto ended = waiting.get();
  EXPECT_TRUE(ended.has_value() || ended.error().code() == Errc::cancelled);
}

TEST_P(JobStoreConformance, WaitForWorkWakesWhenAJobBecomesDue) {
  auto store = open_on_real_clock();
  ASSERT_TRUE(wait(store->insert({{.kind = "k", .delay = 60ms}})).value()[0].has_value());
  const auto deadline = steady_clock::now() + kGuard / 2;

  std::size_t claimed = 0;
  while (claimed == 0 && steady_clock::now() < deadline) {
    ASSERT_TRUE(wait(store->wait_for_work(request_for("k"), deadline)).has_value());
    claimed = wait(store->claim(request_for("k")))->size();
  }

  EXPECT_EQ(claimed, 1U);
}

}  // namespace
}  // namespace rwp::tests
