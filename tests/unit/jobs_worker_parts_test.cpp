#include "jobs/worker/deadline_heap.hpp"
#include "jobs/worker/prefetch_policy.hpp"
#include <rwp/jobs/outcome.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace rwp::jobs {
namespace {

using namespace std::chrono_literals;

TEST(PrefetchPolicyTest, HoldsNothingBeforeItKnowsTheHandlers) {
  PrefetchPolicy policy(16, 1'000);

  policy.claimed(5ms);

  EXPECT_EQ(policy.ahead(), 0U);
  EXPECT_EQ(policy.prefetch(), 0U);
}

TEST(PrefetchPolicyTest, HandlersThatDoNothingAreHeldToTheMost) {
  PrefetchPolicy policy(16, 1'000);

  policy.ran(500, 500us);

  EXPECT_GT(policy.ahead(), 100U);
  EXPECT_EQ(policy.ahead() + policy.prefetch(), 1'000U);
}

TEST(PrefetchPolicyTest, SlowHandlersAreNotPrefetched) {
  PrefetchPolicy policy(16, 1'000);

  policy.ran(16, 16 * 5s);

  EXPECT_EQ(policy.ahead(), 0U);
  EXPECT_EQ(policy.prefetch(), 0U);
}

TEST(PrefetchPolicyTest, HoldsMoreTheLongerAClaimTakes) {
  PrefetchPolicy near(16, 1'000);
  PrefetchPolicy far(16, 1'000);
  for (int i = 0; i < 50; ++i) near.claimed(1ms);
  for (int i = 0; i < 50; ++i) far.claimed(10ms);

  near.ran(100, 100 * 10ms);
  far.ran(100, 100 * 10ms);

  EXPECT_GT(far.prefetch(), 2 * near.prefetch());
  EXPECT_LT(far.prefetch(), 100U);
}

TEST(PrefetchPolicyTest, FollowsHandlersThatTurnSlow) {
  PrefetchPolicy policy(16, 1'000);
  policy.ran(10'000, 10ms);

  for (int i = 0; i < 5; ++i) policy.ran(16, 16 * 1s);

  EXPECT_EQ(policy.ahead() + policy.prefetch(), 0U);
}

TEST(PrefetchPolicyTest, NoPrefetchMeansNone) {
  PrefetchPolicy policy(16, 0);

  policy.ran(1'000, 1ms);

  EXPECT_EQ(policy.ahead() + policy.prefetch(), 0U);
}

struct Item {
  DeadlineHook hook{};
  DeadlineHook& deadline_hook() { return hook; }
};

TEST(DeadlineHeapTest, GivesWhatIsDueFirstWhateverIsMovedAndRemoved) {
  std::mt19937 random(7);
  std::vector<Item> items(300);
  DeadlineHeap<Item> heap;
  const auto any_time = [&random] {
    return SteadyTime(std::chrono::milliseconds(random() % 1'000));
  };
  for (Item& item : items) heap.set(&item, any_time());
  for (int i = 0; i < 1'000; ++i) {
    Item& item = items[random() % items.size()];
    if (random() % 3 == 0) {
      heap.remove(&item);
    } else {
      heap.set(&item, any_time());
    }
  }

  std::vector<SteadyTime> expected;
  for (Item& item : items) {
    if (item.hook.place != DeadlineHook::kNowhere) expected.push_back(item.hook.at);
  }
  std::sort(expected.begin(), expected.end());
  ASSERT_EQ(heap.size(), expected.size());
  for (const SteadyTime at : expected) {
    EXPECT_EQ(heap.next(), at);
    heap.remove(heap.top());
  }
  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(heap.next(), SteadyTime::max());
}

TEST(DeadlineHeapTest, RemovingWhatIsNotThereIsHarmless) {
  Item item;
  DeadlineHeap<Item> heap;

  heap.remove(&item);

  EXPECT_TRUE(heap.empty());
}

TEST(BackoffTest, DoublesToTheCapAndIsDrawnFromZero) {
  const Backoff backoff{.base = 100ms, .cap = 1s};

  EXPECT_EQ(retry_delay(backoff, 1, 1.0, {}), 100ms);
  EXPECT_EQ(retry_delay(backoff, 3, 1.0, {}), 400ms);
  EXPECT_EQ(retry_delay(backoff, 10, 1.0, {}), 1s);
  EXPECT_EQ(retry_delay(backoff, 1'000, 1.0, {}), 1s);
  EXPECT_EQ(retry_delay(backoff, 3, 0.25, {}), 100ms);
  EXPECT_EQ(retry_delay(backoff, 3, 0.0, {}), 0ms);
}

TEST(BackoffTest, AnErrorsRetryAfterIsWaitedForAtLeast) {
  const Backoff backoff{.base = 100ms, .cap = 1s};

  EXPECT_EQ(retry_delay(backoff, 1, 1.0, 30s), 30s);
  EXPECT_EQ(retry_delay(backoff, 1, 1.0, 10ms), 100ms);
}

HandlerEnd failed_with(Errc code, StopReason stop = StopReason::none) {
  return {.result = Error(code, "text"), .stop = stop, .attempt = 2};
}

template <class Outcome>
bool ends_as(HandlerEnd end) {
  return std::holds_alternative<Outcome>(outcome_of(std::move(end), Backoff(), 1.0));
}

TEST(OutcomeTest, ErrorsAreRetriedOrFinalAsTheySay) {
  EXPECT_TRUE(ends_as<Retry>(failed_with(Errc::unavailable)));
  EXPECT_TRUE(ends_as<Fail>(failed_with(Errc::invalid_argument)));
  EXPECT_TRUE(ends_as<Fail>(failed_with(Errc::cancelled))) << "nobody asked it to stop";
}

TEST(OutcomeTest, RetryWaitsAfterTheAttemptsSoFar) {
  const auto outcome = outcome_of(failed_with(Errc::unavailable), {.base = 1s, .cap = 1h}, 1.0);

  EXPECT_EQ(std::get<Retry>(outcome).delay, 4s);
}

TEST(OutcomeTest, ASuccessIsOneWhateverTheHandlerWasTold) {
  for (const StopReason stop : {StopReason::none, StopReason::cancelled, StopReason::timed_out,
                                StopReason::lease_lost, StopReason::drain}) {
    HandlerEnd end{.result = JsonText(), .stop = stop};
    EXPECT_TRUE(ends_as<Succeed>(std::move(end)));
  }
}

TEST(OutcomeTest, AStopDecidesWhatAnErrorMeans) {
  EXPECT_TRUE(ends_as<Cancelled>(failed_with(Errc::unavailable, StopReason::cancelled)));
  EXPECT_TRUE(ends_as<HandBack>(failed_with(Errc::cancelled, StopReason::lease_lost)));
  EXPECT_TRUE(ends_as<HandBack>(failed_with(Errc::cancelled, StopReason::drain)));
  EXPECT_TRUE(ends_as<Fail>(failed_with(Errc::not_found, StopReason::drain)))
      << "failed on its own";

  const auto late = outcome_of(failed_with(Errc::cancelled, StopReason::timed_out), Backoff(), 1.0);
  EXPECT_EQ(std::get<Retry>(late).error.code(), Errc::deadline_exceeded);
}

TEST(OutcomeTest, WhatTheHandlerAskedForCountsUnlessItFailedOtherwise) {
  HandlerEnd asked{.result = asked_end_error("snooze"), .asked = Snooze{.delay = 1s}};
  HandlerEnd failed{.result = Error(Errc::not_found, "x"), .asked = Snooze{.delay = 1s}};

  EXPECT_TRUE(ends_as<Snooze>(std::move(asked)));
  EXPECT_TRUE(ends_as<Fail>(std::move(failed)));
}

TEST(OutcomeTest, WithoutTheHandlerOnlyATimeoutBurnsAnAttempt) {
  EXPECT_TRUE(
      std::holds_alternative<Retry>(outcome_without(StopReason::timed_out, 0, Backoff(), 1.0)));
  EXPECT_TRUE(
      std::holds_alternative<HandBack>(outcome_without(StopReason::drain, 0, Backoff(), 1.0)));
  EXPECT_TRUE(
      std::holds_alternative<Cancelled>(outcome_without(StopReason::cancelled, 0, Backoff(), 1.0)));
}

}  // namespace
}  // namespace rwp::jobs
