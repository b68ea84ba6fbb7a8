#include "support/ai_fixture.hpp"
#include <rwp/ai/coalesced.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace rwp::ai {
namespace {

using tests::chat_request;
using tests::eventually;
using tests::on_io;
using tests::start;
using namespace std::chrono_literals;

class CoalescedTest : public ::testing::Test {
 protected:
  ~CoalescedTest() override {
    // What was begun has ended before the model goes.
    EXPECT_TRUE(eventually(runtime_, [this] { return inner_->active == 0; }));
  }

  std::shared_ptr<tests::StartedCall> ask(bool streamed = false, std::string tenant = "acme") {
    return start(runtime_, model_, chat_request("?", std::move(tenant)), streamed);
  }
  bool begun(int calls) {
    return eventually(runtime_, [this, calls] { return inner_->begun == calls; });
  }
  bool ended(const std::shared_ptr<tests::StartedCall>& call) {
    return eventually(runtime_, [call] { return call->end.has_value(); });
  }
  void let_go(int calls) {
    on_io(runtime_, [this, calls] { inner_->let_go(calls); });
  }
  /// Calls that were started have reached the model's door: what comes later stands behind them.
  void settle_down() {
    on_io(runtime_, [] {});
  }

  std::shared_ptr<tests::GatedModel> inner_ = std::make_shared<tests::GatedModel>();
  std::shared_ptr<Model> model_ = make_coalesced(inner_);
  Runtime runtime_;
};

TEST_F(CoalescedTest, SameCallsAtTheSameTimeAreOne) {
  std::vector<std::shared_ptr<tests::StartedCall>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(ask());
  ASSERT_TRUE(begun(1));
  settle_down();
  let_go(1);

  int from_model = 0;
  for (const auto& call : calls) {
    ASSERT_TRUE(ended(call));
    ASSERT_TRUE(call->end->has_value());
    EXPECT_EQ((*call->end)->content, "half whole");
    if ((*call->end)->source == AnswerSource::model) ++from_model;
  }
  EXPECT_EQ(from_model, 1);
  EXPECT_EQ(inner_->begun, 1);
}

TEST_F(CoalescedTest, TenantsDoNotShare) {
  const auto one = ask(false, "acme");
  const auto other = ask(false, "zenith");
  EXPECT_TRUE(begun(2));
  let_go(2);
  EXPECT_TRUE(ended(one));
  EXPECT_TRUE(ended(other));
}

TEST_F(CoalescedTest, StreamIsSharedLiveAlsoWithWhoComesLate) {
  const auto first = ask(true);
  ASSERT_TRUE(eventually(runtime_, [&] { return first->streamed == "half "; }));
  const auto late = ask(true);
  ASSERT_TRUE(eventually(runtime_, [&] { return late->streamed == "half "; }));
  EXPECT_FALSE(late->end.has_value());
  let_go(1);
  ASSERT_TRUE(ended(first));
  ASSERT_TRUE(ended(late));

  EXPECT_EQ(first->streamed, "half whole");
  EXPECT_EQ(late->streamed, "half whole");
  EXPECT_EQ(inner_->begun, 1);
}

TEST_F(CoalescedTest, StreamThatJoinsACallWithoutOneGetsTheWholeAtItsEnd) {
  const auto plain = ask(false);
  ASSERT_TRUE(begun(1));
  const auto streamed = ask(true);
  settle_down();
  let_go(1);
  ASSERT_TRUE(ended(plain));
  ASSERT_TRUE(ended(streamed));

  EXPECT_EQ(streamed->streamed, "half whole");
  EXPECT_EQ(inner_->begun, 1);
}

TEST_F(CoalescedTest, WhoGivesUpLeavesTheOthersAlone) {
  const auto leader = ask();
  ASSERT_TRUE(begun(1));
  const auto follower = ask();
  settle_down();
  leader->task.cancel();
  ASSERT_TRUE(ended(leader));
  EXPECT_EQ(leader->end->error().code(), Errc::cancelled);
  EXPECT_EQ(inner_->dropped, 0);
  let_go(1);
  ASSERT_TRUE(ended(follower));

  EXPECT_EQ((*follower->end)->content, "half whole");
}

TEST_F(CoalescedTest, AnswerIsBookedByOneOfTheOthersWhenWhoBeganItHasLeft) {
  const auto leader = ask();
  ASSERT_TRUE(begun(1));
  const auto one = ask();
  const auto two = ask();
  settle_down();
  leader->task.cancel();
  ASSERT_TRUE(ended(leader));
  let_go(1);
  ASSERT_TRUE(ended(one));
  ASSERT_TRUE(ended(two));
  ASSERT_TRUE(one->end->has_value());
  ASSERT_TRUE(two->end->has_value());

  int from_model = 0;
  for (const auto& call : {one, two}) {
    if ((*call->end)->source == AnswerSource::model) ++from_model;
  }
  EXPECT_EQ(from_model, 1);
  EXPECT_EQ(inner_->begun, 1);
}

TEST_F(CoalescedTest, LastOneToGiveUpEndsTheCall) {
  for (const bool streamed : {false, true}) {
    const int before = inner_->dropped;
    const auto one = ask(streamed);
    const auto two = ask(streamed);
    ASSERT_TRUE(eventually(runtime_, [this] { return inner_->active == 1; }));
    settle_down();
    one->task.cancel();
    two->task.cancel();
    ASSERT_TRUE(ended(one));
    ASSERT_TRUE(ended(two));
    EXPECT_TRUE(eventually(runtime_, [&] { return inner_->dropped == before + 1; }));
  }
}

TEST_F(CoalescedTest, ErrorGoesToAllAndFollowersAskOnceMoreTogether) {
  inner_->answer = Error(Errc::unavailable, "down");
  const auto leader = ask();
  ASSERT_TRUE(begun(1));
  const auto one = ask();
  const auto two = ask();
  settle_down();
  let_go(1);
  ASSERT_TRUE(ended(leader));
  EXPECT_EQ(leader->end->error().code(), Errc::unavailable);
  ASSERT_TRUE(begun(2));
  settle_down();
  on_io(runtime_, [this] { inner_->answer = std::string("half better"); });
  let_go(1);
  ASSERT_TRUE(ended(one));
  ASSERT_TRUE(ended(two));

  EXPECT_EQ((*one->end)->content, "half better");
  EXPECT_EQ((*two->end)->content, "half better");
  EXPECT_EQ(inner_->begun, 2);
}

TEST_F(CoalescedTest, FollowerKeepsItsOwnDeadline) {
  const auto leader = ask();
  ASSERT_TRUE(begun(1));
  auto request = chat_request("?", "acme");
  request.deadline = std::chrono::steady_clock::now() + 20ms;
  const auto hurried = start(runtime_, model_, std::move(request));
  ASSERT_TRUE(ended(hurried));
  EXPECT_EQ(hurried->end->error().code(), Errc::deadline_exceeded);
  let_go(1);
  ASSERT_TRUE(ended(leader));
  EXPECT_TRUE(leader->end->has_value());
}

}  // namespace
}  // namespace rwp::ai
