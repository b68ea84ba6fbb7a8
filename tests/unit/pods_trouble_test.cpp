#include "pods/trouble.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ModelTroubleTest : public ::testing::Test {
 protected:
  void fail(const Error& error, int times = 1) {
    for (int i = 0; i < times; ++i) trouble_.note_model("model http://m/v1", error);
  }
  bool ends_after(std::chrono::seconds wait) const {
    return trouble_.model_failure(std::chrono::steady_clock::now() + wait).has_value();
  }

  Trouble trouble_;
};

TEST_F(ModelTroubleTest, WhatHoldsForAllCallsCountsAtOnceAndNamesTheModel) {
  for (const auto code : {Errc::unauthenticated, Errc::not_found, Errc::budget_exceeded}) {
    Trouble trouble;
    trouble.note_model("model http://m/v1", Error(code, "m answered no"));
    const auto told = trouble.model_failure(std::chrono::steady_clock::now());
    ASSERT_TRUE(told.has_value());
    EXPECT_THAT(*told, StartsWith("model http://m/v1: m answered no; "));
  }
}

TEST_F(ModelTroubleTest, WhatMayPassCountsWhenNoCallHasGoneWellForAMinute) {
  const Error gone(Errc::unavailable, "connection refused");
  fail(gone, 2);
  EXPECT_FALSE(ends_after(3600s));
  fail(gone);
  EXPECT_FALSE(ends_after(50s));
  EXPECT_TRUE(ends_after(61s));
  EXPECT_THAT(trouble_.model_failure(std::chrono::steady_clock::now() + 61s).value(),
              HasSubstr("--ai-url"));

  trouble_.model_answered();
  EXPECT_FALSE(ends_after(61s));
  fail(gone, 2);
  EXPECT_FALSE(ends_after(61s));
}

TEST_F(ModelTroubleTest, ServiceThatSaysWhenItIsBackIsWaitedFor) {
  fail(Error(Errc::rate_limited, "slow down").with_retry_after(120s), 3);

  EXPECT_FALSE(ends_after(140s));
  EXPECT_TRUE(ends_after(151s));
}

TEST_F(ModelTroubleTest, WhatMayBeOneAdvertsFateCountsOnceItHasComeInARow) {
  const Error forbidden(Errc::permission_denied, "m answered 403");
  fail(forbidden, 2);
  EXPECT_FALSE(ends_after(0s));
  trouble_.model_answered();
  fail(forbidden, 2);
  EXPECT_FALSE(ends_after(0s));
  fail(forbidden);
  EXPECT_TRUE(ends_after(0s));
}

TEST_F(ModelTroubleTest, WhatTheCallItselfBroughtAboutNeverCounts) {
  fail(Error(Errc::invalid_argument, "too many tokens"), 100);
  fail(Error(Errc::cancelled, "cancelled"), 100);

  EXPECT_FALSE(ends_after(3600s));
}

}  // namespace
}  // namespace rwp::pods
