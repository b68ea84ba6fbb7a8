#include "support/ai_fixture.hpp"
#include <rwp/ai/budgeted.hpp>
#include <rwp/ai/sliced_ledger.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::ai {
namespace {

using tests::chat_request;
using tests::eventually;
using tests::on_io;
using tests::run;
using tests::start;
using namespace std::chrono_literals;

/// Counts what reaches the ledger beneath.
class CountingLedger final : public UsageLedger {
 public:
  tests::MemoryLedger beneath;
  int reserved = 0;
  int settled = 0;
  int commits_of_rows = 0;
  std::function<void()> at_commit{};

  boost::asio::awaitable<Result<void>> reserve(UsageReservation wanted) override {
    ++reserved;
    return beneath.reserve(std::move(wanted));
  }
  boost::asio::awaitable<Result<void>> settle(Uuid id, std::string name, Money spent) override {
    ++settled;
    return beneath.settle(id, std::move(name), spent);
  }
  boost::asio::awaitable<Result<Money>> balance(std::string name) override {
    if (beneath.away) return refuse();
    return beneath.balance(std::move(name));
  }
  boost::asio::awaitable<Result<void>> record(std::vector<UsageEntry> more) override {
    ++commits_of_rows;
    if (at_commit) at_commit();
    // As a store that commits: others come meanwhile.
    (void)co_await sleep_for(1ms);
    if (beneath.away) co_return Error(Errc::unavailable, "away");
    co_return co_await beneath.record(std::move(more));
  }
  boost::asio::awaitable<Result<UsageSum>> sum(UsageFilter) override {
    UsageSum sum;
    sum.calls = static_cast<std::int64_t>(beneath.entries.size());
    co_return sum;
  }

 private:
  static boost::asio::awaitable<Result<Money>> refuse() {
    co_return Error(Errc::unavailable, "away");
  }
};

class SlicedLedgerTest : public ::testing::Test {
 protected:
  std::shared_ptr<SlicedLedger> make(std::chrono::milliseconds held_for = 10s) {
    SliceOptions options;
    options.held_for = held_for;
    return make_sliced_ledger(runtime_.executor(), ledger_, options);
  }
  static UsageReservation wanted(std::int64_t amount, std::int64_t limit) {
    UsageReservation reservation;
    reservation.id = Uuid::make_v7();
    reservation.account = "a";
    reservation.amount = Money{amount};
    reservation.limit = Money{limit};
    return reservation;
  }
  bool flush(const std::shared_ptr<SlicedLedger>& sliced) {
    return run(runtime_, sliced->flush(std::chrono::steady_clock::now() + 10s)).has_value();
  }
  std::int64_t settled() {
    std::int64_t sum = 0;
    on_io(runtime_, [&] { sum = ledger_->beneath.settled_micro_usd(); });
    return sum;
  }
  std::size_t open() {
    std::size_t count = 0;
    on_io(runtime_, [&] { count = ledger_->beneath.open_reservations(); });
    return count;
  }

  std::shared_ptr<CountingLedger> ledger_ = std::make_shared<CountingLedger>();
  Runtime runtime_;
};

TEST_F(SlicedLedgerTest, CallsArePaidFromASliceAndSettledTogether) {
  const auto sliced = make();
  for (int i = 0; i < 20; ++i) {
    const auto call = wanted(100, 1'000'000);
    ASSERT_TRUE(run(runtime_, sliced->reserve(call)).has_value());
    ASSERT_TRUE(run(runtime_, sliced->settle(call.id, "a", Money{30})).has_value());
  }
  EXPECT_EQ(ledger_->reserved, 1);
  EXPECT_EQ(settled(), 0);
  ASSERT_TRUE(flush(sliced));
  EXPECT_EQ(settled(), 600);
  EXPECT_EQ(open(), 0U);
  EXPECT_EQ(ledger_->settled, 1);
}

TEST_F(SlicedLedgerTest, SixtyFourParallelCallsOnABudgetForTenTakeExactlyIt) {
  BudgetOptions options;
  options.ledger = make();
  std::vector<ModelPrice> prices(1);
  prices[0].pattern = "*";
  prices[0].output_micro_usd = 1'000'000'000'000;
  options.prices = PriceTable::make(std::move(prices)).value();
  options.rules.emplace_back();
  options.rules.back().limit = Money{70'000'000};
  auto other_options = options;
  const auto other_ledger = make();
  other_options.ledger = other_ledger;
  auto gated = std::make_shared<tests::GatedModel>();
  gated->usage.output_tokens = 7;
  // Two processes.
  const std::vector<std::shared_ptr<Model>> models = {make_budgeted(gated, options),
                                                      make_budgeted(gated, other_options)};
  std::vector<std::shared_ptr<tests::StartedCall>> calls;
  for (std::size_t i = 0; i < 64; ++i) {
    auto request = chat_request("?");
    request.max_output_tokens = 7;
    calls.push_back(start(runtime_, models[i % 2], std::move(request)));
  }
  on_io(runtime_, [&] { gated->let_go(64); });
  int answered = 0;
  for (const auto& call : calls) {
    ASSERT_TRUE(eventually(runtime_, [&] { return call->end.has_value(); }));
    if (call->end->has_value()) {
      ++answered;
    } else {
      EXPECT_EQ(call->end->error().code(), Errc::budget_exceeded);
    }
  }
  EXPECT_EQ(answered, 10);
  ASSERT_TRUE(flush(std::static_pointer_cast<SlicedLedger>(options.ledger)));
  ASSERT_TRUE(flush(other_ledger));
  EXPECT_EQ(settled(), 70'000'000);
  EXPECT_EQ(open(), 0U);
}

TEST_F(SlicedLedgerTest, LastMoneyIsFoundWhereverItLies) {
  const auto sliced = make();
  const auto first = wanted(60, 100);
  ASSERT_TRUE(run(runtime_, sliced->reserve(first)).has_value());
  EXPECT_EQ(run(runtime_, sliced->reserve(wanted(60, 100))).error().code(), Errc::budget_exceeded);
  // What the first did not use is there for the next, with what the ledger still has.
  ASSERT_TRUE(run(runtime_, sliced->settle(first.id, "a", Money{10})).has_value());
  EXPECT_TRUE(run(runtime_, sliced->reserve(wanted(90, 100))).has_value());
  EXPECT_EQ(run(runtime_, sliced->reserve(wanted(1, 100))).error().code(), Errc::budget_exceeded);
}

TEST_F(SlicedLedgerTest, SliceThatIsNotUsedGoesBackByTime) {
  const auto sliced = make(20ms);
  const auto call = wanted(100, 1'000'000);
  ASSERT_TRUE(run(runtime_, sliced->reserve(call)).has_value());
  ASSERT_TRUE(run(runtime_, sliced->settle(call.id, "a", Money{40})).has_value());
  EXPECT_TRUE(eventually(runtime_, [this] { return ledger_->beneath.open_reservations() == 0; }));
  EXPECT_EQ(settled(), 40);
}

TEST_F(SlicedLedgerTest, CallInFlightKeepsItsMoneyHoweverLongItTakes) {
  const auto sliced = make(5ms);
  const auto call = wanted(100, 200);
  ASSERT_TRUE(run(runtime_, sliced->reserve(call)).has_value());
  run(runtime_, sleep_for(30ms)).value();
  EXPECT_EQ(open(), 1U);
  EXPECT_EQ(run(runtime_, make()->reserve(wanted(150, 200))).error().code(), Errc::budget_exceeded);
  ASSERT_TRUE(run(runtime_, sliced->settle(call.id, "a", Money{100})).has_value());
  EXPECT_TRUE(eventually(runtime_, [this] { return ledger_->beneath.settled_micro_usd() == 100; }));
}

TEST_F(SlicedLedgerTest, LedgerThatIsAwayFailsTheCallAndForgetsNothingOfThosePaid) {
  const auto sliced = make();
  const auto call = wanted(100, 150);
  ASSERT_TRUE(run(runtime_, sliced->reserve(call)).has_value());
  on_io(runtime_, [this] { ledger_->beneath.away = true; });
  EXPECT_EQ(run(runtime_, sliced->reserve(wanted(100, 150))).error().code(), Errc::unavailable);
  ASSERT_TRUE(run(runtime_, sliced->settle(call.id, "a", Money{70})).has_value());
  UsageEntry entry;
  entry.id = Uuid::make_v7();
  ASSERT_TRUE(run(runtime_, sliced->record({entry})).has_value());
  EXPECT_EQ(run(runtime_, sliced->flush(std::chrono::steady_clock::now() + 20ms)).error().code(),
            Errc::deadline_exceeded);
  on_io(runtime_, [this] { ledger_->beneath.away = false; });
  ASSERT_TRUE(flush(sliced));
  EXPECT_EQ(settled(), 70);
  EXPECT_EQ(run(runtime_, sliced->sum(UsageFilter())).value().calls, 1);
}

boost::asio::awaitable<void> record_one(std::shared_ptr<SlicedLedger> sliced) {
  std::vector<UsageEntry> one(1);
  one[0].id = Uuid::make_v7();
  (void)co_await sliced->record(std::move(one));
}

TEST_F(SlicedLedgerTest, FlushDoesNotWaitForRowsThatComeMeanwhile) {
  const auto sliced = make();
  // There is no end of them.
  ledger_->at_commit = [this, &sliced] { spawn(runtime_.executor(), record_one(sliced)); };
  spawn(runtime_.executor(), record_one(sliced));

  EXPECT_TRUE(flush(sliced));

  on_io(runtime_, [this] { ledger_->at_commit = nullptr; });
  EXPECT_TRUE(flush(sliced));
}

TEST_F(SlicedLedgerTest, RowsOfManyCallsShareACommit) {
  const auto sliced = make();
  for (int i = 0; i < 200; ++i) {
    UsageEntry entry;
    entry.id = Uuid::make_v7();
    ASSERT_TRUE(run(runtime_, sliced->record({entry})).has_value());
  }
  EXPECT_EQ(run(runtime_, sliced->sum(UsageFilter())).value().calls, 200);
  EXPECT_LT(ledger_->commits_of_rows, 200);
}

}  // namespace
}  // namespace rwp::ai
