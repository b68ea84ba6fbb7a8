#include "net/redis/subscriber.hpp"
#include "support/redis_fixture.hpp"

#include <atomic>

namespace rwp::tests {
namespace {

using net_redis::command;

/// A master, a replica, and three Sentinels of which two decide.
class RedisSentinelTest : public RedisFixture {
 protected:
  void SetUp() override {
    RedisFixture::SetUp();
    if (IsSkipped()) return;
    master_ = std::make_unique<RedisServer>();
    replica_ = std::make_unique<RedisServer>(
        RedisServer::Options{"--replicaof", "127.0.0.1 " + std::to_string(master_->port())});
    for (auto& sentinel : sentinels_) sentinel = RedisServer::sentinel(master_->port());
    for (const auto& sentinel : sentinels_) {
      ASSERT_TRUE(eventually(
          [&] {
            const auto known = sentinel->cli("SENTINEL master mymaster");
            return known.find("num-other-sentinels\n2") != std::string::npos &&
                   known.find("num-slaves\n1") != std::string::npos;
          },
          std::chrono::seconds(60)));
    }
  }

  std::string url() const {
    std::string hosts;
    for (const auto& sentinel : sentinels_) {
      if (!hosts.empty()) hosts += ",";
      hosts += sentinel->host_and_port();
    }
    return "redis-sentinel://" + hosts + "/mymaster";
  }
  bool is_on(const std::shared_ptr<net_redis::Client>& client, const RedisServer& server) {
    const auto seen = connected(client);
    return seen && seen->endpoint.to_string() == server.host_and_port();
  }

  std::unique_ptr<RedisServer> master_;
  std::unique_ptr<RedisServer> replica_;
  std::array<std::unique_ptr<RedisServer>, 3> sentinels_;
};

TEST_F(RedisSentinelTest, TheMasterIsFoundAlsoWhenTheFirstSentinelIsDown) {
  sentinels_[0]->kill();

  EXPECT_TRUE(is_on(connect(url()), *master_));
}

TEST_F(RedisSentinelTest, AnUnknownNameIsUnavailable) {
  auto options = options_for(url() + "x");
  options.command_timeout = std::chrono::milliseconds(300);
  const auto failed = call(connect(options), "PING").error();

  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_THAT(failed.to_string(), ::testing::HasSubstr("mymasterx"));
}

TEST_F(RedisSentinelTest, WhenTheMasterDiesTheClientFollowsToTheReplica) {
  const auto client = connect(url());
  ASSERT_TRUE(is_on(client, *master_));
  const auto before = connected(client).value();
  ASSERT_TRUE(call(client, "SET", "key", "value").has_value());
  std::atomic<int> subscribed = 0;
  net_redis::SubscriptionHandlers handlers;
  handlers.on_subscribed = [&subscribed] { ++subscribed; };
  const auto subscriber =
      net_redis::Subscriber::make(runtime_, options_for(url()), {"one"}, handlers).value();
  ASSERT_TRUE(eventually([&] { return subscribed == 1; }));
  master_->kill();

  ASSERT_TRUE(eventually([&] { return is_on(client, *replica_); }, std::chrono::seconds(90)));
  EXPECT_TRUE(call(client, "SET", "key", "after").has_value());
  EXPECT_NE(connected(client).value().run_id, before.run_id);
  EXPECT_TRUE(eventually([&] { return subscribed == 2; }, std::chrono::seconds(30)));
  EXPECT_EQ(replica_->cli("PUBLISH one a"), "1");
  // The old master comes back, as a replica in the end, and is not written to.
  master_->start();
  EXPECT_TRUE(call(client, "SET", "key", "last").has_value());
  EXPECT_EQ(replica_->cli("GET key"), "last");
}

TEST_F(RedisSentinelTest, ASwitchWhileTheOldMasterLivesIsFollowedAtOnce) {
  const auto client = connect(url());
  ASSERT_TRUE(is_on(client, *master_));
  // Such a client is told by the Sentinels; its connection to the old master stands.
  ASSERT_TRUE(eventually([&] { return sentinels_[0]->cli("SENTINEL failover mymaster") == "OK"; },
                         std::chrono::seconds(60)));

  ASSERT_TRUE(eventually([&] { return is_on(client, *replica_); }, std::chrono::seconds(90)));
  EXPECT_TRUE(call(client, "SET", "key", "value").has_value());
  EXPECT_EQ(replica_->cli("GET key"), "value");
}

class RedisStaleSentinelTest : public RedisFixture {};

TEST_F(RedisStaleSentinelTest, TheNextSentinelIsAskedWhenTheNamedMasterIsOfNoUse) {
  RedisServer dead;
  RedisServer alive;
  // Alone, it can agree with nobody on another master.
  const auto stale = RedisServer::sentinel(dead.port());
  const auto fresh = RedisServer::sentinel(alive.port());
  dead.kill();

  const auto client = connect("redis-sentinel://" + stale->host_and_port() + "," +
                              fresh->host_and_port() + "/mymaster");

  EXPECT_EQ(connected(client).value().endpoint.to_string(), alive.host_and_port());
}

}  // namespace
}  // namespace rwp::tests
