#include <rwp/observability/trace.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rwp::observability {
namespace {

const std::string kExample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContextTest, DefaultIsNone) {
  EXPECT_FALSE(TraceContext().valid());
  EXPECT_EQ(TraceContext().to_traceparent(), "");
}

TEST(TraceContextTest, TheStandardsExampleIsReadAndWritten) {
  const auto context = TraceContext::parse(kExample);

  ASSERT_TRUE(context.has_value());
  EXPECT_TRUE(context->valid());
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->trace_id[0], 0x4B);
  EXPECT_EQ(context->span_id[7], 0xB7);
  EXPECT_EQ(context->to_traceparent(), kExample);
}

TEST(TraceContextTest, OnlyTheSampledFlagIsKept) {
  std::string flags = kExample;
  flags.replace(flags.size() - 2, 2, "fe");

  EXPECT_FALSE(TraceContext::parse(flags).value().sampled);
  EXPECT_TRUE(TraceContext::parse(flags).value().to_traceparent().ends_with("-00"));
}

TEST(TraceContextTest, LaterVersionsMayAppendFields) {
  const std::string later = "cc" + kExample.substr(2);

  EXPECT_TRUE(TraceContext::parse(later).has_value());
  EXPECT_TRUE(TraceContext::parse(later + "-what-the-future-holds").has_value());
  EXPECT_FALSE(TraceContext::parse(later + "x").has_value());
}

TEST(TraceContextTest, WhatTheStandardForbidsIsRefused) {
  std::vector<std::string> bad = {"",
                                  kExample.substr(0, 54),
                                  kExample + "0",
                                  kExample + "-extra",
                                  "ff" + kExample.substr(2),
                                  "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                  "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                  "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"};
  for (std::size_t i = 0; i < kExample.size(); ++i) {
    std::string broken = kExample;
    broken[i] = 'x';
    bad.push_back(broken);
  }

  for (const auto& text : bad) {
    const auto context = TraceContext::parse(text);
    ASSERT_FALSE(context.has_value()) << text;
    EXPECT_EQ(context.error().code(), Errc::invalid_argument);
  }
}

TEST(TraceContextTest, RootsDiffer) {
  const auto one = TraceContext::make_root();
  const auto two = TraceContext::make_root(false);

  EXPECT_TRUE(one.valid());
  EXPECT_TRUE(one.sampled);
  EXPECT_FALSE(two.sampled);
  EXPECT_NE(one.trace_id, two.trace_id);
  EXPECT_NE(one.span_id, two.span_id);
}

TEST(TraceContextTest, AChildIsAnotherSpanOfTheSameTrace) {
  const auto root = TraceContext::make_root(false);

  const auto child = root.make_child();

  EXPECT_EQ(child.trace_id, root.trace_id);
  EXPECT_EQ(child.sampled, root.sampled);
  EXPECT_NE(child.span_id, root.span_id);
  EXPECT_EQ(TraceContext::parse(child.to_traceparent()).value(), child);
}

}  // namespace
}  // namespace rwp::observability
