#include "ai/reservation.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

/// Beyond the call's own time, for its settlement.
constexpr std::chrono::minutes kSpare{10};
/// A call without a deadline is not thought to take longer.
constexpr std::chrono::hours kLongestCall{1};

std::chrono::milliseconds lapses_after(SteadyTime deadline) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const SteadyTime end = std::min(deadline, now + kLongestCall);
  return std::chrono::ceil<std::chrono::milliseconds>(end - now) + kSpare;
}

void ledger_failed(const Settlement& settlement, const Error& error, Money spent) {
  settlement.log.error("AI call could not be settled",
                       {{"error", error}, {"cost_micro_usd", spent.micro_usd}});
  if (!settlement.metrics) return;
  settlement.metrics
      ->counter("rwp_ai_ledger_errors_total", "AI calls that the usage ledger did not take")
      .add();
}

struct Ended {
  bool is_so = false;
  Signal changed{};
};

}  // namespace

awaitable<void> Reservation::settle_all(std::shared_ptr<const Settlement> settlement,
                                        std::vector<Account> accounts, Money spent,
                                        std::optional<UsageEntry> entry) {
  UsageLedger& ledger = *settlement->ledger;
  for (auto& account : accounts) {
    // What was spent first: nobody else may take what the others release.
    const Money here = account.is_more ? Money{} : spent;
    auto settled = co_await ledger.settle(account.id, std::move(account.name), here);
    if (!settled) ledger_failed(*settlement, settled.error(), spent);
  }
  if (entry) {
    std::vector<UsageEntry> entries;
    entries.push_back(std::move(*entry));
    auto booked = co_await ledger.record(std::move(entries));
    if (!booked) ledger_failed(*settlement, booked.error(), spent);
  }
}

Reservation::~Reservation() {
  if (settled_ || (held_.empty() && !entry_)) return;
  // The call was cancelled or dropped: nothing can be awaited in it any more.
  const auto settlement = settlement_;
  const Money spent = owed_;
  auto failed = [settlement, spent](const std::exception_ptr& thrown) {
    if (thrown) ledger_failed(*settlement, detail::from_exception(thrown), spent);
  };
  spawn(executor_, settle_all(settlement, std::move(held_), owed_, std::move(entry_)),
        std::move(failed));
}

awaitable<Result<void>> Reservation::reserve(std::vector<Account> accounts, Money amount,
                                             SteadyTime deadline) {
  auto reserved = co_await reserve_each(std::move(accounts), amount, deadline);
  if (!reserved) co_await settle();
  co_return reserved;
}

awaitable<Result<void>> Reservation::reserve_more(std::vector<Account> accounts, Money amount,
                                                  SteadyTime deadline) {
  for (auto& account : accounts) account.is_more = true;
  return reserve_each(std::move(accounts), amount, deadline);
}

awaitable<Result<void>> Reservation::reserve_each(std::vector<Account> accounts, Money amount,
                                                  SteadyTime deadline) {
  for (auto& account : accounts) {
    UsageReservation wanted;
    wanted.id = account.id;
    wanted.account = account.name;
    wanted.amount = amount;
    wanted.limit = account.limit;
    wanted.lapses_after = lapses_after(deadline);
    // Before it is known: a cancelled call may have reserved.
    held_.push_back(account);
    auto reserved = co_await settlement_->ledger->reserve(std::move(wanted));
    if (reserved) continue;
    const Error error = reserved.error();
    if (error.code() != Errc::budget_exceeded) {
      co_return error.with_context("the usage ledger");
    }
    held_.pop_back();
    const Error refused(Errc::budget_exceeded,
                        "the budget " + account.rule + " does not hold what this call may cost");
    // What one period's money cannot hold, no other's can.
    if (amount > account.limit) co_return refused;
    co_return refused.with_retry_after(account.ends_in);
  }
  co_return Result<void>();
}

void Reservation::owe(Money spent, std::optional<UsageEntry> entry) {
  owed_ = spent;
  entry_ = std::move(entry);
}

awaitable<void> Reservation::settle() {
  settled_ = true;
  const Money spent = owed_;
  auto accounts = std::exchange(held_, std::vector<Account>());
  // Runs by itself, so that who is cancelled while it waits settles all the same.
  const auto ended = std::make_shared<Ended>();
  const auto settlement = settlement_;
  auto done = [ended, settlement, spent](const std::exception_ptr& thrown) {
    if (thrown) ledger_failed(*settlement, detail::from_exception(thrown), spent);
    ended->is_so = true;
    ended->changed.notify_all();
  };
  spawn(executor_, settle_all(settlement_, std::move(accounts), spent, std::move(entry_)),
        std::move(done));
  while (!ended->is_so) {
    if (co_await ended->changed.wait_until(SteadyTime::max()) == Wake::cancelled) break;
  }
}

}  // namespace rwp::ai
