#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rwp::ai {

/// What an upstream said of its limits with an answer; members are absent where it was silent.
struct RateReport {
  struct Window {
    /// A minute's.
    std::optional<std::int64_t> limit{};
    std::optional<std::int64_t> remaining{};
    /// Until all of it is there again.
    std::optional<std::chrono::milliseconds> reset{};
  };
  Window requests{};
  Window tokens{};
};

using OnRateReport = std::function<void(const RateReport& report)>;

/// A model that hears of its upstream's limits.
class ReportsRates {
 public:
  virtual ~ReportsRates() = default;
  ReportsRates(const ReportsRates&) = delete;
  ReportsRates& operator=(const ReportsRates&) = delete;

  /// Who is told, on the model's I/O thread, as soon as the head of an answer is there; replaces
  /// who was told before.
  virtual void on_rate_report(OnRateReport listener) = 0;

 protected:
  ReportsRates() = default;
};

/// The requests and tokens that may go to one upstream; shared by all who call it: in this process,
/// or in a fleet.
///
/// Threads: confined to its runtime's I/O thread. Lifetime: outlives its waiters.
class RateAllowance {
 public:
  virtual ~RateAllowance() = default;
  RateAllowance(const RateAllowance&) = delete;
  RateAllowance& operator=(const RateAllowance&) = delete;

  /// Waits until a request of so many tokens may go, in the order of asking. `Errc::rate_limited`,
  /// at once and with the wait that it would take: not before `deadline`. `Errc::cancelled`: takes
  /// nothing. However large a request is, a time comes at which it may go.
  virtual boost::asio::awaitable<Result<void>> acquire(std::int64_t tokens,
                                                       SteadyTime deadline) = 0;
  /// A request that had acquired `reserved` tokens used so many; 0 and no request: was not sent.
  virtual void settle(std::int64_t reserved, std::int64_t used, bool sent) = 0;
  /// What the upstream says corrects what is counted here.
  virtual void report(const RateReport& report) = 0;
  /// The upstream has refused a request: nothing goes for so long.
  virtual void pause(std::chrono::milliseconds wait) = 0;
  /// What may go now; members are absent where that is not known, or not limited.
  virtual RateReport standing() const { return {}; }

 protected:
  RateAllowance() = default;
};

struct RateAllowanceOptions {
  /// 0: not limited, unless the upstream reports its limit.
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;
  /// How much may go at once after a pause; a window that the upstream counts in may begin at any
  /// time, so a long burst can exceed it.
  std::chrono::milliseconds burst{3'000};
  /// Whether the limits that the upstream reports replace those above that are higher, or 0.
  bool learn = true;
  /// What a limit's minute is; another only for tests, whose upstream counts in shorter ones.
  std::chrono::milliseconds minute{60'000};
};

/// Counted in this process alone.
std::shared_ptr<RateAllowance> make_rate_allowance(
    RateAllowanceOptions options = RateAllowanceOptions());

/// Makes the allowance of a name ("upstream/openai", "tenant/acme"), such as one that a fleet
/// shares. Not null.
using MakeRateAllowance = std::function<std::shared_ptr<RateAllowance>(
    const std::string& name, const RateAllowanceOptions& options)>;

}  // namespace rwp::ai
