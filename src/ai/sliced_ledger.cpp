#include "ai/sliced_account.hpp"
#include <rwp/ai/sliced_ledger.hpp>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <exception>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

constexpr milliseconds kFirstRetry{100};
constexpr milliseconds kLongestRetry{5'000};
/// How often what the ledger did not take is tried again: some ten minutes.
constexpr int kMostTries = 120;
/// Rows of one commit.
constexpr std::size_t kMostRowsAtOnce = 500;
/// Slices that are used up sooner become larger, up to so many times; when they last so long they
/// begin anew.
constexpr std::chrono::seconds kShortUse{1};
constexpr std::chrono::seconds kLongUse{5};
constexpr std::int64_t kMostTimesCalls = 64;

SteadyTime now() { return std::chrono::steady_clock::now(); }

/// What the ledger and its background work share.
class Slices : public std::enable_shared_from_this<Slices> {
 public:
  Slices(boost::asio::any_io_executor executor, std::shared_ptr<UsageLedger> ledger,
         SliceOptions options)
      : executor_(std::move(executor)), ledger_(std::move(ledger)), options_(std::move(options)) {
    assert(ledger_);
  }

  awaitable<Result<void>> reserve(UsageReservation wanted) {
    Account& account = accounts_[wanted.account];
    account.limit = wanted.limit;
    const SteadyTime until = now() + wanted.lapses_after;
    if (account.wishes.empty() && take(account, wanted, until, false)) {
      look_ahead(account, wanted, until);
      co_return Result<void>();
    }
    Wish wish;
    wish.reservation = &wanted;
    wish.until = until;
    account.wishes.push_back(&wish);
    const Waiting waiting(account, &wish);
    if (!std::exchange(account.refilling, true)) start(refill(shared_from_this(), wanted.account));
    while (!wish.outcome) {
      if (co_await wish.changed.wait_until(SteadyTime::max()) == Wake::cancelled && !wish.outcome) {
        co_return Error(Errc::cancelled, "cancelled while money was reserved");
      }
    }
    co_return std::move(*wish.outcome);
  }

  awaitable<Result<void>> settle(Uuid reservation, std::string name, Money spent) {
    const auto found = accounts_.find(name);
    const bool ours = found != accounts_.end() && found->second.held.settle(reservation, spent);
    // Reserved by another, or before this process began.
    if (!ours) co_return co_await ledger_->settle(reservation, std::move(name), spent);
    co_return Result<void>();
  }

  awaitable<Result<void>> record(std::vector<UsageEntry> entries) {
    if (rows_.size() + entries.size() > options_.most_rows) {
      co_return co_await ledger_->record(std::move(entries));
    }
    rows_added_ += entries.size();
    // When it was used, not when it is booked: who asks for the sum until now waits for these rows.
    const auto used_at = std::chrono::system_clock::now();
    for (UsageEntry& entry : entries) {
      if (entry.at == std::chrono::system_clock::time_point()) entry.at = used_at;
      rows_.push_back(std::move(entry));
    }
    if (!std::exchange(booking_, true)) start(book(shared_from_this()));
    if (rows_.size() >= kMostRowsAtOnce) hurry_.notify_all();
    co_return Result<void>();
  }

  awaitable<Result<void>> flush(SteadyTime deadline, bool rows_alone) {
    if (!rows_alone) close_slices(SteadyTime::max());
    ++flushing_;
    const Ended ended(*this, flushing_);
    hurry_.notify_all();
    // Those that come meanwhile are not waited for: there may be no end of them.
    const std::uint64_t last = rows_added_;
    while (rows_ended_ < last || (!rows_alone && settling_ > 0)) {
      const Wake woken = co_await idle_.wait_until(deadline);
      if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "flush was cancelled");
      if (woken == Wake::timed_out) {
        co_return Error(Errc::deadline_exceeded, "the usage ledger has not taken everything");
      }
    }
    co_return Result<void>();
  }

  /// Nobody uses it any more.
  void end() {
    ended_ = true;
    hurry_.notify_all();
    close_slices(SteadyTime::max());
  }

  UsageLedger& ledger() const noexcept { return *ledger_; }

 private:
  /// A call for which the slices held do not suffice.
  struct Wish {
    const UsageReservation* reservation = nullptr;
    SteadyTime until{};
    std::optional<Result<void>> outcome{};
    Signal changed{};
  };
  struct Account {
    SlicedAccount held{};
    Money limit{};
    std::list<Wish*> wishes{};
    bool refilling = false;
    /// Of the slice that was taken last; 0: none was.
    std::int64_t calls = 0;
    SteadyTime sliced_at{};
  };
  class Waiting {
   public:
    Waiting(Account& account, Wish* wish) : account_(account), wish_(wish) {}
    ~Waiting() {
      // Answered, it is off the list, and the account may be gone.
      if (!wish_->outcome) account_.wishes.remove(wish_);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    Account& account_;
    Wish* wish_;
  };

  void start(awaitable<void> work) {
    spawn(executor_, std::move(work), [log = options_.log](const std::exception_ptr& thrown) {
      if (thrown) log.error("slices ended", {{"error", detail::from_exception(thrown)}});
    });
  }

  /// `aged`: also of slices that were to be given back.
  bool take(Account& account, const UsageReservation& wanted, SteadyTime until, bool aged) const {
    const SteadyTime since = aged ? SteadyTime::min() : now() - options_.held_for;
    return account.held.take(wanted.id, wanted.amount, until, since);
  }

  /// Has a slice reserved before the last is used up, so that no call waits for it; not where the
  /// budget is near its end, as another process may need the money.
  void look_ahead(Account& account, const UsageReservation& wanted, SteadyTime until) {
    if (account.refilling || account.calls < options_.calls) return;
    const Money free = account.held.free(until, now() - options_.held_for);
    if (free.micro_usd >= account.calls / 2 * wanted.amount.micro_usd) return;
    account.refilling = true;
    start(refill_ahead(shared_from_this(), wanted.account, wanted.amount, until));
  }

  static awaitable<void> refill_ahead(std::shared_ptr<Slices> self, std::string name, Money each,
                                      SteadyTime until) {
    Account& account = self->accounts_[name];
    const auto balance = co_await self->ledger_->balance(name);
    if (balance && account.wishes.empty() && each.micro_usd > 0) {
      const std::int64_t spare = account.limit.micro_usd - balance->micro_usd;
      const std::int64_t calls = self->calls_of_slice(account);
      if (spare / 16 / each.micro_usd >= calls) {
        (void)co_await self->reserve_slice(name, account, Money{calls * each.micro_usd}, calls,
                                           until);
      }
    }
    co_await refill(self, std::move(name));
  }

  std::int64_t calls_of_slice(const Account& account) const {
    const auto used_for = now() - account.sliced_at;
    if (account.calls == 0 || used_for > kLongUse) return options_.calls;
    if (used_for > kShortUse) return std::max(account.calls, options_.calls);
    return std::min(2 * std::max(account.calls, options_.calls), kMostTimesCalls * options_.calls);
  }

  static void answer(Account& account, Result<void> outcome) {
    Wish* wish = account.wishes.front();
    account.wishes.pop_front();
    wish->outcome = std::move(outcome);
    wish->changed.notify_all();
  }

  /// Reserves slices until no call of the account waits. Accounts stay while this runs.
  static awaitable<void> refill(std::shared_ptr<Slices> self, std::string name) {
    Account& account = self->accounts_[name];
    while (!account.wishes.empty()) {
      if (self->take_for_first(account, false)) continue;
      auto balance = co_await self->ledger_->balance(name);
      if (account.wishes.empty()) break;
      if (!balance) {
        const Error error = balance.error();
        while (!account.wishes.empty()) answer(account, error);
        break;
      }
      const Money left{account.limit.micro_usd - balance->micro_usd};
      const std::int64_t calls = self->further_calls(account, left);
      const Money size = self->slice_size(account, left, calls);
      const SteadyTime latest = latest_of(account);
      auto reserved = co_await self->reserve_slice(name, account, size, calls, latest);
      if (account.wishes.empty()) break;
      if (!reserved && reserved.error().code() == Errc::budget_exceeded) {
        const SteadyTime again = latest_of(account);
        reserved = co_await self->reserve_slice(name, account, self->missing(account), 0, again);
      }
      if (account.wishes.empty()) break;
      if (self->take_for_first(account, !reserved)) continue;
      // Its time may have become longer than the slice's while that was reserved.
      if (!reserved) answer(account, reserved.error());
    }
    account.refilling = false;
    self->forget_idle(name);
    self->watch_slices();
  }

  bool take_for_first(Account& account, bool aged) {
    const Wish& first = *account.wishes.front();
    if (!take(account, *first.reservation, first.until, aged)) return false;
    answer(account, Result<void>());
    return true;
  }

  /// What the first who waits lacks.
  Money missing(const Account& account) const {
    const Wish& first = *account.wishes.front();
    const Money free = account.held.free(first.until, now() - options_.held_for);
    return Money{first.reservation->amount.micro_usd - free.micro_usd};
  }

  static SteadyTime latest_of(const Account& account) {
    SteadyTime until = now();
    for (const Wish* wish : account.wishes) until = std::max(until, wish->until);
    return until;
  }

  /// Calls like the first that a slice holds beyond those that wait.
  std::int64_t further_calls(const Account& account, Money left) const {
    std::int64_t demand = 0;
    for (const Wish* wish : account.wishes) demand += wish->reservation->amount.micro_usd;
    const std::int64_t first = account.wishes.front()->reservation->amount.micro_usd;
    const std::int64_t spare = std::max<std::int64_t>(left.micro_usd - demand, 0);
    return first > 0 ? std::min(spare / 16 / first, calls_of_slice(account)) : 0;
  }

  Money slice_size(const Account& account, Money left, std::int64_t calls) const {
    // Whole calls, so that no two processes hold halves of the last one.
    const std::int64_t more = calls * account.wishes.front()->reservation->amount.micro_usd;
    // Of those who wait, as many as fit.
    std::int64_t fitting = 0;
    for (const Wish* wish : account.wishes) {
      const std::int64_t amount = wish->reservation->amount.micro_usd;
      if (fitting + amount <= left.micro_usd) fitting += amount;
    }
    return Money{std::max(fitting + more, missing(account).micro_usd)};
  }

  /// For `calls` beyond those that wait, of calls that may take until `until`.
  awaitable<Result<void>> reserve_slice(std::string name, const Account& account, Money amount,
                                        std::int64_t calls, SteadyTime until) {
    UsageReservation wanted;
    wanted.id = Uuid::make_v7();
    wanted.account = std::move(name);
    wanted.amount = amount;
    wanted.limit = account.limit;
    wanted.lapses_after =
        std::chrono::ceil<milliseconds>(until - now()) + options_.held_for + kLongestRetry;
    SlicedAccount::Slice slice;
    slice.id = wanted.id;
    slice.amount = amount;
    slice.taken_at = now();
    slice.lapses_at = slice.taken_at + wanted.lapses_after;
    const std::string place = wanted.account;
    auto reserved = co_await ledger_->reserve(std::move(wanted));
    if (reserved) {
      Account& taken = accounts_[place];
      taken.held.add(slice);
      taken.calls = calls;
      taken.sliced_at = slice.taken_at;
      count("rwp_ai_slices_total", "Slices of budgets that this process has taken");
    } else if (reserved.error().code() != Errc::budget_exceeded) {
      // It may stand all the same.
      start(settle_slice(shared_from_this(), place, {slice.id, Money{}}));
    }
    co_return reserved;
  }

  /// Gives slices back when they have been held long enough, as long as there are some.
  void watch_slices() {
    if (std::exchange(watching_, true)) return;
    start(keep_watch(shared_from_this()));
  }
  static awaitable<void> keep_watch(std::shared_ptr<Slices> self) {
    const milliseconds pause = std::max(self->options_.held_for / 4, milliseconds(1));
    while (!self->ended_ && self->holds_slices()) {
      if (!co_await sleep_for(pause)) break;
      self->close_slices(now() - self->options_.held_for);
    }
    self->watching_ = false;
    if (self->ended_) self->close_slices(SteadyTime::max());
  }
  bool holds_slices() const {
    return std::any_of(accounts_.begin(), accounts_.end(),
                       [](const auto& account) { return !account.second.held.empty(); });
  }

  void close_slices(SteadyTime before) {
    std::vector<std::string> names;
    for (auto& [name, account] : accounts_) {
      for (const auto& settlement : account.held.close(before)) {
        start(settle_slice(shared_from_this(), name, settlement));
      }
      names.push_back(name);
    }
    for (const auto& name : names) forget_idle(name);
  }

  void forget_idle(const std::string& name) {
    const auto found = accounts_.find(name);
    if (found == accounts_.end()) return;
    const Account& account = found->second;
    if (account.held.empty() && account.wishes.empty() && !account.refilling) {
      accounts_.erase(found);
    }
  }

  /// Tried again, since what was spent must not be forgotten.
  static awaitable<void> settle_slice(std::shared_ptr<Slices> self, std::string account,
                                      SlicedAccount::Settlement settlement) {
    ++self->settling_;
    const Ended ended(*self, self->settling_);
    milliseconds wait = kFirstRetry;
    for (int tries = 1;; ++tries) {
      auto settled = co_await self->ledger_->settle(settlement.id, account, settlement.spent);
      if (settled) co_return;
      self->failed("slice could not be settled", settled.error());
      if (tries == kMostTries || !co_await sleep_for(wait)) co_return;
      wait = std::min(2 * wait, kLongestRetry);
    }
  }

  static awaitable<void> book(std::shared_ptr<Slices> self) {
    milliseconds wait = kFirstRetry;
    int tries = 0;
    while (!self->rows_.empty()) {
      co_await self->gather_rows();
      const std::size_t count = std::min(self->rows_.size(), kMostRowsAtOnce);
      const auto end = self->rows_.begin() + static_cast<std::ptrdiff_t>(count);
      std::vector<UsageEntry> rows(self->rows_.begin(), end);
      auto booked = co_await self->ledger_->record(std::move(rows));
      if (!booked) {
        self->failed("usage rows could not be booked", booked.error());
        if (++tries < kMostTries && co_await sleep_for(wait)) {
          wait = std::min(2 * wait, kLongestRetry);
          continue;
        }
      }
      tries = 0;
      wait = kFirstRetry;
      self->rows_.erase(self->rows_.begin(),
                        self->rows_.begin() + static_cast<std::ptrdiff_t>(count));
      self->rows_ended_ += count;
      self->idle_.notify_all();
    }
    self->booking_ = false;
  }

  /// Until there are rows enough for a commit, or whoever waits for them has no time.
  awaitable<void> gather_rows() {
    const SteadyTime until = now() + options_.rows_gathered_for;
    while (flushing_ == 0 && !ended_ && rows_.size() < kMostRowsAtOnce && now() < until) {
      if (co_await hurry_.wait_until(until) == Wake::cancelled) co_return;
    }
  }

  class Ended {
   public:
    Ended(Slices& slices, std::size_t& count) : slices_(slices), count_(count) {}
    ~Ended() {
      --count_;
      slices_.idle_.notify_all();
    }
    Ended(const Ended&) = delete;
    Ended& operator=(const Ended&) = delete;

   private:
    Slices& slices_;
    std::size_t& count_;
  };

  void failed(const char* what, const Error& error) const {
    options_.log.error(what, {{"error", error}});
    count("rwp_ai_ledger_errors_total", "AI calls that the usage ledger did not take");
  }
  void count(const char* name, const char* help) const {
    if (options_.metrics) options_.metrics->counter(name, help).add();
  }

  const boost::asio::any_io_executor executor_;
  const std::shared_ptr<UsageLedger> ledger_;
  const SliceOptions options_;
  std::map<std::string, Account> accounts_;
  std::vector<UsageEntry> rows_;
  /// Of all so far: those that came, and those that were booked or given up.
  std::uint64_t rows_added_ = 0;
  std::uint64_t rows_ended_ = 0;
  bool booking_ = false;
  bool watching_ = false;
  bool ended_ = false;
  std::size_t settling_ = 0;
  std::size_t flushing_ = 0;
  Signal idle_;
  /// Rows that are gathered are wanted now.
  Signal hurry_;
};

class SlicedLedgerOf final : public SlicedLedger {
 public:
  SlicedLedgerOf(boost::asio::any_io_executor executor, std::shared_ptr<Slices> slices)
      : executor_(std::move(executor)), slices_(std::move(slices)) {}
  ~SlicedLedgerOf() override {
    post(executor_, [slices = slices_] { slices->end(); });
  }
  SlicedLedgerOf(const SlicedLedgerOf&) = delete;
  SlicedLedgerOf& operator=(const SlicedLedgerOf&) = delete;

  awaitable<Result<void>> reserve(UsageReservation reservation) override {
    return slices_->reserve(std::move(reservation));
  }
  awaitable<Result<void>> settle(Uuid reservation, std::string account, Money spent) override {
    return slices_->settle(reservation, std::move(account), spent);
  }
  awaitable<Result<Money>> balance(std::string account) override {
    return slices_->ledger().balance(std::move(account));
  }
  awaitable<Result<void>> record(std::vector<UsageEntry> entries) override {
    return slices_->record(std::move(entries));
  }
  awaitable<Result<UsageSum>> sum(UsageFilter filter) override {
    (void)co_await slices_->flush(now() + kLongestRetry, true);
    co_return co_await slices_->ledger().sum(std::move(filter));
  }
  awaitable<Result<std::vector<UsageGroup>>> groups(UsageFilter filter, std::size_t most) override {
    (void)co_await slices_->flush(now() + kLongestRetry, true);
    co_return co_await slices_->ledger().groups(std::move(filter), most);
  }
  awaitable<Result<void>> flush(SteadyTime deadline) override {
    return slices_->flush(deadline, false);
  }

 private:
  const boost::asio::any_io_executor executor_;
  const std::shared_ptr<Slices> slices_;
};

}  // namespace

std::shared_ptr<SlicedLedger> make_sliced_ledger(boost::asio::any_io_executor executor,
                                                 std::shared_ptr<UsageLedger> ledger,
                                                 SliceOptions options) {
  options.held_for =
      std::clamp(options.held_for, milliseconds(1), milliseconds(std::chrono::seconds(10)));
  auto slices = std::make_shared<Slices>(executor, std::move(ledger), std::move(options));
  return std::make_shared<SlicedLedgerOf>(std::move(executor), std::move(slices));
}

}  // namespace rwp::ai
