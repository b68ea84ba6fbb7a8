#pragma once

#include <rwp/core/async.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace rwp::net {

struct CircuitBreakerOptions {
  /// Failures in a row that open it. 1 or more.
  unsigned failures = 5;
  /// How long nothing is let through; then one attempt probes.
  std::chrono::milliseconds open_for{10'000};
  observability::Logger log{};
};

/// Spares an upstream that fails, and its callers the wait: after some failures in a row nothing is
/// let through for a while, then one attempt, whose outcome decides.
///
/// Pure: the time is given. Threads: one at a time.
class CircuitBreaker {
 public:
  enum class State : std::uint8_t { closed, open, half_open };
  /// Lets one attempt through; to be settled once.
  struct Permit {
    std::uint64_t turn = 0;
  };

  explicit CircuitBreaker(CircuitBreakerOptions options = CircuitBreakerOptions())
      : options_(std::move(options)) {}

  /// None: not now; see wait().
  std::optional<Permit> admit(SteadyTime now);
  /// How long until an attempt may be let through; zero when it may be now, or when a probe is
  /// under way.
  std::chrono::milliseconds wait(SteadyTime now) const;
  // Of attempts that began before the state last changed, nothing counts.
  void succeeded(Permit permit);
  void failed(Permit permit, SteadyTime now);
  /// Opens it at once: the attempt told that others are in vain.
  void failed_for_good(Permit permit, SteadyTime now);
  /// Given up, with nothing learnt.
  void abandoned(Permit permit);

  State state() const noexcept { return state_; }

 private:
  void change(State state);

  CircuitBreakerOptions options_;
  State state_ = State::closed;
  /// Counts the changes of state, and the probes.
  std::uint64_t turn_ = 0;
  unsigned failures_ = 0;
  bool probing_ = false;
  SteadyTime opened_at_{};
};

/// A breaker in front of one upstream: a retryable error before the head of the answer and the
/// status 5xx are failures, other answers successes; a cancelled attempt tells nothing. While it is
/// open, requests are `Errc::unavailable` at once, with the wait.
///
/// Stands inside of retries, so that it judges each attempt.
std::shared_ptr<HttpTransport> make_breaking_transport(
    std::shared_ptr<HttpTransport> inner, CircuitBreakerOptions options = CircuitBreakerOptions());

}  // namespace rwp::net
