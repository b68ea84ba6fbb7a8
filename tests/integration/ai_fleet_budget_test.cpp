#include "support/ai_fixture.hpp"
#include "support/forked_process.hpp"
#include "support/redis_fixture.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/ai/model_stack.hpp>
#include <rwp/ai/sliced_ledger.hpp>
#include <rwp/ai_redis/fleet.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>
#include <rwp/testing/settable_clock.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Budgets of processes that share a jobs store, in slices.
namespace rwp::ai_redis {
namespace {

using tests::chat_request;
using tests::ForkedProcess;
using tests::on_io;
using tests::run;
using tests::start;
using namespace std::chrono_literals;

UsageReservation wanted(std::int64_t amount, std::int64_t limit) {
  UsageReservation reservation;
  reservation.id = Uuid::make_v7();
  reservation.account = "a";
  reservation.amount = Money{amount};
  reservation.limit = Money{limit};
  return reservation;
}

/// A process's side of the budget: its connection to the store, and its slices.
struct Side {
  explicit Side(const std::string& path, std::shared_ptr<const Clock> clock = system_clock()) {
    jobs_sqlite::SqliteOptions options;
    options.path = path;
    options.clock = std::move(clock);
    store = jobs_sqlite::open_sqlite_job_store(runtime, options).value();
    const std::shared_ptr<UsageLedger> usage(store, &store->usage());
    ledger = ai::make_sliced_ledger(runtime.executor(), usage);
  }
  Runtime runtime;
  std::shared_ptr<jobs::JobStore> store{};
  std::shared_ptr<ai::SlicedLedger> ledger{};
};

class FleetBudgetTest : public ::testing::Test {
 protected:
  const tests::TemporaryDirectory directory_;
  const std::string path_ = (directory_.path() / "jobs.db").string();
};

/// Calls of 100 each, as many as the budget for ten holds.
int spend(const std::string& path, int pipe) {
  Side side(path);
  int granted = 0;
  for (int i = 0; i < 30; ++i) {
    const auto call = wanted(100, 1'000);
    if (!run(side.runtime, side.ledger->reserve(call))) continue;
    ++granted;
    if (!run(side.runtime, side.ledger->settle(call.id, "a", Money{100}))) return 1;
  }
  if (!run(side.runtime, side.ledger->flush(std::chrono::steady_clock::now() + 15s))) return 2;
  return ::write(pipe, &granted, sizeof granted) == sizeof granted ? 0 : 3;
}

TEST_F(FleetBudgetTest, ProcessesOnOneStoreTogetherTakeExactlyTheBudget) {
  { const Side first(path_); }
  std::vector<std::unique_ptr<ForkedProcess>> processes;
  for (int i = 0; i < 3; ++i) {
    processes.push_back(
        std::make_unique<ForkedProcess>([this](int pipe) { return spend(path_, pipe); }));
  }
  int sum = 0;
  for (const auto& process : processes) {
    int granted = 0;
    ASSERT_TRUE(process->read(granted));
    sum += granted;
    EXPECT_EQ(process->wait(), 0);
  }
  EXPECT_EQ(sum, 10);
  Side after(path_);
  EXPECT_EQ(run(after.runtime, after.ledger->balance("a")).value(), Money{1'000});
}

TEST_F(FleetBudgetTest, ProcessThatIsKilledLosesItsSliceUntilItLapses) {
  { const Side first(path_); }
  ForkedProcess dies([this](int pipe) {
    Side side(path_);
    const auto call = wanted(100, 100'000);
    const int granted = run(side.runtime, side.ledger->reserve(call)).has_value() ? 1 : 0;
    if (::write(pipe, &granted, sizeof granted) != sizeof granted) return 1;
    while (true) ::pause();
  });
  int granted = 0;
  ASSERT_TRUE(dies.read(granted));
  ASSERT_EQ(granted, 1);
  dies.kill();

  const auto clock = std::make_shared<testing::SettableClock>(std::chrono::system_clock::now());
  Side side(path_, clock);
  // Its call, and 32 more.
  EXPECT_EQ(run(side.runtime, side.ledger->balance("a")).value(), Money{3'300});
  ASSERT_TRUE(run(side.runtime, side.ledger->reserve(wanted(96'700, 100'000))).has_value());
  EXPECT_EQ(run(side.runtime, side.ledger->reserve(wanted(3'300, 100'000))).error().code(),
            Errc::budget_exceeded);
  auto late = wanted(3'300, 100'000);
  late.lapses_after = 1h;
  clock->advance(11min);
  EXPECT_TRUE(run(side.runtime, side.ledger->reserve(late)).has_value());
}

TEST_F(FleetBudgetTest, SixtyFourParallelCallsTakeExactlyTheBudgetAlsoOverAFlush) {
  if (!tests::RedisServer::is_there()) GTEST_SKIP() << "redis-tools is not installed";
  tests::RedisServer server;
  Side side(path_);
  auto& runtime = side.runtime;
  const std::shared_ptr<UsageLedger> usage(side.store, &side.store->usage());
  auto gated = std::make_shared<tests::GatedModel>();
  gated->usage.output_tokens = 7;
  std::vector<std::shared_ptr<Fleet>> fleets;
  std::vector<std::shared_ptr<ai::SlicedLedger>> ledgers;
  std::vector<std::shared_ptr<ai::Model>> models;
  for (int i = 0; i < 2; ++i) {
    FleetOptions shared;
    shared.patience = 5s;
    fleets.push_back(open_fleet(runtime, server.url(), shared).value());
    ledgers.push_back(ai::make_sliced_ledger(runtime.executor(), usage));
    ai::StackMember member;
    member.model = gated;
    member.options.rates.requests_per_minute = 60'000;
    member.options.limited->allowance = fleets.back()->rates("up", member.options.rates);
    ai::StackOptions options;
    options.cached = ai::CachedOptions();
    options.cached->cache = fleets.back()->cache();
    options.coalesced->board = fleets.back()->flights("up");
    options.budgeted = ai::BudgetOptions();
    options.budgeted->ledger = ledgers.back();
    std::vector<ai::ModelPrice> prices(1);
    prices[0].pattern = "*";
    prices[0].output_micro_usd = 1'000'000'000'000;
    options.budgeted->prices = ai::PriceTable::make(std::move(prices)).value();
    options.budgeted->rules.emplace_back();
    options.budgeted->rules.back().limit = Money{70'000'000};
    std::vector<ai::StackMember> members(1, member);
    models.push_back(ai::build_model(std::move(members), std::move(options)).value());
  }
  std::vector<std::shared_ptr<tests::StartedCall>> calls;
  for (std::size_t i = 0; i < 64; ++i) {
    auto request = chat_request("question " + std::to_string(i));
    request.max_output_tokens = 7;
    calls.push_back(start(runtime, models[i % 2], std::move(request)));
    if (i % 16 == 0) {
      EXPECT_EQ(server.cli("FLUSHALL"), "OK");
    }
  }
  ASSERT_TRUE(tests::eventually(runtime, [&] { return gated->begun == 10; }));
  EXPECT_EQ(server.cli("FLUSHALL"), "OK");
  on_io(runtime, [&] { gated->let_go(64); });
  int answered = 0;
  for (const auto& call : calls) {
    ASSERT_TRUE(tests::eventually(runtime, [&] { return call->end.has_value(); }));
    if (call->end->has_value()) {
      ++answered;
    } else {
      EXPECT_EQ(call->end->error().code(), Errc::budget_exceeded);
    }
  }
  EXPECT_EQ(answered, 10);
  for (const auto& ledger : ledgers) {
    EXPECT_TRUE(run(runtime, ledger->flush(std::chrono::steady_clock::now() + 15s)).has_value());
  }
  UsageFilter all;
  EXPECT_EQ(run(runtime, usage->sum(all)).value().cost, Money{70'000'000});
}

}  // namespace
}  // namespace rwp::ai_redis
