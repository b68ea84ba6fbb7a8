#include "support/run.hpp"
#include "support/scripted_transport.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/net/circuit_breaker.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using net::CircuitBreaker;
using State = CircuitBreaker::State;

constexpr SteadyTime kStart{1'000s};

net::CircuitBreakerOptions three_failures() {
  net::CircuitBreakerOptions options;
  options.failures = 3;
  options.open_for = 10s;
  return options;
}

class CircuitBreakerTest : public ::testing::Test {
 protected:
  void fail_times(int times) {
    for (int i = 0; i < times; ++i) breaker_.failed(breaker_.admit(kStart).value(), kStart);
  }
  CircuitBreaker breaker_{three_failures()};
};

TEST_F(CircuitBreakerTest, FailuresInARowOpenIt) {
  fail_times(2);
  breaker_.succeeded(breaker_.admit(kStart).value());
  fail_times(2);
  EXPECT_EQ(breaker_.state(), State::closed);

  fail_times(1);

  EXPECT_EQ(breaker_.state(), State::open);
  EXPECT_FALSE(breaker_.admit(kStart + 9s).has_value());
  EXPECT_EQ(breaker_.wait(kStart + 9s), 1s);
}

TEST_F(CircuitBreakerTest, OneProbeIsLetThroughWhenItsTimeIsOver) {
  fail_times(3);

  const auto probe = breaker_.admit(kStart + 10s);

  ASSERT_TRUE(probe.has_value());
  EXPECT_EQ(breaker_.state(), State::half_open);
  EXPECT_FALSE(breaker_.admit(kStart + 10s).has_value());
  breaker_.succeeded(*probe);
  EXPECT_EQ(breaker_.state(), State::closed);
  EXPECT_TRUE(breaker_.admit(kStart + 10s).has_value());
}

TEST_F(CircuitBreakerTest, AFailedProbeOpensItAnew) {
  fail_times(3);

  breaker_.failed(breaker_.admit(kStart + 10s).value(), kStart + 11s);

  EXPECT_EQ(breaker_.state(), State::open);
  EXPECT_FALSE(breaker_.admit(kStart + 20s).has_value());
  EXPECT_TRUE(breaker_.admit(kStart + 21s).has_value());
}

TEST_F(CircuitBreakerTest, AnAbandonedProbeLetsAnotherOneThrough) {
  fail_times(3);

  const auto probe = breaker_.admit(kStart + 10s).value();
  breaker_.abandoned(probe);

  const auto next = breaker_.admit(kStart + 10s);
  ASSERT_TRUE(next.has_value());
  breaker_.failed(probe, kStart + 10s);
  EXPECT_EQ(breaker_.state(), State::half_open);
}

TEST_F(CircuitBreakerTest, AttemptsFromBeforeTheChangeDoNotCount) {
  const auto early = breaker_.admit(kStart).value();
  fail_times(3);
  const auto probe = breaker_.admit(kStart + 10s).value();

  breaker_.succeeded(early);
  EXPECT_EQ(breaker_.state(), State::half_open);
  breaker_.succeeded(probe);
  for (int i = 0; i < 5; ++i) breaker_.failed(early, kStart + 10s);
  EXPECT_EQ(breaker_.state(), State::closed);
}

TEST(BreakingTransportTest, AFailingUpstreamIsSparedAndItsRefusalTellsTheWait) {
  Runtime runtime;
  auto upstream = std::make_shared<ScriptedTransport>();
  const auto transport = net::make_breaking_transport(upstream, three_failures());
  upstream->answer(500);
  upstream->fail(Error(Errc::unavailable, "reset"));
  upstream->fail(Error(Errc::cancelled, "given up"));
  upstream->answer(503);
  net::HttpRequest request;
  request.url = "http://host/";
  const auto status = [&] { return run(runtime, transport->send(request)); };

  EXPECT_EQ(status().value().status, 500);
  EXPECT_EQ(status().error().code(), Errc::unavailable);
  EXPECT_EQ(status().error().code(), Errc::cancelled);
  EXPECT_EQ(status().value().status, 503);
  const auto refused = status().error();

  EXPECT_EQ(refused.code(), Errc::unavailable);
  EXPECT_GT(refused.retry_after(), 5s);
  EXPECT_EQ(upstream->requests().size(), 4U);
}

TEST(BreakingTransportTest, AnUpstreamThatAnswersAgainIsUsedAgain) {
  Runtime runtime;
  auto upstream = std::make_shared<ScriptedTransport>();
  auto options = three_failures();
  options.open_for = 0s;
  const auto transport = net::make_breaking_transport(upstream, options);
  for (int i = 0; i < 3; ++i) upstream->answer(500);
  for (int i = 0; i < 3; ++i) upstream->answer(404);
  net::HttpRequest request;
  request.url = "http://host/";

  for (const int expected : {500, 500, 500, 404, 404, 404}) {
    EXPECT_EQ(run(runtime, transport->send(request)).value().status, expected);
  }
}

}  // namespace
}  // namespace rwp::tests
