#include "support/run.hpp"
#include "support/scripted_transport.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/net/circuit_breaker.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <utility>

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

/// Passes requests on, once it is told to.
class HeldTransport final : public net::HttpTransport {
 public:
  explicit HeldTransport(std::shared_ptr<net::HttpTransport> inner) : inner_(std::move(inner)) {}
  void hold() { held_ = true; }
  void wait_until_entered() { entered_.get_future().wait(); }
  void release(Runtime& runtime) {
    post(runtime.executor(), [this] {
      held_ = false;
      changed_.notify_all();
    });
  }

 private:
  boost::asio::awaitable<Result<std::unique_ptr<net::HttpExchange>>> do_open(
      net::HttpRequest request) override {
    if (held_) entered_.set_value();
    while (held_) (void)co_await changed_.wait_until(SteadyTime::max());
    auto opening = inner_->open(std::move(request));
    co_return co_await std::move(opening);
  }

  std::shared_ptr<net::HttpTransport> inner_;
  bool held_ = false;
  std::promise<void> entered_;
  Signal changed_;
};

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

TEST(BreakingTransportTest, WhileAProbeIsUnderWayNoWaitIsTold) {
  Runtime runtime;
  auto options = three_failures();
  options.failures = 1;
  options.open_for = 0s;
  const auto upstream = std::make_shared<ScriptedTransport>();
  const auto held = std::make_shared<HeldTransport>(upstream);
  const auto transport = net::make_breaking_transport(held, options);
  upstream->answer(500);
  upstream->answer(200);
  net::HttpRequest request;
  request.url = "http://host/";
  EXPECT_EQ(run(runtime, transport->send(request)).value().status, 500);
  held->hold();
  auto probe =
      std::async(std::launch::async, [&] { return block_on(runtime, transport->send(request)); });
  held->wait_until_entered();

  const auto refused = run(runtime, transport->send(request)).error();

  EXPECT_EQ(refused.code(), Errc::unavailable);
  EXPECT_FALSE(refused.retry_after().has_value());
  held->release(runtime);
  EXPECT_EQ(probe.get().value().status, 200);
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
