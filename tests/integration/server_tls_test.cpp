#include "support/server_fixture.hpp"
#include "support/temporary_directory.hpp"
#include "support/tls_client.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace {

using namespace std::chrono_literals;
using namespace rwp;          // NOLINT(google-build-using-namespace): a test.
using namespace rwp::server;  // NOLINT(google-build-using-namespace)
using rwp::tests::get;
using rwp::tests::post;
using rwp::tests::RawClient;
using rwp::tests::TlsClient;
using testing::HasSubstr;

class ServerTlsTest : public tests::ServerFixture {
 protected:
  ServerTlsTest() {
    options_.tls_certificate_file = certificate_.certificate_file;
    options_.tls_key_file = certificate_.key_file;
    client_.trusted_file = certificate_.certificate_file;
  }

  tests::TemporaryDirectory directory_;
  tests::TestCertificate certificate_{directory_.path()};
  tests::TlsClientOptions client_;
};

TEST_F(ServerTlsTest, AnswersOverTlsAndSaysGoodbye) {
  client_.protocol = "http/1.1";
  start();
  TlsClient client(server_->port(), client_);
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.version(), "TLSv1.3");
  EXPECT_EQ(client.protocol(), "http/1.1");

  client.send(get("/hello") + get("/hello", "Connection: close\r\n"));
  bool cleanly = false;
  const std::string answers = client.read_to_end(&cleanly);

  EXPECT_THAT(answers, HasSubstr("\r\n\r\nhelloHTTP/1.1 200 OK"));
  EXPECT_TRUE(answers.ends_with("hello"));
  EXPECT_TRUE(cleanly);
}

TEST_F(ServerTlsTest, LargeBodiesGoBothWays) {
  start();
  TlsClient client(server_->port(), client_);
  ASSERT_TRUE(client.connected());
  const std::string body(1'000'000, 'b');

  client.send(post("/echo", body, "Connection: close\r\n"));

  EXPECT_TRUE(client.read_to_end().ends_with("\r\n\r\n" + body));
}

TEST_F(ServerTlsTest, OldVersionsAndForeignProtocolsAreRefused) {
  start();
  tests::TlsClientOptions old = client_;
  old.latest_version = "1.1";
  tests::TlsClientOptions still_good = client_;
  still_good.latest_version = "1.2";
  tests::TlsClientOptions http2 = client_;
  http2.protocol = "h2";

  EXPECT_FALSE(TlsClient(server_->port(), old).connected());
  EXPECT_TRUE(TlsClient(server_->port(), still_good).connected());
  EXPECT_FALSE(TlsClient(server_->port(), http2).connected());
}

TEST_F(ServerTlsTest, HandlerIsCancelledWhenTheClientCloses) {
  std::atomic<int> entered{0};
  std::atomic<int> cancelled{0};
  add("GET", "/slow", [&](Request) -> boost::asio::awaitable<Response> {
    ++entered;
    const auto slept = co_await sleep_for(20s);
    if (!slept) ++cancelled;
    co_return text_response(200, "late");
  });
  start();
  {
    TlsClient client(server_->port(), client_);
    ASSERT_TRUE(client.connected());
    client.send(get("/slow"));
    ASSERT_TRUE(eventually([&] { return entered == 1; }));
  }

  EXPECT_TRUE(eventually([&] { return cancelled == 1; }));
}

TEST_F(ServerTlsTest, ClientWithoutTlsOrWithoutAWordIsCutOff) {
  options_.header_timeout = 200ms;
  start();
  RawClient plain = connect();
  RawClient silent = connect();

  plain.send(get("/hello"));

  EXPECT_TRUE(plain.is_closed_within(10s));
  EXPECT_TRUE(silent.is_closed_within(10s));
}

TEST_F(ServerTlsTest, DrainEndsIdleConnections) {
  start();
  TlsClient client(server_->port(), client_);
  ASSERT_TRUE(client.connected());
  client.send(get("/hello"));
  ASSERT_FALSE(client.read_some().empty());

  server_->drain();

  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_TRUE(server_->wait_stopped(std::chrono::steady_clock::now() + 20s).has_value());
}

TEST_F(ServerTlsTest, UnusableFilesAreNamed) {
  Runtime runtime;
  const std::string nonsense = directory_.path() / "nonsense.pem";
  std::ofstream(nonsense) << "no PEM";
  const tests::TemporaryDirectory elsewhere;
  const tests::TestCertificate other(elsewhere.path());
  const auto refused = [&](const std::string& certificate, const std::string& key) {
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.tls_certificate_file = certificate;
    options.tls_key_file = key;
    const auto started = Server::start({&runtime}, router_, options);
    EXPECT_FALSE(started.has_value());
    if (started) return std::string();
    EXPECT_EQ(started.error().code(), Errc::invalid_argument);
    return started.error().message();
  };

  EXPECT_THAT(refused("/absent.pem", certificate_.key_file), HasSubstr("/absent.pem"));
  EXPECT_THAT(refused(certificate_.certificate_file, nonsense), HasSubstr(nonsense));
  EXPECT_THAT(refused(certificate_.certificate_file, other.key_file), HasSubstr(other.key_file));
  EXPECT_THAT(refused(certificate_.certificate_file, ""), HasSubstr("both"));
}

}  // namespace
