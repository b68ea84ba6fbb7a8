#include <rwp/net/token_bucket.hpp>

#include <algorithm>
#include <cmath>

namespace rwp::net {
namespace {

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

TokenBucket::TokenBucket(double tokens_per_second, double capacity, SteadyTime now)
    : per_second_(tokens_per_second), capacity_(capacity), level_(capacity), as_of_(now) {}

double TokenBucket::level(SteadyTime now) const {
  const std::chrono::duration<double> passed = std::max(now, as_of_) - as_of_;
  return std::min(capacity_, level_ + passed.count() * per_second_);
}

SteadyTime TokenBucket::ready_at(double tokens, SteadyTime now) const {
  const double missing = tokens - level(now);
  if (missing <= 0) return now;
  const double seconds = std::min(missing / per_second_, 1e9);
  return now + std::chrono::nanoseconds(std::llround(std::ceil(seconds * 1e9)));
}

SteadyTime TokenBucket::reserve(double tokens, SteadyTime now) {
  const SteadyTime ready = ready_at(tokens, now);
  level_ = level(now) - tokens;
  as_of_ = std::max(now, as_of_);
  return ready;
}

void TokenBucket::give_back(double tokens, SteadyTime now) {
  level_ = std::min(capacity_, level(now) + tokens);
  as_of_ = std::max(now, as_of_);
}

void TokenBucket::set_rate(double tokens_per_second, double capacity, SteadyTime now) {
  level_ = std::min(level(now), capacity);
  as_of_ = std::max(now, as_of_);
  per_second_ = tokens_per_second;
  capacity_ = capacity;
}

void TokenBucket::lower_to(double tokens, SteadyTime now) {
  level_ = std::min(level(now), tokens);
  as_of_ = std::max(now, as_of_);
}

RateLimit::RateLimit(double tokens_per_second, double capacity)
    : bucket_(tokens_per_second, capacity, now()) {}

boost::asio::awaitable<Result<void>> RateLimit::acquire(double tokens, SteadyTime deadline) {
  if (!(tokens > 0) || tokens > bucket_.capacity()) {
    co_return Error(Errc::invalid_argument, "tokens: not above zero and at most what fits");
  }
  const SteadyTime asked = now();
  const SteadyTime ready = bucket_.ready_at(tokens, asked);
  if (ready > deadline) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(ready - asked);
    co_return Error(Errc::rate_limited, "the rate limit lets nothing through before the deadline")
        .with_retry_after(wait);
  }
  (void)bucket_.reserve(tokens, asked);
  if (ready <= asked) co_return Result<void>();
  const auto waited = co_await sleep_until(ready);
  if (!waited) {
    bucket_.give_back(tokens, now());
    co_return waited.error();
  }
  co_return Result<void>();
}

}  // namespace rwp::net
