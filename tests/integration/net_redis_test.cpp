#include "net/redis/key.hpp"
#include "support/redis_fixture.hpp"
#include <rwp/observability/metrics.hpp>

namespace rwp::tests {
namespace {

using net_redis::CallOptions;
using net_redis::Client;
using net_redis::command;
using net_redis::Command;
using net_redis::Reply;
using net_redis::Script;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class RedisTest : public RedisFixture {
 protected:
  Result<Reply> run_script(const std::shared_ptr<Client>& client,
                           const std::shared_ptr<const Script>& script, std::string key,
                           CallOptions options = CallOptions()) {
    return run(runtime_, client->run(script, {std::move(key)}, {"7"}, options));
  }

  RedisServer server_;
};

TEST_F(RedisTest, CommandsAreAnswered) {
  const auto client = connect(server_.url());

  EXPECT_EQ(call(client, "SET", "key", "value").value().text, "OK");
  EXPECT_EQ(call(client, "GET", "key").value().text, "value");
  EXPECT_TRUE(call(client, "GET", "absent").value().is_nil());
  EXPECT_EQ(call(client, "INCRBY", "n", 5).value().integer, 5);
}

TEST_F(RedisTest, BytesOfAnyValueComeBack) {
  const auto client = connect(server_.url());
  std::string bytes(3'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 256);

  ASSERT_TRUE(call(client, "SET", "key", bytes).has_value());
  EXPECT_EQ(call(client, "GET", "key").value().text, bytes);
}

TEST_F(RedisTest, AnErrorAnswerIsAnErrorAndLeavesTheConnectionInUse) {
  const auto client = connect(server_.url());
  const auto before = connected(client).value();

  ASSERT_TRUE(call(client, "SET", "key", "text").has_value());
  EXPECT_EQ(call(client, "LPUSH", "key", "x").error().code(), Errc::conflict);
  EXPECT_EQ(call(client, "SETT", "key").error().code(), Errc::unsupported);
  EXPECT_EQ(call(client, "GET", "key").value().text, "text");
  EXPECT_EQ(connected(client).value().connection, before.connection);
}

/// 0 to COUNT-1, asked by as many coroutines at once.
boost::asio::awaitable<void> echo(std::shared_ptr<Client> client, int number, int* right,
                                  int* ended) {
  auto calling = client->call(command("ECHO", number));
  const auto reply = co_await std::move(calling);
  if (reply && reply->text == std::to_string(number)) ++*right;
  ++*ended;
}

TEST_F(RedisTest, ManyCoroutinesShareAConnectionAndFewWrites) {
  constexpr int kCount = 5'000;
  auto options = options_for(server_.url());
  options.metrics = observability::make_metrics();
  const auto client = connect(options);
  ASSERT_TRUE(connected(client).has_value());
  int right = 0;
  int ended = 0;
  Runtime& runtime = runtime_;
  post(runtime.executor(), [&] {
    for (int i = 0; i < kCount; ++i) {
      spawn(runtime.executor(), echo(client, i, &right, &ended));
    }
  });

  ASSERT_TRUE(eventually([&] {
    std::promise<int> seen;
    post(runtime.executor(), [&] { seen.set_value(ended); });
    return seen.get_future().get() == kCount;
  }));

  EXPECT_EQ(right, kCount);
  EXPECT_EQ(server_.cli("INFO clients | grep -c connected_clients:2"), "1");
  const std::pair<std::string, std::string> use("use", "redis");
  EXPECT_LT(options.metrics->counter("rwp_redis_round_trips_total", "", {use}).value(),
            kCount / 10);
  EXPECT_EQ(options.metrics->counter("rwp_redis_commands_total", "", {use, {"outcome", "answered"}})
                .value(),
            kCount);
}

TEST_F(RedisTest, CommandsThatAreExchangedTogetherAreATransaction) {
  const auto client = connect(server_.url());
  std::vector<Command> commands = {command("MULTI"), command("SET", "a", 1), command("INCR", "a"),
                                   command("EXEC")};

  const auto replies = run(runtime_, client->exchange(commands)).value();

  ASSERT_EQ(replies.size(), 4U);
  ASSERT_EQ(replies[3].items.size(), 2U);
  EXPECT_EQ(replies[3].items[1].integer, 2);
}

TEST_F(RedisTest, AScriptIsSentOnceAndAgainWhenTheServerHasForgottenIt) {
  auto options = options_for(server_.url());
  options.metrics = observability::make_metrics();
  const auto client = connect(options);
  const auto script =
      std::make_shared<const Script>("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  const auto sent = [&] {
    return options.metrics->counter("rwp_redis_scripts_loaded_total", "", {{"use", "redis"}})
        .value();
  };

  EXPECT_EQ(run_script(client, script, "n").value().integer, 7);
  EXPECT_EQ(run_script(client, script, "n").value().integer, 14);
  EXPECT_EQ(sent(), 1);
  ASSERT_EQ(server_.cli("SCRIPT FLUSH"), "OK");
  std::vector<std::unique_ptr<UnderWay<Reply>>> under_way;
  for (int i = 0; i < 50; ++i) {
    under_way.push_back(std::make_unique<UnderWay<Reply>>(
        runtime_, client->run(script, {"n"}, {"7"}, CallOptions())));
  }
  for (const auto& each : under_way) ASSERT_TRUE(each->outcome().has_value());

  EXPECT_EQ(call(client, "GET", "n").value().text, std::to_string(52 * 7));
  EXPECT_LE(sent(), 3);
}

TEST_F(RedisTest, WhatAScriptSaysIsWrongIsAnError) {
  const auto client = connect(server_.url());
  const auto script = std::make_shared<const Script>("return redis.error_reply('READER gone')");

  const auto failed = run_script(client, script, "n").error();

  EXPECT_EQ(failed.code(), Errc::internal);
  EXPECT_THAT(failed.message(), HasSubstr("READER gone"));
}

TEST_F(RedisTest, TheServerProcessIsNamed) {
  const auto client = connect(server_.url());

  const auto server = connected(client).value();

  EXPECT_EQ(server.run_id.size(), 40U);
  EXPECT_THAT(server_.cli("INFO server"), HasSubstr("run_id:" + server.run_id));
  EXPECT_THAT(server_.cli("INFO server"), HasSubstr("redis_version:" + server.version));
}

TEST_F(RedisTest, ADatabaseIsSelectedOnEachConnection) {
  const auto client = connect(server_.url() + "/3");
  ASSERT_TRUE(call(client, "SET", "key", "three").has_value());
  ASSERT_EQ(server_.cli("CLIENT KILL TYPE normal"), "1");

  EXPECT_EQ(call(client, "GET", "key").value().text, "three");
  EXPECT_EQ(server_.cli("-n 3 GET key"), "three");
  EXPECT_EQ(server_.cli("-n 0 GET key"), "");
}

TEST_F(RedisTest, AUnixSocketServesAsWell) {
  const auto client = connect("redis+unix://" + server_.socket_path());

  EXPECT_EQ(call(client, "SET", "key", "value").value().text, "OK");
}

TEST_F(RedisTest, ANameIsLookedUp) {
  const auto client = connect("redis://localhost:" + std::to_string(server_.port()));

  EXPECT_EQ(call(client, "PING").value().text, "PONG");
}

TEST_F(RedisTest, AUserOfTheAclIsAuthenticatedAndConfined) {
  ASSERT_EQ(server_.cli("ACL SETUSER worker on '>p@ss' '~job:*' +@read +set +role +info +ping"),
            "OK");
  const auto client = connect("redis://worker:p%40ss@" + server_.host_and_port());

  EXPECT_EQ(call(client, "SET", "job:1", "x").value().text, "OK");
  EXPECT_EQ(call(client, "SET", "other", "x").error().code(), Errc::permission_denied);
  EXPECT_EQ(call(client, "FLUSHALL").error().code(), Errc::permission_denied);
}

TEST_F(RedisTest, AWrongPasswordIsToldAtOnceAndNotShown) {
  ASSERT_EQ(server_.cli("ACL SETUSER worker on '>right' '~*' +@all"), "OK");
  const auto client = connect("redis://worker:wr0ng@" + server_.host_and_port());

  const auto failed = call(client, "GET", "key").error();

  EXPECT_EQ(failed.code(), Errc::unauthenticated);
  EXPECT_THAT(failed.to_string(), Not(HasSubstr("wr0ng")));
  // Once the server knows it, all is well.
  ASSERT_EQ(server_.cli("ACL SETUSER worker '>wr0ng'"), "OK");
  ASSERT_TRUE(connected(client).has_value());
  EXPECT_TRUE(call(client, "GET", "key").has_value());
}

TEST_F(RedisTest, APasswordOfTheDefaultUser) {
  RedisServer guarded({"--requirepass", "s3cret"});

  EXPECT_EQ(call(connect("redis://:s3cret@" + guarded.host_and_port()), "PING").value().text,
            "PONG");
  EXPECT_EQ(call(connect(guarded.url()), "PING").error().code(), Errc::unauthenticated);
}

TEST_F(RedisTest, MemoryThatIsUsedUpIsUnavailable) {
  const auto client = connect(server_.url());
  ASSERT_EQ(server_.cli("CONFIG SET maxmemory 1"), "OK");

  EXPECT_EQ(call(client, "SET", "key", "x").error().code(), Errc::unavailable);
  ASSERT_EQ(server_.cli("CONFIG SET maxmemory 0"), "OK");
  EXPECT_TRUE(call(client, "SET", "key", "x").has_value());
}

TEST_F(RedisTest, AClusterSaysWhereAKeyIs) {
  const std::string bus = std::to_string(free_port());
  const std::string other_bus = std::to_string(free_port());
  RedisServer here({"--cluster-enabled", "yes", "--cluster-port", bus});
  RedisServer there({"--cluster-enabled", "yes", "--cluster-port", other_bus});
  const std::string key = net_redis::tagged_key("rwp", "queue", "ready").value();
  const auto client = connect(here.url());
  EXPECT_EQ(here.cli("CLUSTER KEYSLOT '" + key + "'"), std::to_string(net_redis::key_slot(key)));
  EXPECT_EQ(call(client, "GET", key).error().code(), Errc::unavailable);  // CLUSTERDOWN.

  ASSERT_EQ(there.cli("CLUSTER ADDSLOTSRANGE 0 16383"), "OK");
  ASSERT_EQ(here.cli("CLUSTER MEET 127.0.0.1 " + std::to_string(there.port()) + " " + other_bus),
            "OK");
  for (const RedisServer* node : {&here, &there}) {
    ASSERT_TRUE(
        eventually([&] { return node->cli("CLUSTER INFO | grep -c cluster_state:ok") == "1"; }));
  }

  std::vector<Command> commands = {command("GET", key)};
  const auto replies = run(runtime_, client->exchange(commands)).value();
  EXPECT_EQ(net_redis::answer_error(replies.front()), net_redis::AnswerError::moved);
  EXPECT_EQ(call(client, "GET", key).error().code(), Errc::unsupported);
  EXPECT_EQ(call(connect(there.url()), "GET", key).value().is_nil(), true);
}

}  // namespace
}  // namespace rwp::tests
