#include "support/scripted_transport.hpp"
#include "support/temporary_directory.hpp"
#include "support/transport_fixture.hpp"
#include <rwp/net/replay_transport.hpp>

#include <fstream>
#include <sstream>

namespace rwp::tests {
namespace {

using net::HttpRequest;
using ::testing::HasSubstr;
using ::testing::Not;

class ReplayTest : public TransportFixture {
 protected:
  std::string path() const { return (directory_.path() / "exchanges.jsonl").string(); }
  std::string recording() const {
    std::ostringstream text;
    text << std::ifstream(path()).rdbuf();
    return text.str();
  }
  Result<net::HttpResponse> send_by(const std::shared_ptr<net::HttpTransport>& transport,
                                    HttpRequest request) {
    return run(runtime_, transport->send(std::move(request)));
  }
  std::shared_ptr<net::HttpTransport> recorder(std::shared_ptr<net::HttpTransport> inner) {
    return net::make_recording_transport(std::move(inner), path()).value();
  }
  std::shared_ptr<net::HttpTransport> replayer(net::ReplayOptions options = net::ReplayOptions()) {
    return net::open_replay_transport(path(), std::move(options)).value();
  }

  TemporaryDirectory directory_;
};

TEST_F(ReplayTest, WhatWasRecordedFromAServerIsReplayedWithoutIt) {
  std::string url;
  {
    int number = 0;
    ScriptedServer server(answer_each([&number](const std::string&) {
      return ok_answer("answer " + std::to_string(number++), "X-Kind: test\r\n");
    }));
    url = server.url("/v1/x");
    const auto transport = recorder(shared_transport());
    for (const char* body : {"a", "b", "a"}) {
      ASSERT_TRUE(send_by(transport, post(url, body)).has_value());
    }
  }
  const auto transport = replayer();

  const auto second = send_by(transport, post(url, "b")).value();
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.headers.find("X-Kind"), "test");
  EXPECT_EQ(second.body, "answer 1");
  EXPECT_EQ(send_by(transport, post(url, "a")).value().body, "answer 0");
  EXPECT_EQ(send_by(transport, post(url, "a")).value().body, "answer 2");
}

TEST_F(ReplayTest, AMissIsToldWithoutSecrets) {
  auto inner = std::make_shared<ScriptedTransport>();
  inner->answer(200);
  ASSERT_TRUE(send_by(recorder(inner), post("http://host/x?key=secret", "a")).has_value());
  const auto transport = replayer();

  const auto other = send_by(transport, post("http://host/x?key=secret", "b")).error();
  EXPECT_EQ(other.code(), Errc::not_found);
  EXPECT_THAT(other.message(), HasSubstr("POST http://host/x: nothing was recorded"));
  EXPECT_THAT(other.message(), HasSubstr("1 with the same URL and another body"));
  ASSERT_TRUE(send_by(transport, post("http://host/x?key=other", "a")).has_value());
  EXPECT_THAT(send_by(transport, post("http://host/x?key=secret", "a")).error().message(),
              HasSubstr("has been replayed"));
}

TEST_F(ReplayTest, SecretsDoNotReachTheFile) {
  auto inner = std::make_shared<ScriptedTransport>();
  inner->answer(200, {{"Set-Cookie", "s3cret"}, {"X-Id", "7"}});
  HttpRequest request = post("http://host/x?a=1&API_Key=s3cret&b=2#part", "body");
  request.headers = {
      {"authorization", "s3cret"}, {"X-API-Key", "s3cret"}, {"Accept", "text/plain"}};

  ASSERT_TRUE(send_by(recorder(inner), request).has_value());

  EXPECT_THAT(recording(), Not(HasSubstr("s3cret")));
  EXPECT_THAT(recording(), HasSubstr("http://host/x?a=1&API_Key=MASKED&b=2#part"));
  EXPECT_THAT(recording(), HasSubstr("text/plain"));
  EXPECT_EQ(inner->requests().front().headers.find("Authorization"), "s3cret");
  EXPECT_TRUE(send_by(replayer(), request).has_value());
}

TEST_F(ReplayTest, BytesOfAnyKindComeBack) {
  const std::string bytes("\x00\xff\x80\n\"\r", 6);
  auto inner = std::make_shared<ScriptedTransport>();
  inner->answer(200, net::HttpHeaders(), bytes);
  ASSERT_TRUE(send_by(recorder(inner), post("http://host/", bytes)).has_value());

  EXPECT_EQ(send_by(replayer(), post("http://host/", bytes)).value().body, bytes);
}

TEST_F(ReplayTest, FailuresAreReplayedToo) {
  auto inner = std::make_shared<ScriptedTransport>();
  inner->fail(Error(Errc::unavailable, "reset"));
  HttpRequest request;
  request.url = "http://host/";
  ASSERT_FALSE(send_by(recorder(inner), request).has_value());

  EXPECT_EQ(send_by(replayer(), request).error().code(), Errc::unavailable);
}

TEST_F(ReplayTest, ABodyIsReplayedInPiecesWhereThatIsAskedFor) {
  auto inner = std::make_shared<ScriptedTransport>();
  inner->answer(200, net::HttpHeaders(), "12345");
  HttpRequest request;
  request.url = "http://host/";
  ASSERT_TRUE(send_by(recorder(inner), request).has_value());
  net::ReplayOptions options;
  options.piece_bytes = 2;
  const auto transport = replayer(options);

  const auto exchange = run(runtime_, transport->open(request)).value();

  for (const char* expected : {"12", "34", "5", ""}) {
    EXPECT_EQ(run(runtime_, exchange->read()).value(), expected);
  }
}

TEST_F(ReplayTest, ALineThatIsNoExchangeIsToldByItsNumber) {
  EXPECT_EQ(net::open_replay_transport(path()).error().code(), Errc::not_found);
  const std::string good =
      R"({"method":"GET","url":"http://h/","answer":{"status":200,"headers":[]}})";
  for (
      const std::string bad :
      {"nonsense", "[]", R"({"method":"GET","url":"http://h/"})",
       R"({"method":1,"url":"http://h/","answer":{"status":200,"headers":[]}})",
       R"({"method":"GET","url":"http://h/","answer":{"status":"x","headers":[]}})",
       R"({"method":"GET","url":"http://h/","answer":{"status":200,"headers":[["a"]]}})",
       R"({"method":"GET","url":"http://h/","body_hex":"0g","answer":{"status":200,"headers":[]}})"}) {
    std::ofstream(path()) << good << "\n" << bad << "\n";
    const auto failed = net::open_replay_transport(path());
    ASSERT_FALSE(failed.has_value()) << bad;
    EXPECT_EQ(failed.error().code(), Errc::corrupt) << bad;
    EXPECT_THAT(failed.error().message(), HasSubstr("exchanges.jsonl:2: "));
  }
}

}  // namespace
}  // namespace rwp::tests
