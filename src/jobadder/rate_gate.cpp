#include <rwp/jobadder/rate_gate.hpp>
#include <rwp/net/token_bucket.hpp>

#include <algorithm>
#include <optional>

namespace rwp::jobadder {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

SteadyTime now() { return std::chrono::steady_clock::now(); }

/// A refusal without a time, or with one beyond reason, is waited for at most so long.
constexpr milliseconds kLongestPause = std::chrono::minutes(10);

/// Requests that were let through in one minute may arrive in the next: some are kept back.
constexpr double kMostUsed = 0.98;

/// A full bucket and a minute's inflow are the limit together.
std::optional<net::TokenBucket> make_bucket(const RateGateOptions& options) {
  if (options.requests_per_minute == 0) return std::nullopt;
  const double limit = static_cast<double>(options.requests_per_minute) * kMostUsed;
  const double minute = std::max(std::chrono::duration<double>(options.minute).count(), 0.001);
  const double burst = std::chrono::duration<double>(options.burst).count();
  const double at_once = std::clamp(limit * burst / minute, 1.0, std::max(limit / 2, 1.0));
  const double per_second = std::max(limit - at_once, limit / 2) / minute;
  return net::TokenBucket(per_second, at_once, now());
}

Error too_late(milliseconds wait) {
  return Error(Errc::rate_limited, "JobAdder's limit lets nothing through in time")
      .with_retry_after(std::max(wait, milliseconds(1)));
}

class LocalRateGate final : public RateGate {
 public:
  explicit LocalRateGate(const RateGateOptions& options) : bucket_(make_bucket(options)) {}

  awaitable<Result<void>> acquire(SteadyTime deadline) override {
    SteadyTime ready = now();
    if (bucket_) ready = bucket_->ready_at(1, ready);
    const SteadyTime first = std::max(ready, paused_until_);
    if (first > deadline) {
      co_return too_late(std::chrono::duration_cast<milliseconds>(first - now()));
    }
    if (bucket_) ready = bucket_->reserve(1, now());
    // A pause may come, or grow, while this waits.
    while (now() < std::max(ready, paused_until_)) {
      const SteadyTime next = std::max(ready, paused_until_);
      if (next > deadline) {
        if (bucket_) bucket_->give_back(1, now());
        co_return too_late(std::chrono::duration_cast<milliseconds>(next - now()));
      }
      auto slept = co_await sleep_until(next);
      if (!slept) {
        if (bucket_) bucket_->give_back(1, now());
        co_return slept.error();
      }
    }
    co_return Result<void>();
  }

  void pause(milliseconds wait) override {
    const auto bounded = std::clamp(wait, milliseconds(0), kLongestPause);
    paused_until_ = std::max(paused_until_, now() + bounded);
    // What gathered meanwhile must not go at once: JobAdder asks for even spreading.
    if (bucket_) bucket_->lower_to(0, now());
  }

 private:
  std::optional<net::TokenBucket> bucket_;
  SteadyTime paused_until_{};
};

}  // namespace

std::shared_ptr<RateGate> make_rate_gate(RateGateOptions options) {
  return std::make_shared<LocalRateGate>(options);
}

}  // namespace rwp::jobadder
