#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace rwp::net {

/// So many tokens a second, and as many at once as the bucket holds. Reservations are served in the
/// order they come in: each says when its tokens are there, and the next one stands behind it.
///
/// Pure: the time is given. Threads: one at a time.
class TokenBucket {
 public:
  /// Full at `now`. Both are above zero.
  TokenBucket(double tokens_per_second, double capacity, SteadyTime now);

  /// When `tokens` would be there, behind all that are reserved.
  SteadyTime ready_at(double tokens, SteadyTime now) const;
  /// Takes them, of what is to come if need be; the answer is when they may be used.
  SteadyTime reserve(double tokens, SteadyTime now);
  /// What was reserved and will not be used.
  void give_back(double tokens, SteadyTime now);
  /// What is there; below zero: what is owed.
  double level(SteadyTime now) const;

  /// From now on so many a second, and as many at once.
  void set_rate(double tokens_per_second, double capacity, SteadyTime now);
  /// The other side knows of no more than these.
  void lower_to(double tokens, SteadyTime now);

  double capacity() const noexcept { return capacity_; }

 private:
  double per_second_;
  double capacity_;
  double level_;
  SteadyTime as_of_;
};

/// A token bucket to wait at.
///
/// Threads: confined to one runtime's I/O thread. Lifetime: outlives those who wait.
class RateLimit {
 public:
  RateLimit(double tokens_per_second, double capacity);

  /// Waits for `tokens`. `Errc::rate_limited`, at once and with the wait that it would take: not
  /// before `deadline`. `Errc::invalid_argument`: not above zero, or more than the bucket holds.
  /// `Errc::cancelled` gives the tokens back.
  boost::asio::awaitable<Result<void>> acquire(double tokens, SteadyTime deadline);

 private:
  TokenBucket bucket_;
};

}  // namespace rwp::net
