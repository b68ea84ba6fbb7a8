#include "support/ai_fixture.hpp"
#include "support/redis_fixture.hpp"
#include <rwp/ai_redis/fleet.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::ai_redis {
namespace {

using tests::on_io;
using tests::RedisServer;
using tests::run;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// Takes as much as it is given for a while, as many calls at once as it says.
struct Taker {
  std::vector<Clock::time_point> at{};
  std::size_t ended = 0;
  Clock::time_point until{};
};

boost::asio::awaitable<void> take(std::shared_ptr<Taker> taker,
                                  std::shared_ptr<ai::RateAllowance> rates, std::int64_t tokens) {
  while (Clock::now() < taker->until) {
    auto got = co_await rates->acquire(tokens, taker->until);
    if (got) {
      taker->at.push_back(Clock::now());
    } else if (!co_await sleep_for(5ms)) {
      break;
    }
  }
  ++taker->ended;
}

class SharedRateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RedisServer::is_there()) GTEST_SKIP() << "redis-tools is not installed";
    options_.requests_per_minute = 600;
    options_.minute = 6s;
    options_.burst = 100ms;
  }

  std::shared_ptr<Fleet> join(const std::string& url, std::size_t unseen = 8) {
    FleetOptions options;
    options.unseen_members = unseen;
    // Slow machines are not away.
    options.patience = 5s;
    return open_fleet(runtime_, url, std::move(options)).value();
  }
  std::shared_ptr<Fleet> join(const RedisServer& server) {
    auto fleet = join(server.url());
    EXPECT_TRUE(run(runtime_, fleet->connected(Clock::now() + tests::kGuard)).has_value());
    return fleet;
  }
  bool sees(const std::shared_ptr<Fleet>& fleet, std::size_t members) {
    return tests::eventually(
        runtime_, [fleet, members] { return fleet->is_there() && fleet->members() == members; });
  }
  std::shared_ptr<Taker> start(const std::shared_ptr<ai::RateAllowance>& rates,
                               Clock::time_point until, int calls = 4, std::int64_t tokens = 0) {
    auto taker = std::make_shared<Taker>();
    taker->until = until;
    for (int i = 0; i < calls; ++i) spawn(runtime_.executor(), take(taker, rates, tokens));
    return taker;
  }
  std::size_t taken(const std::shared_ptr<Taker>& taker, std::size_t calls = 4) {
    EXPECT_TRUE(tests::eventually(runtime_, [&] { return taker->ended == calls; }));
    return taker->at.size();
  }
  Result<void> acquire(const std::shared_ptr<ai::RateAllowance>& rates, std::int64_t tokens,
                       Clock::duration patience) {
    return run(runtime_, rates->acquire(tokens, Clock::now() + patience));
  }

  ai::RateAllowanceOptions options_;
  Runtime runtime_;
};

TEST_F(SharedRateTest, MembersTogetherKeepTheLimitAndUseIt) {
  RedisServer server;
  const auto one = join(server);
  const auto two = join(server);
  const auto three = join(server);
  const auto begun = Clock::now();
  const auto until = begun + 2s;
  std::vector<std::shared_ptr<Taker>> takers;
  for (const auto& fleet : {one, two, three}) {
    takers.push_back(start(fleet->rates("upstream", options_), until));
  }
  std::size_t sum = 0;
  for (const auto& taker : takers) {
    const std::size_t count = taken(taker);
    sum += count;
  }
  const double passed = std::chrono::duration<double>(Clock::now() - begun).count();
  // 100 a second, and a burst of ten; the bucket begins empty.
  EXPECT_LE(static_cast<double>(sum), 100 * passed + 10);
  EXPECT_GT(sum, 10U);
}

TEST_F(SharedRateTest, StandingTellsTheLimitAndWhatIsLeftOfIt) {
  RedisServer server;
  const auto fleet = join(server);
  options_.burst = 6s;
  const auto rates = fleet->rates("tenant", options_);
  ASSERT_TRUE(acquire(rates, 0, tests::kGuard).has_value());

  const auto standing = rates->standing();

  EXPECT_EQ(standing.requests.limit, 600);
  ASSERT_TRUE(standing.requests.remaining && standing.requests.reset);
  EXPECT_LT(*standing.requests.remaining, 600);
  EXPECT_GT(standing.requests.reset->count(), 0);
  EXPECT_FALSE(standing.tokens.limit) << "no tokens are limited";
}

TEST_F(SharedRateTest, FlushedRedisGivesNothingThatWasNotThere) {
  RedisServer server;
  const auto one = join(server);
  const auto two = join(server);
  const auto begun = Clock::now();
  const auto until = begun + 2s;
  const auto first = start(one->rates("upstream", options_), until);
  const auto second = start(two->rates("upstream", options_), until);
  for (int i = 0; i < 10; ++i) {
    run(runtime_, sleep_for(100ms)).value();
    EXPECT_EQ(server.cli("FLUSHALL"), "OK");
  }
  const std::size_t sum = taken(first) + taken(second);
  const double passed = std::chrono::duration<double>(Clock::now() - begun).count();
  EXPECT_LE(static_cast<double>(sum), 100 * passed + 10);
  EXPECT_GT(sum, 0U);
}

TEST_F(SharedRateTest, RedisThatGoesBackToAnOlderFileGivesNothingThatWasNotThere) {
  RedisServer server({"--appendonly", "no"});
  options_.burst = 2s;  // 200: a full bucket in the file would be seen.
  options_.requests_per_minute = 6'000;
  options_.minute = 60s;
  const auto fleet = join(server);
  const auto rates = fleet->rates("upstream", options_);
  ASSERT_TRUE(acquire(rates, 0, 10s).has_value());
  // Idle for two seconds, then all that is there is in the file.
  run(runtime_, sleep_for(2s)).value();
  EXPECT_EQ(server.cli("SAVE"), "OK");
  std::size_t before = 0;
  for (int i = 0; i < 20 && before <= 20; ++i) before += taken(start(rates, Clock::now() + 300ms));
  EXPECT_GT(before, 20U);
  server.kill();
  const auto down = Clock::now();
  server.start();
  ASSERT_TRUE(sees(fleet, 1));
  const auto again = start(rates, Clock::now() + 300ms);
  const std::size_t count = taken(again);
  const double passed = std::chrono::duration<double>(Clock::now() - down).count();
  EXPECT_LE(static_cast<double>(count), 100 * passed + 40);
}

TEST_F(SharedRateTest, WithoutRedisEachHasTheLimitDividedByTheMembersLastSeen) {
  RedisServer server;
  std::vector<std::shared_ptr<Fleet>> fleets;
  for (int i = 0; i < 4; ++i) fleets.push_back(join(server));
  for (const auto& fleet : fleets) {
    ASSERT_TRUE(tests::eventually(runtime_, [&] { return fleet->members() == 4; }));
  }
  std::vector<std::shared_ptr<ai::RateAllowance>> rates;
  for (const auto& fleet : fleets) rates.push_back(fleet->rates("upstream", options_));
  for (const auto& rate : rates) ASSERT_TRUE(acquire(rate, 0, 10s).has_value());
  server.kill();
  ASSERT_TRUE(tests::eventually(runtime_, [&] { return !fleets[0]->is_there(); }));
  const auto begun = Clock::now();
  std::vector<std::shared_ptr<Taker>> takers;
  for (const auto& rate : rates) takers.push_back(start(rate, begun + 2s));
  std::size_t sum = 0;
  for (const auto& taker : takers) sum += taken(taker);
  const double passed = std::chrono::duration<double>(Clock::now() - begun).count();
  // What each held, its burst, and 25 a second.
  EXPECT_LE(static_cast<double>(sum), 100 * passed + 4 * 2 * 5 + 10);
  EXPECT_GT(sum, 0U);
}

TEST_F(SharedRateTest, MemberThatHasNeverSeenRedisTakesItsPartOfMany) {
  const auto fleet = join("redis://127.0.0.1:" + std::to_string(tests::free_port()), 50);
  const auto rates = fleet->rates("upstream", options_);
  const auto begun = Clock::now();
  ASSERT_TRUE(acquire(rates, 0, 10s).has_value());
  const auto taker = start(rates, Clock::now() + 500ms);
  const std::size_t count = taken(taker);
  const double passed = std::chrono::duration<double>(Clock::now() - begun).count();
  EXPECT_EQ(fleet->members(), 50U);
  EXPECT_LE(static_cast<double>(count), 2 * passed + 2);
}

TEST_F(SharedRateTest, StoppedRedisHoldsNoCallUpForLong) {
  RedisServer server;
  FleetOptions options;
  options.patience = 50ms;
  const auto fleet = open_fleet(runtime_, server.url(), options).value();
  const auto rates = fleet->rates("upstream", options_);
  ASSERT_TRUE(acquire(rates, 0, 10s).has_value());
  server.pause();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(acquire(rates, 0, 10s).has_value());
  server.resume();
  EXPECT_TRUE(tests::eventually(runtime_, [&] { return fleet->is_there(); }));
  EXPECT_TRUE(acquire(rates, 0, 10s).has_value());
}

TEST_F(SharedRateTest, UpstreamsWordAndPauseReachTheOthers) {
  RedisServer server;
  const auto one = join(server)->rates("upstream", options_);
  const auto other_fleet = join(server);
  const auto two = other_fleet->rates("upstream", options_);
  ASSERT_TRUE(acquire(one, 0, 10s).has_value());
  ASSERT_TRUE(acquire(two, 0, 10s).has_value());
  on_io(runtime_, [&] { one->pause(60s); });
  const auto deadline = Clock::now() + tests::kGuard;
  bool held = false;
  while (!held && Clock::now() < deadline) {
    auto tried = run(runtime_, two->acquire(0, Clock::now() + 1ms));
    held = tried.has_error() && tried.error().retry_after().value_or(0ms) > 30s;
  }
  EXPECT_TRUE(held);
}

TEST_F(SharedRateTest, ReportedLimitHoldsForMembersThatHaveNotHeardIt) {
  RedisServer server;
  options_.requests_per_minute = 60'000;
  options_.minute = 60s;
  const auto one_fleet = join(server);
  const auto two_fleet = join(server);
  const auto one = one_fleet->rates("upstream", options_);
  const auto two = two_fleet->rates("upstream", options_);
  ASSERT_TRUE(acquire(one, 0, 10s).has_value());
  ai::RateReport report;
  report.requests.limit = 60;
  on_io(runtime_, [&] { one->report(report); });
  ASSERT_TRUE(acquire(one, 0, 10s).has_value());
  ASSERT_TRUE(tests::eventually(runtime_, [&] {
    return server.cli("HGET rwp:ai:{rates}:rate:upstream said_rq").starts_with("60");
  }));
  const auto taker = start(two, Clock::now() + 500ms);
  // A thousand a second without the other's word.
  EXPECT_LE(taken(taker), 100U);
}

TEST_F(SharedRateTest, CallsLargerThanAllThatMayLieThereGoInTheirTime) {
  RedisServer server;
  options_.requests_per_minute = 0;
  options_.tokens_per_minute = 60'000;
  const auto fleet = join(server);
  const auto rates = fleet->rates("upstream", options_);
  // 10,000 a second; a burst is 1,000.
  const auto begun = Clock::now();
  ASSERT_TRUE(acquire(rates, 5'000, 10s).has_value());
  EXPECT_GE(Clock::now() - begun, 300ms);
  // A whole minute's is more than is waited for: it goes into debt, for which the next waits.
  ASSERT_TRUE(acquire(rates, 60'000, 15s).has_value());
  const auto behind = acquire(rates, 1'000, 50ms);
  ASSERT_TRUE(behind.has_error());
  EXPECT_EQ(behind.error().code(), Errc::rate_limited);
  EXPECT_GT(behind.error().retry_after().value_or(0ms), 500ms);
}

TEST_F(SharedRateTest, WhoGivesUpLeavesHisPlace) {
  RedisServer server;
  options_.requests_per_minute = 60;
  options_.minute = 60s;
  const auto fleet = join(server);
  const auto rates = fleet->rates("upstream", options_);
  ASSERT_TRUE(acquire(rates, 0, 10s).has_value());
  std::vector<std::unique_ptr<Task>> tasks;
  const auto taker = std::make_shared<Taker>();
  taker->until = Clock::now() + 60s;
  for (int i = 0; i < 20; ++i) {
    tasks.push_back(std::make_unique<Task>(runtime_.executor(), take(taker, rates, 0),
                                           [taker](const std::exception_ptr& thrown) {
                                             if (thrown) ++taker->ended;
                                           }));
  }
  on_io(runtime_, [] {});
  for (const auto& task : tasks) task->cancel();
  ASSERT_TRUE(tests::eventually(runtime_, [&] { return taker->ended == 20; }));
  // Not behind twenty who are gone: the next comes within a second or two.
  EXPECT_TRUE(acquire(rates, 0, 10s).has_value());
}

TEST_F(SharedRateTest, WaitThatWouldBeTooLongIsRefusedAtOnce) {
  RedisServer server;
  options_.requests_per_minute = 1;
  options_.minute = 60s;
  const auto fleet = join(server);
  const auto rates = fleet->rates("tenant/acme", options_);
  const auto refused = acquire(rates, 0, 50ms);
  ASSERT_TRUE(refused.has_error());
  EXPECT_EQ(refused.error().code(), Errc::rate_limited);
  EXPECT_GT(refused.error().retry_after().value_or(0ms), 30s);
  // As one that was told what there is, also while it waits for the first word.
  const auto again = Clock::now();
  EXPECT_EQ(acquire(rates, 0, 18s).error().code(), Errc::rate_limited);
  EXPECT_LT(Clock::now() - again, 15s);
}

TEST_F(SharedRateTest, UselessOptionsAreRefused) {
  FleetOptions options;
  options.prefix = "a{b}";
  EXPECT_EQ(open_fleet(runtime_, "redis://127.0.0.1", options).error().code(),
            Errc::invalid_argument);
  EXPECT_EQ(open_fleet(runtime_, "http://127.0.0.1").error().code(), Errc::invalid_argument);
}

}  // namespace
}  // namespace rwp::ai_redis
