// A server behind load balancers.

#include "support/server_fixture.hpp"

#include <gtest/gtest.h>

namespace {

using namespace rwp;          // NOLINT(google-build-using-namespace): a test.
using namespace rwp::server;  // NOLINT(google-build-using-namespace)
using rwp::tests::get;

class ServerEdgeTest : public rwp::tests::ServerFixture {
 protected:
  ServerEdgeTest() {
    add("GET", "/who", [](Request request) -> boost::asio::awaitable<Response> {
      co_return text_response(200, request.peer_address + " for " + request.client_address);
    });
  }
  std::string body_of(std::optional<rwp::tests::RawResponse> answer) {
    return answer ? answer->body : "no answer";
  }
};

TEST_F(ServerEdgeTest, NobodyIsBelievedUnlessItIsSaid) {
  start();
  EXPECT_EQ(body_of(connect().ask(get("/who",
                                      "X-Forwarded-For: 203.0.113.7\r\n"
                                      "CF-Connecting-IP: 203.0.113.8\r\n"))),
            "127.0.0.1 for 127.0.0.1");
}

TEST_F(ServerEdgeTest, TrustedBalancerTellsForWhomItAsks) {
  options_.trusted_proxies = AddressRanges::parse("127.0.0.0/8").value();
  options_.trusted_cdn = AddressRanges::parse("172.64.0.0/13").value();
  start();
  auto client = connect();
  EXPECT_EQ(body_of(client.ask(get("/who", "X-Forwarded-For: 203.0.113.7\r\n"))),
            "127.0.0.1 for 203.0.113.7");
  // Another one's request on the same connection.
  EXPECT_EQ(body_of(client.ask(get("/who",
                                   "X-Forwarded-For: 172.64.0.1\r\n"
                                   "CF-Connecting-IP: 203.0.113.8\r\n"))),
            "127.0.0.1 for 203.0.113.8");
  EXPECT_EQ(body_of(client.ask(get("/who"))), "127.0.0.1 for 127.0.0.1");
}

TEST_F(ServerEdgeTest, ProxyHeaderComesFirstAndSaysWhoseConnectionItIs) {
  options_.trusted_proxies = AddressRanges::parse("127.0.0.1").value();
  options_.proxy_protocol = true;
  start();
  auto client = connect();
  // In pieces, with the request behind it in one.
  ASSERT_TRUE(client.send("PRO"));
  ASSERT_TRUE(client.send("XY TCP4 203.0.113.7 127.0."));
  EXPECT_EQ(
      body_of(client.ask("0.1 4711 80\r\n" + get("/who", "X-Forwarded-For: 198.51.100.1\r\n"))),
      "203.0.113.7 for 203.0.113.7");
  EXPECT_EQ(body_of(client.ask(get("/who"))), "203.0.113.7 for 203.0.113.7");

  auto check = connect();
  EXPECT_EQ(body_of(check.ask("PROXY UNKNOWN\r\n" + get("/who"))), "127.0.0.1 for 127.0.0.1");
}

TEST_F(ServerEdgeTest, ConnectionWithoutTheHeaderThatIsDueIsClosed) {
  options_.trusted_proxies = AddressRanges::parse("127.0.0.1").value();
  options_.proxy_protocol = true;
  start();
  auto client = connect();
  EXPECT_FALSE(client.ask(get("/who")).has_value());
}

TEST_F(ServerEdgeTest, SlowProxyHeaderIsCutOff) {
  options_.trusted_proxies = AddressRanges::parse("127.0.0.1").value();
  options_.proxy_protocol = true;
  options_.header_timeout = std::chrono::milliseconds(200);
  start();
  auto client = connect();
  ASSERT_TRUE(client.send("PROXY TCP4 203"));
  EXPECT_TRUE(client.is_closed_within(rwp::tests::RawClient::kPatience));
}

TEST_F(ServerEdgeTest, StrangersHeaderIsNoRequest) {
  options_.trusted_proxies = AddressRanges::parse("10.0.0.0/8").value();
  options_.proxy_protocol = true;
  start();
  auto client = connect();
  const auto answer = client.ask("PROXY TCP4 203.0.113.7 127.0.0.1 4711 80\r\n\r\n");
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 400);
  EXPECT_EQ(body_of(connect().ask(get("/who"))), "127.0.0.1 for 127.0.0.1");
}

}  // namespace
