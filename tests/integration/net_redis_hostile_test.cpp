#include "support/redis_fixture.hpp"
#include "support/scripted_server.hpp"

namespace rwp::tests {
namespace {

using net_redis::command;
using ::testing::HasSubstr;
using ::testing::Not;

/// A server that greets as Redis does, then answers as a test says.
class RedisHostileTest : public RedisFixture {
 protected:
  static std::string greeting() {
    const std::string info = "# Server\r\nredis_version:7.0.0\r\nrun_id:" + std::string(40, 'a');
    return "*1\r\n$6\r\nmaster\r\n$" + std::to_string(info.size()) + "\r\n" + info +
           "\r\n+PONG\r\n+OK\r\n";
  }
  static ScriptedServer::Script after_greeting(std::string answer) {
    return [answer](ScriptedConnection& connection) {
      if (connection.read_some().empty() || !connection.write(greeting())) return;
      if (connection.read_some().empty() || !connection.write(answer)) return;
      (void)connection.wait_closed();
    };
  }
  Result<net_redis::Reply> ping(const ScriptedServer& server,
                                std::chrono::milliseconds timeout = kGuard,
                                const std::string& credentials = "") {
    auto options = net_redis::parse_client_url("redis://" + credentials +
                                               "127.0.0.1:" + std::to_string(server.port()))
                       .value();
    options.first_wait = std::chrono::milliseconds(5);
    options.longest_wait = std::chrono::milliseconds(20);
    options.command_timeout = timeout;
    const auto client = net_redis::Client::make(runtime_, options).value();
    return run(runtime_, client->call(command("GET", "key")));
  }
};

TEST_F(RedisHostileTest, AnswersBeyondTheBoundsEndTheConnection) {
  for (const char* answer : {"$99999999999\r\n", "*2147483647\r\n",
                             "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
                             "!what is this\r\n", ":12x\r\n"}) {
    ScriptedServer server(after_greeting(answer));

    const auto failed = ping(server).error();

    EXPECT_EQ(failed.code(), Errc::unavailable) << answer;
    ASSERT_NE(failed.cause(), nullptr) << answer;
    EXPECT_EQ(failed.cause()->code(), Errc::corrupt) << answer;
  }
}

TEST_F(RedisHostileTest, AnAnswerThatNobodyAskedForEndsTheConnection) {
  ScriptedServer server(after_greeting("$1\r\na\r\n$1\r\nb\r\n"));

  EXPECT_EQ(ping(server).value().text, "a");
  EXPECT_TRUE(eventually([&] { return server.open_now() == 0; }));
}

TEST_F(RedisHostileTest, AServerThatNeverGreetsIsUnavailable) {
  ScriptedServer server([](ScriptedConnection& connection) { (void)connection.wait_closed(); });

  const auto failed = ping(server, std::chrono::milliseconds(200)).error();

  EXPECT_EQ(failed.code(), Errc::unavailable);
}

TEST_F(RedisHostileTest, AServerThatClosesAtOnceIsNotAskedWithoutPause) {
  ScriptedServer server([](ScriptedConnection&) {});

  EXPECT_EQ(ping(server, std::chrono::milliseconds(300)).error().code(), Errc::unavailable);
  EXPECT_LT(server.accepted(), 150);
}

TEST_F(RedisHostileTest, AnAnswerThatTricklesForEverEndsTheConnection) {
  ScriptedServer server([](ScriptedConnection& connection) {
    if (connection.read_some().empty() || !connection.write(greeting())) return;
    if (connection.read_some().empty() || !connection.write("$1000000\r\n")) return;
    while (connection.write("x")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  auto options = options_for("redis://127.0.0.1:" + std::to_string(server.port()));
  options.longest_silence = std::chrono::milliseconds(100);
  const auto client = connect(options);

  const auto failed = run(runtime_, client->call(command("GET", "key"))).error();

  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_THAT(failed.message(), HasSubstr("outcome is unknown"));
}

TEST_F(RedisHostileTest, AServerWithoutAProperRunIdIsNotUsed) {
  for (const std::string& run_id :
       {std::string(), std::string(39, 'a'), std::string(40, '\x1b'), std::string(1'000, 'a')}) {
    ScriptedServer server([run_id](ScriptedConnection& connection) {
      if (connection.read_some().empty()) return;
      const std::string info = "# Server\r\nrun_id:" + run_id;
      connection.write("*1\r\n$6\r\nmaster\r\n$" + std::to_string(info.size()) + "\r\n" + info +
                       "\r\n+PONG\r\n+OK\r\n");
      (void)connection.wait_closed();
    });

    EXPECT_EQ(ping(server).error().code(), Errc::corrupt) << run_id.size();
  }
}

TEST_F(RedisHostileTest, AServerThatSpeaksHttpIsToldAtOnce) {
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_some();
    connection.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    (void)connection.wait_closed();
  });

  EXPECT_EQ(ping(server).error().code(), Errc::corrupt);
}

TEST_F(RedisHostileTest, WhatAServerRepeatsOfAPasswordIsNotTold) {
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_some();
    connection.write("-ERR unknown command AUTH with args beginning with hunter2\r\n");
    (void)connection.wait_closed();
  });

  const auto failed = ping(server, std::chrono::milliseconds(300), ":hunter2@").error();

  EXPECT_THAT(failed.to_string(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace rwp::tests
