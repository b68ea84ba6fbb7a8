#include "support/ai_fixture.hpp"
#include "support/redis_fixture.hpp"
#include <rwp/ai/cached.hpp>
#include <rwp/ai/coalesced.hpp>
#include <rwp/ai_redis/fleet.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::ai_redis {
namespace {

using tests::chat_request;
using tests::on_io;
using tests::RedisServer;
using tests::run;
using tests::start;
using namespace std::chrono_literals;

class SharedFlightTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RedisServer::is_there()) GTEST_SKIP() << "redis-tools is not installed";
    server_ = std::make_unique<RedisServer>();
    options_.patience = 5s;
    one_ = join();
    other_ = join();
  }
  std::shared_ptr<Fleet> join() {
    auto fleet = open_fleet(runtime_, server_->url(), options_).value();
    EXPECT_TRUE(run(runtime_, fleet->connected(std::chrono::steady_clock::now() + tests::kGuard))
                    .has_value());
    return fleet;
  }
  bool eventually(std::function<bool()> holds) {
    return tests::eventually(runtime_, std::move(holds));
  }
  bool ended(const std::shared_ptr<tests::StartedCall>& call) {
    return eventually([call] { return call->end.has_value(); });
  }
  std::shared_ptr<ai::Model> stack(const std::shared_ptr<Fleet>& fleet, bool cached = false) {
    ai::CoalescedOptions options;
    options.board = fleet->flights("up");
    auto model = ai::make_coalesced(inner_, options);
    if (!cached) return model;
    ai::CachedOptions cache;
    cache.cache = fleet->cache();
    return ai::make_cached(std::move(model), cache);
  }
  /// Where a key lies, once somebody has taken off.
  std::string place(const std::string& key) {
    return server_->cli("KEYS rwp:ai:{flights}:*/" + key);
  }
  std::string flights() { return server_->cli("KEYS rwp:ai:{flights}:*"); }

  std::unique_ptr<RedisServer> server_;
  FleetOptions options_;
  std::shared_ptr<tests::GatedModel> inner_ = std::make_shared<tests::GatedModel>();
  Runtime runtime_;
  std::shared_ptr<Fleet> one_;
  std::shared_ptr<Fleet> other_;
};

TEST_F(SharedFlightTest, OneProcessAsksAndAllGetItsAnswer) {
  const auto leads = start(runtime_, stack(one_), chat_request("?"));
  ASSERT_TRUE(eventually([this] { return inner_->begun == 1; }));
  std::vector<std::shared_ptr<tests::StartedCall>> calls;
  for (int i = 0; i < 8; ++i) calls.push_back(start(runtime_, stack(other_), chat_request("?")));
  ASSERT_TRUE(eventually([this] { return flights().find(":waits") != std::string::npos; }));
  on_io(runtime_, [this] { inner_->let_go(9); });
  ASSERT_TRUE(ended(leads));
  EXPECT_EQ(leads->end->value().source, ai::AnswerSource::model);
  for (const auto& call : calls) {
    ASSERT_TRUE(ended(call));
    EXPECT_EQ(call->end->value().content, "half whole");
    EXPECT_EQ(call->end->value().source, ai::AnswerSource::shared);
  }
  EXPECT_EQ(inner_->begun, 1);
}

TEST_F(SharedFlightTest, WhoMissedTheCacheByAMomentIsAnsweredByTheBoard) {
  on_io(runtime_, [this] { inner_->let_go(9); });
  ASSERT_TRUE(ended(start(runtime_, stack(one_), chat_request("?"))));
  const auto late = start(runtime_, stack(other_), chat_request("?"));
  ASSERT_TRUE(ended(late));
  EXPECT_EQ(late->end->value().source, ai::AnswerSource::shared);
  EXPECT_EQ(inner_->begun, 1);
}

TEST_F(SharedFlightTest, CacheAnswersAFurtherProcessAndAStream) {
  on_io(runtime_, [this] { inner_->let_go(9); });
  ASSERT_TRUE(ended(start(runtime_, stack(one_, true), chat_request("?"))));
  const auto hit = start(runtime_, stack(other_, true), chat_request("?"), true);
  ASSERT_TRUE(ended(hit));
  EXPECT_EQ(hit->end->value().source, ai::AnswerSource::cache);
  EXPECT_EQ(hit->streamed, "half whole");
  EXPECT_EQ(inner_->begun, 1);
}

TEST_F(SharedFlightTest, CancelledLeaderLetsAnotherProcessLead) {
  const auto leads = start(runtime_, stack(one_), chat_request("?"));
  ASSERT_TRUE(eventually([this] { return inner_->begun == 1; }));
  const auto waits = start(runtime_, stack(other_), chat_request("?"));
  ASSERT_TRUE(eventually([this] { return flights().find(":waits") != std::string::npos; }));
  leads->task.cancel();
  ASSERT_TRUE(ended(leads));
  ASSERT_TRUE(eventually([this] { return inner_->begun == 2; }));
  on_io(runtime_, [this] { inner_->let_go(2); });
  ASSERT_TRUE(ended(waits));
  EXPECT_TRUE(waits->end->has_value());
}

TEST_F(SharedFlightTest, DeadLeaderFreesTheKeyInTime) {
  ASSERT_EQ(run(runtime_, one_->flights("up")->take_off("k")).value().turn,
            ai::TakeOff::Turn::leads);
  const std::string lies = place("k");
  one_->flights("up")->give_up("k");
  ASSERT_TRUE(eventually([&] { return place("k").empty(); }));
  // Of a process that took off and died: nobody renews it.
  server_->cli("SET " + lies + " Fsomebody-else PX 60000");
  const auto flights = other_->flights("up");
  EXPECT_EQ(run(runtime_, flights->take_off("k")).value().turn, ai::TakeOff::Turn::waits);
  server_->cli("PEXPIRE " + lies + " 300");
  const auto waited =
      run(runtime_, flights->wait_landed("k", std::chrono::steady_clock::now() + 15s));
  EXPECT_FALSE(waited.value().has_value());
  EXPECT_EQ(run(runtime_, flights->take_off("k")).value().turn, ai::TakeOff::Turn::leads);
}

TEST_F(SharedFlightTest, LeaderThatLivesKeepsItsKeyBeyondTheLease) {
  options_.flight_lease = 1s;
  const auto leader = join();
  ASSERT_EQ(run(runtime_, leader->flights("up")->take_off("k")).value().turn,
            ai::TakeOff::Turn::leads);
  run(runtime_, sleep_for(1500ms)).value();
  // A slow machine may renew it late, and does so all the same.
  EXPECT_TRUE(eventually([this] { return server_->cli("GET " + place("k")).starts_with("F"); }));
  // Nor does a flush end it.
  server_->cli("FLUSHALL");
  EXPECT_TRUE(eventually([this] { return server_->cli("GET " + place("k")).starts_with("F"); }));
}

TEST_F(SharedFlightTest, RedisAwayLetsEachProcessAskForItself) {
  server_->kill();
  on_io(runtime_, [this] { inner_->let_go(9); });
  const auto one = start(runtime_, stack(one_, true), chat_request("?"));
  const auto two = start(runtime_, stack(other_, true), chat_request("?"));
  ASSERT_TRUE(ended(one));
  ASSERT_TRUE(ended(two));
  EXPECT_TRUE(one->end->has_value());
  EXPECT_TRUE(two->end->has_value());
  EXPECT_EQ(inner_->begun, 2);
}

TEST_F(SharedFlightTest, RedisThatGoesAwayWhileOneWaitsHoldsNobodyUp) {
  const auto leads = start(runtime_, stack(one_), chat_request("?"));
  ASSERT_TRUE(eventually([this] { return inner_->begun == 1; }));
  const auto waits = start(runtime_, stack(other_), chat_request("?"));
  ASSERT_TRUE(eventually([this] { return flights().find(":waits") != std::string::npos; }));
  server_->kill();
  ASSERT_TRUE(eventually([this] { return inner_->begun == 2; }));
  on_io(runtime_, [this] { inner_->let_go(2); });
  ASSERT_TRUE(ended(leads));
  ASSERT_TRUE(ended(waits));
  EXPECT_TRUE(waits->end->has_value());
}

TEST_F(SharedFlightTest, LargeAnswersAreKeptCompressedWithinBounds) {
  const auto cache = one_->cache();
  std::string text;
  for (int i = 0; i < 2'000; ++i) text += "skill " + std::to_string(i % 50) + "; ";
  ASSERT_TRUE(run(runtime_, cache->put("large", text, 60s)).has_value());
  EXPECT_EQ(run(runtime_, other_->cache()->get("large")).value().value_or(""), text);
  EXPECT_LT(std::stoul(server_->cli("STRLEN rwp:ai:{answers}:large")), text.size() / 2);
  const std::string beyond(options_.max_answer_bytes + 1, 'x');
  ASSERT_TRUE(run(runtime_, cache->put("beyond", beyond, 60s)).has_value());
  EXPECT_FALSE(run(runtime_, cache->get("beyond")).value().has_value());
  // What is none of ours counts as not there.
  server_->cli("SET rwp:ai:{answers}:odd zzzzzzzzz");
  EXPECT_FALSE(run(runtime_, cache->get("odd")).value().has_value());
  EXPECT_FALSE(run(runtime_, cache->get("none")).value().has_value());
}

}  // namespace
}  // namespace rwp::ai_redis
