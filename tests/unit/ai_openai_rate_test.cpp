#include "ai_openai/rate_headers.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace rwp::ai_openai {
namespace {

using namespace std::chrono_literals;

TEST(RateHeadersTest, ResetIsReadInAllItsForms) {
  EXPECT_EQ(read_reset("1s"), 1'000ms);
  EXPECT_EQ(read_reset("20ms"), 20ms);
  EXPECT_EQ(read_reset("6m0s"), 360'000ms);
  EXPECT_EQ(read_reset("1h2m3.5s"), 3'723'500ms);
  EXPECT_EQ(read_reset("1.234s"), 1'234ms);
  EXPECT_EQ(read_reset("7"), 7'000ms);
  for (const char* bad : {"", "s", "-1s", "1x", "soon", "1s later", "nan", "1e300s"}) {
    EXPECT_FALSE(read_reset(bad).has_value()) << bad;
  }
}

TEST(RateHeadersTest, WhatIsNotToldIsLeftOut) {
  const net::HttpHeaders headers{{"x-ratelimit-limit-requests", "500"},
                                 {"X-RateLimit-Remaining-Requests", "499"},
                                 {"x-ratelimit-reset-requests", "120ms"},
                                 {"x-ratelimit-limit-tokens", "-1"},
                                 {"x-ratelimit-remaining-tokens", "many"}};
  const auto report = read_rate_headers(headers);
  EXPECT_EQ(report.requests.limit, 500);
  EXPECT_EQ(report.requests.remaining, 499);
  EXPECT_EQ(report.requests.reset, 120ms);
  EXPECT_FALSE(report.tokens.limit.has_value());
  EXPECT_FALSE(report.tokens.remaining.has_value());
  EXPECT_FALSE(report.tokens.reset.has_value());
}

}  // namespace
}  // namespace rwp::ai_openai
