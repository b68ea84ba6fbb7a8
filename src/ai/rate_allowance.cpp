#include <rwp/ai/rate_allowance.hpp>
#include <rwp/net/token_bucket.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

/// Longest that an upstream's word keeps everybody waiting.
constexpr milliseconds kLongestPause{300'000};

/// A request larger than what comes in so long does not wait for all of it, or it might find no
/// deadline that is late enough: it goes into debt, for which those behind it wait.
constexpr std::chrono::seconds kMostWaitedFor{20};

SteadyTime now() { return std::chrono::steady_clock::now(); }

/// Requests or tokens: a bucket, once a limit is known.
class Window {
 public:
  Window(std::int64_t per_minute, const RateAllowanceOptions& options)
      : minute_(options.minute), burst_(options.burst), learn_(options.learn) {
    set(per_minute);
  }

  SteadyTime ready_at(double amount, SteadyTime at) const {
    return bucket_ && amount > 0 ? bucket_->ready_at(std::min(amount, most_waited_for_), at) : at;
  }
  void take(double amount, SteadyTime at) {
    if (bucket_) (void)bucket_->reserve(amount, at);
  }
  void give_back(double amount, SteadyTime at) {
    if (bucket_) bucket_->give_back(amount, at);
  }
  RateReport::Window standing(SteadyTime at) const {
    RateReport::Window there;
    if (!bucket_) return there;
    there.limit = known_;
    there.remaining = static_cast<std::int64_t>(std::floor(std::max(bucket_->level(at), 0.0)));
    const auto full = bucket_->ready_at(bucket_->capacity(), at);
    there.reset = std::max(std::chrono::ceil<milliseconds>(full - at), milliseconds(0));
    return there;
  }
  void report(const RateReport::Window& said, SteadyTime at) {
    if (learn_ && said.limit && *said.limit > 0 && (known_ == 0 || *said.limit < known_)) {
      set(*said.limit);
    }
    if (bucket_ && said.remaining && *said.remaining >= 0) {
      bucket_->lower_to(static_cast<double>(*said.remaining), at);
    }
  }

 private:
  void set(std::int64_t per_minute) {
    if (per_minute <= 0) return;
    known_ = per_minute;
    const double per_second =
        static_cast<double>(per_minute) / std::chrono::duration<double>(minute_).count();
    const double seconds = std::chrono::duration<double>(burst_).count();
    const double capacity = std::max(per_second * seconds, 1.0);
    most_waited_for_ = std::max(capacity, per_second * static_cast<double>(kMostWaitedFor.count()));
    if (bucket_) {
      bucket_->set_rate(per_second, capacity, now());
    } else {
      bucket_.emplace(per_second, capacity, now());
    }
  }

  const milliseconds minute_;
  const milliseconds burst_;
  const bool learn_;
  std::int64_t known_ = 0;
  double most_waited_for_ = 0;
  std::optional<net::TokenBucket> bucket_;
};

class LocalAllowance final : public RateAllowance {
 public:
  explicit LocalAllowance(RateAllowanceOptions options)
      : requests_(options.requests_per_minute, options),
        tokens_(options.tokens_per_minute, options) {}

  awaitable<Result<void>> acquire(std::int64_t tokens, SteadyTime deadline) override {
    const auto amount = static_cast<double>(std::max<std::int64_t>(tokens, 0));
    const SteadyTime asked = now();
    const SteadyTime ready =
        std::max({requests_.ready_at(1, asked), tokens_.ready_at(amount, asked), paused_until_});
    if (ready > asked && ready > deadline) {
      const auto wait = std::chrono::ceil<milliseconds>(ready - asked);
      co_return Error(Errc::rate_limited, "the upstream's limit lets nothing through in time")
          .with_retry_after(wait);
    }
    requests_.take(1, asked);
    tokens_.take(amount, asked);
    if (ready <= asked) co_return Result<void>();
    // Given back when the wait is cancelled, or dropped.
    const auto undo = [this, amount](void*) { give_back(1, amount); };
    std::unique_ptr<void, decltype(undo)> guard(this, undo);
    SteadyTime until = ready;
    while (now() < until) {
      const auto waited = co_await sleep_until(until);
      if (!waited) co_return waited.error();
      // A pause that was told meanwhile holds for those who wait, too.
      until = std::max(until, paused_until_);
      if (now() < until && until > deadline) {
        const auto wait = std::chrono::ceil<milliseconds>(until - now());
        co_return Error(Errc::rate_limited, "the upstream's limit lets nothing through in time")
            .with_retry_after(wait);
      }
    }
    (void)guard.release();
    co_return Result<void>();
  }

  void settle(std::int64_t reserved, std::int64_t used, bool sent) override {
    const auto over = static_cast<double>(reserved - std::max<std::int64_t>(used, 0));
    const SteadyTime at = now();
    if (!sent) requests_.give_back(1, at);
    if (over > 0) tokens_.give_back(over, at);
    if (over < 0) tokens_.take(-over, at);
  }

  void report(const RateReport& report) override {
    const SteadyTime at = now();
    requests_.report(report.requests, at);
    tokens_.report(report.tokens, at);
  }

  RateReport standing() const override {
    const SteadyTime at = now();
    RateReport there;
    there.requests = requests_.standing(at);
    there.tokens = tokens_.standing(at);
    return there;
  }

  void pause(milliseconds wait) override {
    paused_until_ = std::max(paused_until_, now() + std::min(wait, kLongestPause));
  }

 private:
  void give_back(double requests, double tokens) {
    const SteadyTime at = now();
    requests_.give_back(requests, at);
    tokens_.give_back(tokens, at);
  }

  Window requests_;
  Window tokens_;
  SteadyTime paused_until_{};
};

}  // namespace

std::shared_ptr<RateAllowance> make_rate_allowance(RateAllowanceOptions options) {
  return std::make_shared<LocalAllowance>(options);
}

}  // namespace rwp::ai
