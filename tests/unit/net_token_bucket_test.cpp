#include "support/run.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/net/token_bucket.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using net::TokenBucket;

constexpr SteadyTime kStart{1'000s};

TEST(TokenBucketTest, AFullBucketIsTakenAtOnceAndThenAtItsRate) {
  TokenBucket bucket(10, 5, kStart);

  EXPECT_EQ(bucket.reserve(5, kStart), kStart);
  EXPECT_EQ(bucket.reserve(1, kStart), kStart + 100ms);
  EXPECT_EQ(bucket.reserve(2, kStart), kStart + 300ms);
  EXPECT_DOUBLE_EQ(bucket.level(kStart), -3);
}

TEST(TokenBucketTest, ItFillsToItsCapacityAndNoFurther) {
  TokenBucket bucket(10, 5, kStart);
  (void)bucket.reserve(5, kStart);

  EXPECT_DOUBLE_EQ(bucket.level(kStart + 200ms), 2);
  EXPECT_DOUBLE_EQ(bucket.level(kStart + 1h), 5);
}

TEST(TokenBucketTest, WhatIsGivenBackServesTheNext) {
  TokenBucket bucket(1, 2, kStart);
  (void)bucket.reserve(2, kStart);
  (void)bucket.reserve(2, kStart);

  bucket.give_back(2, kStart);

  EXPECT_EQ(bucket.ready_at(1, kStart), kStart + 1s);
}

TEST(TokenBucketTest, AClockThatStandsOrStepsBackMakesNoTokens) {
  TokenBucket bucket(10, 5, kStart);
  (void)bucket.reserve(5, kStart);

  EXPECT_DOUBLE_EQ(bucket.level(kStart - 1h), 0);
  (void)bucket.reserve(1, kStart - 1h);
  EXPECT_DOUBLE_EQ(bucket.level(kStart), -1);
}

TEST(RateLimitTest, WhatDoesNotComeBeforeTheDeadlineIsRefusedAtOnce) {
  Runtime runtime;
  net::RateLimit limit(0.1, 1);
  const SteadyTime soon = std::chrono::steady_clock::now() + 1s;

  EXPECT_TRUE(run(runtime, limit.acquire(1, soon)).has_value());
  const auto refused = run(runtime, limit.acquire(1, soon)).error();

  EXPECT_EQ(refused.code(), Errc::rate_limited);
  EXPECT_GT(refused.retry_after(), 8s);
  EXPECT_EQ(run(runtime, limit.acquire(2, SteadyTime::max())).error().code(),
            Errc::invalid_argument);
  EXPECT_EQ(run(runtime, limit.acquire(0, SteadyTime::max())).error().code(),
            Errc::invalid_argument);
}

TEST(RateLimitTest, WaitsForItsTokens) {
  Runtime runtime;
  net::RateLimit limit(100, 1);
  const auto begun = std::chrono::steady_clock::now();

  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(run(runtime, limit.acquire(1, SteadyTime::max())).has_value());
  }

  EXPECT_GE(std::chrono::steady_clock::now() - begun, 45ms);
}

TEST(RateLimitTest, ACancelledWaitGivesItsTokensBack) {
  Runtime runtime;
  net::RateLimit limit(0.01, 1);
  ASSERT_TRUE(run(runtime, limit.acquire(1, SteadyTime::max())).has_value());

  // The deadline of with_deadline() cancels.
  const auto soon = std::chrono::steady_clock::now() + 20ms;
  ASSERT_FALSE(
      block_on(runtime, with_deadline(limit.acquire(1, SteadyTime::max()), soon)).has_value());

  // 100 s for one token; with the cancelled one before it these would be 200.
  const auto refused =
      run(runtime, limit.acquire(1, std::chrono::steady_clock::now() + 1s)).error();
  EXPECT_LT(refused.retry_after(), 101s);
}

}  // namespace
}  // namespace rwp::tests
