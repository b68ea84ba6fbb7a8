#include "support/ai_fixture.hpp"
#include <rwp/ai/coalesced.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace rwp::ai {
namespace {

using tests::chat_request;
using tests::eventually;
using tests::on_io;
using tests::start;

/// Two processes' board, in one.
class MemoryBoard final : public FlightBoard {
 public:
  bool away = false;
  int landed = 0;
  int given_up = 0;
  std::chrono::milliseconds stays{-1};

  boost::asio::awaitable<Result<TakeOff>> take_off(std::string key) override {
    if (away) co_return Error(Errc::unavailable, "away");
    TakeOff turn;
    if (!flying_.insert(std::move(key)).second) turn.turn = TakeOff::Turn::waits;
    co_return turn;
  }
  boost::asio::awaitable<Result<void>> land(std::string key, std::string answer,
                                            std::chrono::milliseconds stays_for) override {
    flying_.erase(key);
    answers_[key] = std::move(answer);
    stays = stays_for;
    ++landed;
    changed_.notify_all();
    co_return Result<void>();
  }
  void give_up(std::string key) override {
    flying_.erase(key);
    ++given_up;
    changed_.notify_all();
  }
  boost::asio::awaitable<Result<std::optional<std::string>>> wait_landed(
      std::string key, SteadyTime deadline) override {
    while (flying_.contains(key)) {
      const auto woken = co_await changed_.wait_until(deadline);
      if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "cancelled");
      if (woken == Wake::timed_out) break;
    }
    const auto found = answers_.find(key);
    if (found == answers_.end()) co_return std::optional<std::string>();
    co_return std::optional<std::string>(found->second);
  }

 private:
  std::set<std::string> flying_;
  std::map<std::string, std::string> answers_;
  Signal changed_;
};

class FlightBoardTest : public ::testing::Test {
 protected:
  FlightBoardTest() {
    options_.board = board_;
    one_ = make_coalesced(inner_, options_);
    other_ = make_coalesced(inner_, options_);
  }
  bool ended(const std::shared_ptr<tests::StartedCall>& call) {
    return eventually(runtime_, [call] { return call->end.has_value(); });
  }

  std::shared_ptr<MemoryBoard> board_ = std::make_shared<MemoryBoard>();
  std::shared_ptr<tests::GatedModel> inner_ = std::make_shared<tests::GatedModel>();
  CoalescedOptions options_;
  std::shared_ptr<Model> one_;
  std::shared_ptr<Model> other_;
  Runtime runtime_;
};

TEST_F(FlightBoardTest, WhoDoesNotLeadGetsTheLeadersAnswer) {
  const auto leads = start(runtime_, one_, chat_request("?"));
  ASSERT_TRUE(eventually(runtime_, [this] { return inner_->begun == 1; }));
  const auto waits = start(runtime_, other_, chat_request("?"), true);
  on_io(runtime_, [this] { inner_->let_go(2); });

  ASSERT_TRUE(ended(leads));
  ASSERT_TRUE(ended(waits));
  EXPECT_EQ(leads->end->value().source, AnswerSource::model);
  EXPECT_EQ(waits->end->value().source, AnswerSource::shared);
  EXPECT_EQ(waits->end->value().content, "half whole");
  EXPECT_EQ(waits->streamed, "half whole");
  EXPECT_EQ(inner_->begun, 1);
  EXPECT_EQ(board_->landed, 1);
  EXPECT_GT(board_->stays.count(), 0);
}

TEST_F(FlightBoardTest, AnswerThatAskingAgainWouldChangeIsOnlyForWhoWaited) {
  on_io(runtime_, [this] { inner_->let_go(1); });
  auto request = chat_request("?");
  request.temperature = 1.0;
  const auto call = start(runtime_, one_, std::move(request));
  ASSERT_TRUE(ended(call));
  EXPECT_EQ(board_->stays.count(), 0);
}

TEST_F(FlightBoardTest, LeaderThatFailsOrIsCancelledLetsAnotherLead) {
  const auto leads = start(runtime_, one_, chat_request("?"));
  ASSERT_TRUE(eventually(runtime_, [this] { return inner_->begun == 1; }));
  const auto waits = start(runtime_, other_, chat_request("?"));
  on_io(runtime_, [] {});
  leads->task.cancel();
  ASSERT_TRUE(ended(leads));
  ASSERT_TRUE(eventually(runtime_, [this] { return inner_->begun == 2; }));
  EXPECT_EQ(board_->given_up, 1);
  on_io(runtime_, [this] {
    inner_->answer = Error(Errc::invalid_argument, "no");
    inner_->let_go(2);
  });
  ASSERT_TRUE(ended(waits));
  EXPECT_EQ(waits->end->error().code(), Errc::invalid_argument);
  EXPECT_EQ(board_->given_up, 2);
}

TEST_F(FlightBoardTest, WaitEndsAtTheDeadline) {
  const auto leads = start(runtime_, one_, chat_request("?"));
  ASSERT_TRUE(eventually(runtime_, [this] { return inner_->begun == 1; }));
  auto request = chat_request("?");
  request.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  const auto waits = start(runtime_, other_, std::move(request));
  ASSERT_TRUE(ended(waits));
  EXPECT_EQ(waits->end->error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(inner_->begun, 1);
}

TEST_F(FlightBoardTest, BoardThatIsAwayHoldsNobodyUp) {
  board_->away = true;
  on_io(runtime_, [this] { inner_->let_go(2); });
  const auto one = start(runtime_, one_, chat_request("?"));
  const auto two = start(runtime_, other_, chat_request("?"));
  ASSERT_TRUE(ended(one));
  ASSERT_TRUE(ended(two));
  EXPECT_TRUE(one->end->has_value());
  EXPECT_TRUE(two->end->has_value());
}

}  // namespace
}  // namespace rwp::ai
