#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>

namespace rwp::jobadder {

/// Lets requests to one account through, no faster than it allows; shared by all who call it: in
/// this process (make_rate_gate()), or in a fleet (the pods share one through Redis).
///
/// Threads: confined to its runtime's I/O thread. Lifetime: outlives its waiters.
class RateGate {
 public:
  virtual ~RateGate() = default;
  RateGate(const RateGate&) = delete;
  RateGate& operator=(const RateGate&) = delete;

  /// Waits until a request may go, in the order of asking. `Errc::rate_limited`, at once and with
  /// the wait that it would take: not before `deadline`. `Errc::cancelled`.
  virtual boost::asio::awaitable<Result<void>> acquire(SteadyTime deadline) = 0;
  /// JobAdder has refused a request: nothing goes for so long.
  virtual void pause(std::chrono::milliseconds wait) = 0;

 protected:
  RateGate() = default;
};

struct RateGateOptions {
  /// 0: no limit but what JobAdder's refusals say.
  std::size_t requests_per_minute = 0;
  /// How much may go at once after a quiet time; it counts as part of the minute.
  std::chrono::milliseconds burst{1'000};
  /// What a minute is; another only for tests.
  std::chrono::milliseconds minute{60'000};
};

/// Counted in this process alone. In no minute, wherever it begins, more than the limit goes.
std::shared_ptr<RateGate> make_rate_gate(RateGateOptions options = RateGateOptions());

}  // namespace rwp::jobadder
