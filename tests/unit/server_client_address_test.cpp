// Whose word about a request's origin is taken.

#include "server/client_address.hpp"
#include "server/proxy_header.hpp"
#include <rwp/server/address_ranges.hpp>

#include <gtest/gtest.h>

namespace {

using namespace rwp;          // NOLINT(google-build-using-namespace): a test.
using namespace rwp::server;  // NOLINT(google-build-using-namespace)

AddressRanges ranges(std::string_view text) { return AddressRanges::parse(text).value(); }

TEST(AddressRangesTest, RangeHoldsItsAddressesAndNoOthers) {
  const auto some = ranges("10.0.0.0/8, 192.168.4.0/22,2400:cb00::/32 , 127.0.0.1, ::1");
  for (const auto* in : {"10.0.0.0", "10.255.255.255", "192.168.7.255", "2400:cb00::7",
                         "2400:cb00:ffff::", "127.0.0.1", "::1", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(some.contains(in)) << in;
  }
  for (const auto* out :
       {"11.0.0.0", "9.255.255.255", "192.168.8.0", "192.168.3.255", "2400:cb01::", "127.0.0.2",
        "::2", "::10.1.2.3", "", "ten", "10.0.0.0 ", "10.0.0", "10.0.0.0.0"}) {
    EXPECT_FALSE(some.contains(out)) << out;
  }
  EXPECT_TRUE(ranges("0.0.0.0/0").contains("203.0.113.7"));
  EXPECT_FALSE(ranges("0.0.0.0/0").contains("2001:db8::1"));
  EXPECT_TRUE(ranges("::/0").contains("2001:db8::1"));
  EXPECT_TRUE(ranges("").empty());
  EXPECT_TRUE(ranges(" ").empty());
  EXPECT_FALSE(ranges("").contains("127.0.0.1"));
  EXPECT_EQ(some.to_string(), "10.0.0.0/8, 192.168.4.0/22, 2400:cb00::/32, 127.0.0.1, ::1");
}

TEST(AddressRangesTest, WhatIsNoRangeIsNamed) {
  for (const auto* bad : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                          "::/129", "localhost", ",", "10.0.0.0/8,", "10.0.0.0/8 11.0.0.0/8",
                          "2400:cb00::1/32", "10.0.0.0/99999999999"}) {
    const auto parsed = AddressRanges::parse(bad);
    ASSERT_FALSE(parsed.has_value()) << bad;
    EXPECT_EQ(parsed.error().code(), Errc::invalid_argument);
    EXPECT_NE(parsed.error().message().find('"'), std::string::npos) << parsed.error().message();
  }
  std::string many;
  for (int i = 0; i < 1'001; ++i) many += (many.empty() ? "" : ",") + std::string("::1");
  EXPECT_FALSE(AddressRanges::parse(many).has_value());
}

TEST(PlainAddressTest, PortsAndBracketsAreTakenOff) {
  EXPECT_EQ(plain_address(" 203.0.113.7 "), "203.0.113.7");
  EXPECT_EQ(plain_address("203.0.113.7:4711"), "203.0.113.7");
  EXPECT_EQ(plain_address("2001:DB8:0:0::1"), "2001:db8::1");
  EXPECT_EQ(plain_address("[2001:db8::1]:4711"), "2001:db8::1");
  EXPECT_EQ(plain_address("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(plain_address("::ffff:203.0.113.7"), "203.0.113.7");
  for (const auto* bad : {"", "unknown", "_hidden", "[2001:db8::1", "[2001:db8::1]x", "1.2.3",
                          "fe80::1%eth0", "1.2.3.4, 5.6.7.8"}) {
    EXPECT_EQ(plain_address(bad), "") << bad;
  }
}

class ClientAddressTest : public ::testing::Test {
 protected:
  std::string of(std::string_view peer, net::HttpHeaders headers) const {
    return client_address(peer, headers, trusted_);
  }
  TrustedHops trusted_{.proxies = ranges("10.0.0.0/8"), .cdn = ranges("172.64.0.0/13")};
};

TEST_F(ClientAddressTest, StrangersAreWhoTheyAreWhateverTheyClaim) {
  EXPECT_EQ(of("203.0.113.7",
               {{"X-Forwarded-For", "198.51.100.1"}, {"CF-Connecting-IP", "198.51.100.2"}}),
            "203.0.113.7");
}

TEST_F(ClientAddressTest, BalancerTellsWhoAskedIt) {
  EXPECT_EQ(of("10.0.0.1", {{"X-Forwarded-For", "203.0.113.7"}}), "203.0.113.7");
  // The client's own entry stands to the left of what the balancer added.
  EXPECT_EQ(of("10.0.0.1", {{"X-Forwarded-For", "198.51.100.1, 203.0.113.7"}}), "203.0.113.7");
  EXPECT_EQ(of("10.0.0.1",
               {{"X-Forwarded-For", "198.51.100.1"}, {"x-forwarded-for", "203.0.113.7, 10.0.0.2"}}),
            "203.0.113.7");
  EXPECT_EQ(of("10.0.0.1", {}), "10.0.0.1");
}

TEST_F(ClientAddressTest, NetworksNameCountsOnlyWhenTheRequestPassedIt) {
  // Through both, as they add to the list.
  EXPECT_EQ(of("10.0.0.1", {{"CF-Connecting-IP", "203.0.113.7"},
                            {"X-Forwarded-For", "198.51.100.1, 203.0.113.9, 172.64.0.5"}}),
            "203.0.113.7");
  // Past the network, straight to the balancer, with the network's header made up.
  EXPECT_EQ(of("10.0.0.1", {{"CF-Connecting-IP", "203.0.113.7"},
                            {"X-Forwarded-For", "172.64.0.5, 198.51.100.1"}}),
            "198.51.100.1");
  // Without a balancer.
  EXPECT_EQ(of("172.64.0.5", {{"CF-Connecting-IP", "2001:db8::1"}}), "2001:db8::1");
  // Twice, or none: the list says it.
  EXPECT_EQ(of("172.64.0.5", {{"CF-Connecting-IP", "203.0.113.7"},
                              {"CF-Connecting-IP", "203.0.113.8"},
                              {"X-Forwarded-For", "203.0.113.9"}}),
            "203.0.113.9");
  EXPECT_EQ(of("172.64.0.5", {{"X-Forwarded-For", "203.0.113.9"}}), "203.0.113.9");
}

TEST_F(ClientAddressTest, RubbishEndsAtTheLastHopThatIsKnown) {
  EXPECT_EQ(of("10.0.0.1", {{"X-Forwarded-For", "203.0.113.7, unknown"}}), "10.0.0.1");
  EXPECT_EQ(of("10.0.0.1", {{"X-Forwarded-For", ""}}), "10.0.0.1");
  EXPECT_EQ(of("10.0.0.1", {{"X-Forwarded-For", "unknown, 10.0.0.2"}}), "10.0.0.2");
  std::string loop = "203.0.113.7";
  for (int i = 0; i < 1'000; ++i) loop += ", 10.0.0.2";
  EXPECT_EQ(of("10.0.0.1", {{"X-Forwarded-For", loop}}), "10.0.0.2");
}

using State = ProxyHeader::State;

std::string binary(std::string_view head, std::string_view rest) {
  std::string bytes("\r\n\r\n\0\r\nQUIT\n", 12);
  bytes.append(head);
  bytes += static_cast<char>(rest.size() >> 8U);
  bytes += static_cast<char>(rest.size() & 0xFFU);
  return bytes.append(rest);
}

TEST(ProxyHeaderTest, EachFormNamesItsSource) {
  const std::string v4("\xCB\x00\x71\x07\x0A\x00\x00\x01\x12\x67\x01\xBB", 12);
  const std::string v6 = std::string("\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) +
                         std::string(16, '\0') + std::string(4, '\x01');
  const std::pair<std::string, std::string> forms[] = {
      {"PROXY TCP4 203.0.113.7 10.0.0.1 4711 443\r\n", "203.0.113.7"},
      {"PROXY TCP6 2001:db8::1 ::1 4711 443\r\n", "2001:db8::1"},
      {"PROXY UNKNOWN\r\n", ""},
      {"PROXY UNKNOWN ffff::1 ::1 whatever\r\n", ""},
      {binary("\x21\x11", v4), "203.0.113.7"},
      {binary("\x21\x11", v4 + std::string(300, 't')), "203.0.113.7"},
      {binary("\x21\x21", v6), "2001:db8::1"},
      {binary(std::string("\x20\x00", 2), ""), ""},
      {binary("\x20\x11", v4), ""},
      {binary("\x21\x31", std::string(216, 'u')), ""},
  };
  for (const auto& [bytes, source] : forms) {
    // Whole, with what follows, and cut anywhere.
    const auto read = read_proxy_header(bytes + "GET / HTTP/1.1");
    EXPECT_EQ(read.state, State::complete) << bytes;
    EXPECT_EQ(read.size, bytes.size()) << bytes;
    EXPECT_EQ(read.source, source) << bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      EXPECT_EQ(read_proxy_header(bytes.substr(0, i)).state, State::more) << i;
    }
  }
}

TEST(ProxyHeaderTest, WhatIsNoHeaderIsRefused) {
  const std::string bad[] = {
      "GET / HTTP/1.1\r\n",
      "PROXY TCP4 203.0.113.7 10.0.0.1 4711\r\n",
      "PROXY TCP4 203.0.113.7 10.0.0.1 4711 65536\r\n",
      "PROXY TCP4 203.0.113.7  10.0.0.1 4711 443\r\n",
      "PROXY TCP4 2001:db8::1 ::1 4711 443\r\n",
      "PROXY TCP5 203.0.113.7 10.0.0.1 4711 443\r\n",
      "PROXY \r\n",
      "PROXY " + std::string(107, 'x'),
      binary("\x11\x11", std::string(12, 'x')),
      binary("\x22\x11", std::string(12, 'x')),
      binary("\x21\x11", std::string(11, 'x')),
      binary("\x21\x21", std::string(35, 'x')),
      binary("\x21\x11", std::string(4'090, 'x')),
  };
  for (const auto& bytes : bad) {
    EXPECT_EQ(read_proxy_header(bytes).state, State::malformed) << bytes;
  }
}

}  // namespace
