#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/uuid.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rwp {

/// Money in millionths of a US dollar, exact.
struct Money {
  std::int64_t micro_usd = 0;
  // clang-tidy 14 takes the zero of a defaulted comparison for a pointer.
  friend auto operator<=>(const Money&, const Money&) = default;  // NOLINT(modernize-use-nullptr)
};

/// How answers were come by.
enum class UsageSource : std::uint8_t {
  call,    ///< Asked for at once.
  batch,   ///< Through the provider's batches, at their price.
  cache,   ///< Given before, and kept.
  shared,  ///< Paid for by another call at the same time.
};

/// "call", "batch", "cache", "shared".
std::string_view to_string(UsageSource source) noexcept;

/// What one paid call used; booked once under its id. Answers that cost nothing are booked many in
/// one entry, as nobody is billed for them.
struct UsageEntry {
  /// Booking an id again changes nothing.
  Uuid id{};
  std::string tenant{};
  /// What the call was for, such as "job_ad.enrich".
  std::string kind{};
  std::string model{};
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  Money cost{};
  /// When it was used; the ledger's clock when left at the epoch.
  std::chrono::system_clock::time_point at{};
  UsageSource source = UsageSource::call;
  /// How many calls it stands for; 1 or more.
  std::int64_t calls = 1;
  /// What it would have cost more, asked for at once.
  Money saved{};
};

/// Which entries a sum takes; an empty string takes all.
struct UsageFilter {
  std::string tenant{};
  std::string kind{};
  std::string model{};
  /// From (inclusive) to (exclusive).
  std::chrono::system_clock::time_point from{};
  std::chrono::system_clock::time_point to = std::chrono::system_clock::time_point::max();
};

struct UsageSum {
  std::int64_t calls = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  Money cost{};
  Money saved{};
};

/// The sum of one tenant's calls of one kind to one model, come by in one way.
struct UsageGroup {
  std::string tenant{};
  std::string kind{};
  std::string model{};
  UsageSource source = UsageSource::call;
  UsageSum sum{};
};

/// A sum set aside before a call, so that parallel calls together keep within a limit.
struct UsageReservation {
  /// Repeating a reservation with its id changes nothing.
  Uuid id{};
  /// Whose limit, such as "tenant:acme/day:2026-11-23".
  std::string account{};
  Money amount{};
  /// The limit of the account: settled plus reserved stays at or below it.
  Money limit{};
  /// A reservation whose holder died lapses after this.
  std::chrono::milliseconds lapses_after{std::chrono::minutes(10)};
};

/// Where money is reserved, settled and summed; each jobs backend implements it beside its jobs.
///
/// Threads: confined to its runtime's I/O thread. Every success is durable.
class UsageLedger {
 public:
  virtual ~UsageLedger() = default;
  UsageLedger(const UsageLedger&) = delete;
  UsageLedger& operator=(const UsageLedger&) = delete;

  /// `Errc::budget_exceeded`: the account's limit does not hold the amount.
  virtual boost::asio::awaitable<Result<void>> reserve(UsageReservation reservation) = 0;
  /// Replaces a reservation by what was spent (zero: releases it). An id that lapsed is booked all
  /// the same: the money is gone.
  virtual boost::asio::awaitable<Result<void>> settle(Uuid reservation, std::string account,
                                                      Money spent) = 0;
  /// Settled plus reserved on an account.
  virtual boost::asio::awaitable<Result<Money>> balance(std::string account) = 0;
  virtual boost::asio::awaitable<Result<void>> record(std::vector<UsageEntry> entries) = 0;
  /// Of what was paid for: calls and batches.
  virtual boost::asio::awaitable<Result<UsageSum>> sum(UsageFilter filter) = 0;
  /// What the filter takes, of all sources, by tenant, kind, model and source, in that order.
  /// `Errc::invalid_argument`: more than `most` groups; narrow the filter. A ledger that does not
  /// keep apart what it sums: `Errc::unsupported`.
  virtual boost::asio::awaitable<Result<std::vector<UsageGroup>>> groups(UsageFilter filter,
                                                                         std::size_t most);

 protected:
  UsageLedger() = default;
};

}  // namespace rwp
