#include "server/target.hpp"

#include <gtest/gtest.h>

namespace {

using namespace rwp::server;  // NOLINT(google-build-using-namespace): a test of this component.

struct Parsed {
  Request request{};
  std::vector<Segment> segments{};
  std::optional<Problem> problem{};
};

Parsed parse(std::string target, std::string method = "GET") {
  Parsed parsed;
  parsed.request.method = std::move(method);
  parsed.request.target = std::move(target);
  parsed.problem = parse_target(parsed.request, parsed.segments);
  return parsed;
}

TEST(TargetTest, PathAndQueryComeWithEscapesResolved) {
  const Parsed parsed = parse("/caf%C3%A9/a%20b?q=x+y&q=%26&flag&empty=");

  ASSERT_FALSE(parsed.problem);
  EXPECT_EQ(parsed.request.path, "/café/a b");
  ASSERT_EQ(parsed.segments.size(), 2U);
  EXPECT_EQ(parsed.segments[1].in(parsed.request.path), "a b");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"q", "x y"}, {"q", "&"}, {"flag", ""}, {"empty", ""}};
  EXPECT_EQ(parsed.request.query, expected);
  EXPECT_EQ(parsed.request.query_value("q"), "x y");
  EXPECT_EQ(parsed.request.query_value("absent"), std::nullopt);
}

TEST(TargetTest, PlusIsAPlusInThePath) { EXPECT_EQ(parse("/a+b").request.path, "/a+b"); }

TEST(TargetTest, WhatIsNoTextOrLeadsAstrayIsRefused) {
  for (const char* target :
       {"/%",          "/%4",     "/%zz",       "/%00",    "/a%0Ab",  "/%7f",
        "/%FF",        "/%C0%AF", "/%ED%A0%80", "/.",      "/..",     "/a/../b",
        "/a/%2e%2e/b", "/a/%2E",  "/a#b",       "a",       "",        "*",
        "//h/../x",    "/?%",     "/?a=%0",     "/?a=%FF", "/?%00=1", "/?a=%00"}) {
    const Parsed parsed = parse(target);
    ASSERT_TRUE(parsed.problem) << target;
    EXPECT_EQ(parsed.problem->status, 400) << target;
    EXPECT_FALSE(parsed.problem->field.empty()) << target;
  }
}

TEST(TargetTest, DotsWithinASegmentAreNothingSpecial) {
  EXPECT_FALSE(parse("/a/..b/.c/d..").problem);
}

TEST(TargetTest, AbsoluteFormIsReducedToItsPath) {
  const Parsed parsed = parse("http://example.com:80/x?y=1");

  ASSERT_FALSE(parsed.problem);
  EXPECT_EQ(parsed.request.target, "/x?y=1");
  EXPECT_EQ(parsed.request.path, "/x");
  EXPECT_EQ(parsed.request.headers.find("host"), "example.com:80");
  EXPECT_EQ(parse("HTTP://example.com").request.path, "/");
  EXPECT_EQ(parse("http://example.com?a=b").request.path, "/");
  EXPECT_TRUE(parse("http:///x").problem);
  EXPECT_TRUE(parse("http://user@host/x").problem);
  EXPECT_TRUE(parse("ftp://host/x").problem);
}

TEST(TargetTest, AsteriskIsForOptionsOnly) {
  EXPECT_FALSE(parse("*", "OPTIONS").problem);
  EXPECT_TRUE(parse("*", "GET").problem);
}

TEST(TargetTest, QueryHasAtMost256Parameters) {
  std::string target = "/?a";
  for (int i = 1; i < 256; ++i) target += "&a";

  EXPECT_FALSE(parse(target).problem);
  EXPECT_TRUE(parse(target + "&a").problem);
}

}  // namespace
