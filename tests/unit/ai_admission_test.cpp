#include "support/ai_fixture.hpp"
#include <rwp/ai/tenant_limited.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace rwp::ai {
namespace {

using tests::chat_request;
using tests::eventually;
using tests::on_io;
using tests::start;
using tests::StartedCall;
using namespace std::chrono_literals;

class TenantLimitedTest : public ::testing::Test {
 protected:
  std::shared_ptr<StartedCall> ask(std::string tenant, std::string text = "?",
                                   CallPriority priority = CallPriority::normal) {
    if (!model_) model_ = make_tenant_limited(inner_, options_);
    auto request = chat_request(std::move(text), std::move(tenant));
    request.priority = priority;
    return start(runtime_, model_, std::move(request));
  }
  bool ended(const std::shared_ptr<StartedCall>& call) {
    return eventually(runtime_, [call] { return call->end.has_value(); });
  }
  bool begun(int calls) {
    return eventually(runtime_, [this, calls] { return inner_->begun == calls; });
  }
  void let_go(int calls) {
    on_io(runtime_, [this, calls] { inner_->let_go(calls); });
  }
  long count(std::size_t first, std::size_t end, const std::string& who) {
    const auto at = [this](std::size_t i) {
      return inner_->asked.begin() + static_cast<std::ptrdiff_t>(i);
    };
    return std::count_if(at(first), at(end),
                         [&](const auto& asked) { return asked.starts_with(who + ":"); });
  }

  TenantLimitOptions options_;
  std::shared_ptr<tests::GatedModel> inner_ = std::make_shared<tests::GatedModel>();
  std::shared_ptr<Model> model_;
  Runtime runtime_;
};

TEST_F(TenantLimitedTest, PlacesAreSharedByWeightHoweverManyCallsWait) {
  options_.running = 1;
  options_.tenants["big"].weight = 3;
  std::vector<std::shared_ptr<StartedCall>> calls;
  calls.push_back(ask("first"));
  ASSERT_TRUE(begun(1));
  for (int i = 0; i < 60; ++i) calls.push_back(ask("crowd"));
  for (int i = 0; i < 20; ++i) calls.push_back(ask("big"));
  for (int i = 0; i < 20; ++i) calls.push_back(ask("small"));
  on_io(runtime_, [] {});
  let_go(101);
  for (const auto& call : calls) ASSERT_TRUE(ended(call));

  // Of the first 25 places behind the one that was taken: 5 to 15 to 5, give or take one.
  EXPECT_NEAR(static_cast<double>(count(1, 26, "big")), 15, 1);
  EXPECT_NEAR(static_cast<double>(count(1, 26, "crowd")), 5, 1);
  EXPECT_NEAR(static_cast<double>(count(1, 26, "small")), 5, 1);
}

TEST_F(TenantLimitedTest, UrgentCallsOfATenantPassItsOwnAlone) {
  options_.running = 1;
  std::vector<std::shared_ptr<StartedCall>> calls;
  calls.push_back(ask("first"));
  ASSERT_TRUE(begun(1));
  calls.push_back(ask("a", "late", CallPriority::background));
  calls.push_back(ask("a", "normal"));
  calls.push_back(ask("b", "other"));
  calls.push_back(ask("a", "urgent", CallPriority::urgent));
  on_io(runtime_, [] {});
  let_go(5);
  for (const auto& call : calls) ASSERT_TRUE(ended(call));

  EXPECT_EQ(inner_->asked,
            (std::vector<std::string>{"first:?", "a:urgent", "b:other", "a:normal", "a:late"}));
}

TEST_F(TenantLimitedTest, TenantHasItsOwnPlaces) {
  options_.each.running = 2;
  std::vector<std::shared_ptr<StartedCall>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(ask("a"));
  ASSERT_TRUE(begun(2));
  calls.push_back(ask("b"));
  ASSERT_TRUE(begun(3));
  let_go(4);
  for (const auto& call : calls) ASSERT_TRUE(ended(call));
}

TEST_F(TenantLimitedTest, FullWaitingRoomRefusesAtOnceWithAWait) {
  options_.running = 1;
  options_.waiting_of_one = 1;
  const auto first = ask("a");
  ASSERT_TRUE(begun(1));
  const auto second = ask("a");
  on_io(runtime_, [] {});
  const auto third = ask("a");
  ASSERT_TRUE(ended(third));
  EXPECT_EQ(third->end->error().code(), Errc::rate_limited);
  EXPECT_TRUE(third->end->error().retry_after().has_value());
  let_go(2);
  EXPECT_TRUE(ended(first));
  EXPECT_TRUE(ended(second));
}

TEST_F(TenantLimitedTest, WaitEndsInTime) {
  options_.running = 1;
  options_.longest_wait = 20ms;
  const auto first = ask("a");
  ASSERT_TRUE(begun(1));
  const auto second = ask("b");
  ASSERT_TRUE(ended(second));
  EXPECT_EQ(second->end->error().code(), Errc::rate_limited);
  let_go(1);
  EXPECT_TRUE(ended(first));
}

TEST_F(TenantLimitedTest, NoPlaceIsLostByWhoGivesUp) {
  options_.running = 1;
  const auto holds = ask("a");
  ASSERT_TRUE(begun(1));
  const auto waits = ask("b");
  on_io(runtime_, [] {});
  waits->task.cancel();
  ASSERT_TRUE(ended(waits));
  holds->task.cancel();
  ASSERT_TRUE(ended(holds));
  const auto next = ask("c");
  ASSERT_TRUE(begun(2));
  let_go(2);
  EXPECT_TRUE(ended(next));
  EXPECT_TRUE(next->end->has_value());
}

TEST_F(TenantLimitedTest, RateOfATenantIsItsOwn) {
  options_.each.requests_per_minute = 6;  // One at once, in bursts of ten seconds.
  options_.longest_wait = 100ms;
  let_go(10);
  const auto first = ask("a");
  ASSERT_TRUE(ended(first));
  EXPECT_TRUE(first->end->has_value());
  const auto second = ask("a");
  ASSERT_TRUE(ended(second));
  ASSERT_EQ(second->end->error().code(), Errc::rate_limited);
  EXPECT_GT(second->end->error().retry_after().value(), 1s);
  const auto other = ask("b");
  ASSERT_TRUE(ended(other));
  EXPECT_TRUE(other->end->has_value());
}

}  // namespace
}  // namespace rwp::ai
