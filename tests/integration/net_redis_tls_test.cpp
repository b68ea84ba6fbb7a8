#include "support/certificate.hpp"
#include "support/redis_fixture.hpp"

namespace rwp::tests {
namespace {

using ::testing::HasSubstr;

class RedisTlsTest : public RedisFixture {
 protected:
  std::unique_ptr<RedisServer> server(const Certificate& certificate, bool ask_clients = false) {
    return RedisServer::with_tls({.certificate_file = certificate.file(),
                                  .key_file = certificate.key(),
                                  .ca_file = certificate.file(),
                                  .ask_clients = ask_clients});
  }
  static std::string url(const RedisServer& server, const std::string& host,
                         const std::string& query) {
    return "rediss://" + host + ":" + std::to_string(server.port()) + query;
  }

  Certificate certificate_{"localhost", "DNS:localhost"};
};

TEST_F(RedisTlsTest, AServerOfATrustedAuthorityIsSpokenTo) {
  const auto server = this->server(certificate_);
  const auto client = connect(url(*server, "localhost", "?ca_file=" + certificate_.file()));
  const std::string large(1'000'000, 'x');

  ASSERT_TRUE(call(client, "SET", "key", large).has_value());
  EXPECT_EQ(call(client, "GET", "key").value().text, large);
}

TEST_F(RedisTlsTest, AnAddressIsVerifiedToo) {
  const Certificate certificate("redis", "IP:127.0.0.1");
  const auto server = this->server(certificate);

  EXPECT_TRUE(call(connect(url(*server, "127.0.0.1", "?ca_file=" + certificate.file())), "PING")
                  .has_value());
}

TEST_F(RedisTlsTest, AServerOfAnUnknownAuthorityIsNot) {
  const auto server = this->server(certificate_);

  const auto failed = call(connect(url(*server, "localhost", "")), "PING").error();

  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_FALSE(failed.retryable());
  EXPECT_THAT(failed.message(), HasSubstr("certificate"));
}

TEST_F(RedisTlsTest, ACertificateForAnotherNameIsRefused) {
  const Certificate other("elsewhere.example", "DNS:elsewhere.example");
  const auto server = this->server(other);

  const auto failed =
      call(connect(url(*server, "localhost", "?ca_file=" + other.file())), "PING").error();
  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_FALSE(failed.retryable());
  // Unless that is the name that is asked for.
  const std::string query = "?server_name=elsewhere.example&ca_file=" + other.file();
  EXPECT_TRUE(call(connect(url(*server, "localhost", query)), "PING").has_value());
}

TEST_F(RedisTlsTest, AServerThatAsksForACertificateGetsOne) {
  const auto server = this->server(certificate_, true);
  const std::string trust = "?ca_file=" + certificate_.file();
  const std::string own =
      "&certificate_file=" + certificate_.file() + "&key_file=" + certificate_.key();
  auto without = options_for(url(*server, "localhost", trust));
  without.command_timeout = std::chrono::milliseconds(300);

  EXPECT_EQ(call(connect(without), "PING").error().code(), Errc::unavailable);
  EXPECT_TRUE(call(connect(url(*server, "localhost", trust + own)), "PING").has_value());
}

TEST_F(RedisTlsTest, FilesOfNoUseAreToldBeforeAnythingIsTried) {
  auto options = options_for("rediss://localhost?ca_file=/nonexistent/ca.pem");

  const auto made = net_redis::Client::make(runtime_, options);

  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code(), Errc::invalid_argument);
  EXPECT_THAT(made.error().message(), HasSubstr("/nonexistent/ca.pem"));
}

TEST_F(RedisTlsTest, AServerThatSpeaksNoTlsIsUnavailable) {
  const RedisServer plain;
  auto options = options_for(url(plain, "localhost", "?ca_file=" + certificate_.file()));
  options.command_timeout = std::chrono::milliseconds(300);

  EXPECT_EQ(call(connect(options), "PING").error().code(), Errc::unavailable);
}

}  // namespace
}  // namespace rwp::tests
