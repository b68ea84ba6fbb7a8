#include "support/ai_fixture.hpp"
#include <rwp/ai/coalesced.hpp>

#include <gtest/gtest.h>

#include <memory>
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

  boost::asio::awaitable<Result<bool>> take_off(std::string key,
                                                std::chrono::milliseconds) override {
    if (away) co_return Error(Errc::unavailable, "away");
    co_return flying_.insert(std::move(key)).second;
  }
  boost::asio::awaitable<Result<void>> land(std::string key) override {
    flying_.erase(key);
    ++landed;
    changed_.notify_all();
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<void>> wait_landed(std::string key, SteadyTime deadline) override {
    while (flying_.contains(key)) {
      const auto woken = co_await changed_.wait_until(deadline);
      if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "cancelled");
      if (woken == Wake::timed_out) break;
    }
    co_return Result<void>();
  }

 private:
  std::set<std::string> flying_;
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

TEST_F(FlightBoardTest, WhoDoesNotLeadAsksOnceTheLeaderHasLanded) {
  const auto leads = start(runtime_, one_, chat_request("?"));
  ASSERT_TRUE(eventually(runtime_, [this] { return inner_->begun == 1; }));
  const auto waits = start(runtime_, other_, chat_request("?"));
  on_io(runtime_, [] {});
  EXPECT_EQ(inner_->begun, 1);
  on_io(runtime_, [this] { inner_->let_go(2); });
  ASSERT_TRUE(ended(leads));
  ASSERT_TRUE(ended(waits));
  EXPECT_TRUE(leads->end->has_value());
  EXPECT_TRUE(waits->end->has_value());
  EXPECT_EQ(board_->landed, 1);
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
