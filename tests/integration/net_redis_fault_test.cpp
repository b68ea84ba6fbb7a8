#include "support/redis_fixture.hpp"
#include <rwp/observability/metrics.hpp>

namespace rwp::tests {
namespace {

using net_redis::CallOptions;
using net_redis::command;
using net_redis::Reply;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class RedisFaultTest : public RedisFixture {
 protected:
  bool client_is_cut_off(const std::shared_ptr<net_redis::Client>& client) {
    std::promise<bool> seen;
    post(runtime_.executor(), [&] { seen.set_value(!client->server()); });
    return seen.get_future().get();
  }

  RedisServer server_;
};

TEST_F(RedisFaultTest, AKilledConnectionIsMadeAnew) {
  const auto client = connect(server_.url());
  const auto before = connected(client).value();
  ASSERT_EQ(server_.cli("CLIENT KILL TYPE normal"), "1");

  EXPECT_EQ(call(client, "SET", "key", "value").value().text, "OK");
  const auto after = connected(client).value();
  EXPECT_GT(after.connection, before.connection);
  EXPECT_EQ(after.run_id, before.run_id);
}

TEST_F(RedisFaultTest, CommandsUnderWayWhenTheConnectionIsKilledHaveAnUnknownOutcome) {
  const auto client = connect(server_.url());
  ASSERT_TRUE(connected(client).has_value());
  ASSERT_EQ(server_.cli("CLIENT PAUSE 60000 WRITE"), "OK");
  const auto write = start(client, command("SET", "key", "value"));
  CallOptions again;
  again.repeatable = true;
  const auto read = start(client, command("INCR", "repeated"), again);
  ASSERT_TRUE(
      eventually([&] { return server_.cli("INFO clients | grep -c blocked_clients:1") == "1"; }));
  ASSERT_EQ(server_.cli("CLIENT KILL TYPE normal"), "1");

  const auto failed = write->outcome().error();
  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_TRUE(failed.retryable());
  EXPECT_THAT(failed.message(), HasSubstr("outcome is unknown"));
  ASSERT_EQ(server_.cli("CLIENT UNPAUSE"), "OK");
  EXPECT_EQ(read->outcome().value().integer, 1);
}

TEST_F(RedisFaultTest, ALateAnswerShiftsNoOther) {
  const auto client = connect(server_.url());
  ASSERT_TRUE(call(client, "SET", "second", "2").has_value());
  ASSERT_EQ(server_.cli("CLIENT PAUSE 60000 WRITE"), "OK");
  CallOptions brief;
  brief.timeout = 50ms;

  const auto failed = start(client, command("INCR", "first"), brief)->outcome().error();
  const auto next = start(client, command("GET", "second"));

  EXPECT_EQ(failed.code(), Errc::deadline_exceeded);
  EXPECT_THAT(failed.message(), HasSubstr("outcome is unknown"));
  ASSERT_EQ(server_.cli("CLIENT UNPAUSE"), "OK");
  EXPECT_EQ(next->outcome().value().text, "2");
  EXPECT_EQ(call(client, "GET", "first").value().text, "1");
}

TEST_F(RedisFaultTest, ACancelledCallShiftsNoOther) {
  const auto client = connect(server_.url());
  ASSERT_TRUE(call(client, "SET", "second", "2").has_value());
  server_.pause();
  const auto dropped = start(client, command("INCR", "first"));
  const auto next = start(client, command("GET", "second"));
  dropped->cancel();

  EXPECT_EQ(dropped->outcome().error().code(), Errc::cancelled);
  server_.resume();
  EXPECT_EQ(next->outcome().value().text, "2");
}

TEST_F(RedisFaultTest, ARestartedServerIsKnownByAnotherRunId) {
  const auto client = connect(server_.url());
  const auto before = connected(client).value();
  server_.stop();
  const auto waits = start(client, command("SET", "key", "value"));
  server_.start();

  EXPECT_EQ(waits->outcome().value().text, "OK");
  const auto after = connected(client).value();
  EXPECT_NE(after.run_id, before.run_id);
  CallOptions bound;
  bound.only_on = before.connection;
  const auto failed = start(client, command("SET", "key", "stale"), bound)->outcome().error();
  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_EQ(call(client, "GET", "key").value().text, "value");
}

TEST_F(RedisFaultTest, ACallBoundToAConnectionIsSentOnNoOther) {
  const auto client = connect(server_.url());
  CallOptions bound;
  bound.only_on = connected(client).value().connection;
  ASSERT_TRUE(start(client, command("SET", "key", "first"), bound)->outcome().has_value());
  server_.kill();
  server_.start();

  const auto outcome = start(client, command("SET", "key", "second"), bound)->outcome();

  EXPECT_EQ(outcome.error().code(), Errc::unavailable);
  EXPECT_TRUE(call(client, "GET", "key").value().is_nil());
}

TEST_F(RedisFaultTest, WithoutAServerCallsEndByTheirDeadlines) {
  const auto client = connect(server_.url());
  ASSERT_TRUE(connected(client).has_value());
  server_.kill();
  CallOptions brief;
  brief.timeout = 50ms;
  const auto waited = start(client, command("GET", "key"), brief)->outcome().error();
  EXPECT_EQ(waited.code(), Errc::unavailable);
  brief.timeout = kGuard;
  brief.wait_for_connection = false;
  ASSERT_TRUE(eventually([&] { return client_is_cut_off(client); }));

  const auto refused = start(client, command("GET", "key"), brief)->outcome().error();

  EXPECT_EQ(refused.code(), Errc::unavailable);
  EXPECT_THAT(refused.message(), HasSubstr("not sent"));
}

TEST_F(RedisFaultTest, ASilentServerIsGivenUp) {
  auto options = options_for(server_.url());
  options.ping_interval = 50ms;
  options.longest_silence = 100ms;
  const auto client = connect(options);
  const auto before = connected(client).value();
  server_.pause();
  // Nobody asks anything: the client's own PING finds out.
  ASSERT_TRUE(eventually([&] { return client_is_cut_off(client); }));
  server_.resume();

  EXPECT_EQ(call(client, "PING").value().text, "PONG");
  EXPECT_GT(connected(client).value().connection, before.connection);
}

TEST_F(RedisFaultTest, AnIdleConnectionThatAnswersIsKept) {
  auto options = options_for(server_.url());
  options.ping_interval = 10ms;
  const auto client = connect(options);
  const auto before = connected(client).value();

  ASSERT_TRUE(eventually([&] {
    return server_.cli("INFO commandstats | grep -E -c 'cmdstat_ping:calls=([2-9][0-9])'") == "1";
  }));

  EXPECT_EQ(connected(client).value().connection, before.connection);
}

TEST_F(RedisFaultTest, TooManyCommandsAreRefusedAndNotKept) {
  auto options = options_for(server_.url());
  options.max_pending = 10;
  const auto client = connect(options);
  ASSERT_TRUE(connected(client).has_value());
  server_.pause();
  std::vector<std::unique_ptr<UnderWay<Reply>>> under_way;
  for (int i = 0; i < 10; ++i) under_way.push_back(start(client, command("INCR", "n")));

  EXPECT_EQ(start(client, command("INCR", "n"))->outcome().error().code(), Errc::unavailable);

  server_.resume();
  for (const auto& each : under_way) EXPECT_TRUE(each->outcome().has_value());
}

TEST_F(RedisFaultTest, AReplicaIsNeverWrittenTo) {
  RedisServer replica({"--replicaof", "127.0.0.1 " + std::to_string(server_.port())});
  auto options = options_for(replica.url());
  options.command_timeout = 300ms;
  const auto client = connect(options);

  const auto failed = call(client, "SET", "key", "value").error();

  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_THAT(failed.to_string(), HasSubstr("not a master"));
  // Once it is promoted, it is used.
  ASSERT_EQ(replica.cli("REPLICAOF NO ONE"), "OK");
  ASSERT_TRUE(connected(client).has_value());
  EXPECT_TRUE(call(client, "SET", "key", "value").has_value());
}

TEST_F(RedisFaultTest, AMasterThatIsDemotedIsLeft) {
  RedisServer other;
  auto options = options_for(server_.url());
  const auto client = connect(options);
  ASSERT_TRUE(connected(client).has_value());
  ASSERT_EQ(server_.cli("REPLICAOF 127.0.0.1 " + std::to_string(other.port())), "OK");

  const auto failed = call(client, "SET", "key", "value").error();

  EXPECT_EQ(failed.code(), Errc::unavailable);
  ASSERT_TRUE(eventually([&] { return client_is_cut_off(client); }));
  EXPECT_EQ(other.cli("EXISTS key"), "0");
}

TEST_F(RedisFaultTest, AServerThatLoadsItsDataIsWaitedFor) {
  RedisServer slow({"--enable-debug-command", "yes", "--key-load-delay", "20000",
                    "--loading-process-events-interval-bytes", "1024"});
  ASSERT_EQ(slow.cli("DEBUG POPULATE 200 key 100"), "OK");
  const auto client = connect(slow.url());
  ASSERT_TRUE(connected(client).has_value());
  // It answers while it reads its file anew.
  const auto loading = std::async(std::launch::async, [&] { return slow.cli("DEBUG RELOAD"); });
  std::vector<net_redis::Command> commands = {command("GET", "key:1")};
  ASSERT_TRUE(eventually([&] {
    const auto replies = run(runtime_, client->exchange(commands));
    return replies && net_redis::answer_error(replies->front()) == net_redis::AnswerError::loading;
  }));
  const auto late = connect(slow.url());

  EXPECT_TRUE(call(late, "SET", "key", "value").has_value());
}

TEST_F(RedisFaultTest, AClientThatGoesEndsItsCalls) {
  auto client = connect(server_.url());
  ASSERT_TRUE(connected(client).has_value());
  server_.pause();
  const auto under_way = start(client, command("INCR", "n"));
  client.reset();

  const auto outcome = under_way->outcome();

  server_.resume();
  EXPECT_FALSE(outcome.has_value());
}

TEST_F(RedisFaultTest, ARuntimeMayEndWhileCallsWait) {
  auto runtime = std::make_unique<Runtime>();
  auto client = net_redis::Client::make(*runtime, options_for(server_.url())).value();
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  ASSERT_TRUE(run(*runtime, client->connected(deadline)).has_value());
  server_.pause();
  auto operation = client->call(command("INCR", "n"));
  const auto under_way = std::make_unique<UnderWay<Reply>>(*runtime, std::move(operation));
  ASSERT_TRUE(run(*runtime, client->connected(deadline)).has_value());
  client.reset();
  runtime.reset();
  server_.resume();
}

}  // namespace
}  // namespace rwp::tests
