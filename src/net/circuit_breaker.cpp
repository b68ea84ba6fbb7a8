#include <rwp/net/circuit_breaker.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace rwp::net {

std::optional<CircuitBreaker::Permit> CircuitBreaker::admit(SteadyTime now) {
  if (state_ == State::open) {
    if (now < opened_at_ + options_.open_for) return std::nullopt;
    change(State::half_open);
  }
  if (state_ == State::half_open) {
    if (std::exchange(probing_, true)) return std::nullopt;
    ++turn_;
  }
  return Permit{turn_};
}

std::chrono::milliseconds CircuitBreaker::wait(SteadyTime now) const {
  if (state_ != State::open) return std::chrono::milliseconds(0);
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(opened_at_ + options_.open_for - now);
  return std::max(left, std::chrono::milliseconds(0));
}

void CircuitBreaker::succeeded(Permit permit) {
  if (permit.turn != turn_) return;
  failures_ = 0;
  if (state_ == State::half_open) change(State::closed);
}

void CircuitBreaker::failed(Permit permit, SteadyTime now) {
  if (permit.turn != turn_) return;
  if (state_ == State::closed && ++failures_ < options_.failures) return;
  opened_at_ = now;
  change(State::open);
}

void CircuitBreaker::failed_for_good(Permit permit, SteadyTime now) {
  if (permit.turn != turn_) return;
  opened_at_ = now;
  change(State::open);
}

void CircuitBreaker::abandoned(Permit permit) {
  if (permit.turn == turn_) probing_ = false;
}

void CircuitBreaker::change(State state) {
  state_ = state;
  ++turn_;
  failures_ = 0;
  probing_ = false;
}

namespace {

class BreakingTransport final : public HttpTransport {
 public:
  BreakingTransport(std::shared_ptr<HttpTransport> inner, CircuitBreakerOptions options)
      : inner_(std::move(inner)), log_(options.log), breaker_(std::move(options)) {}

 private:
  boost::asio::awaitable<Result<std::unique_ptr<HttpExchange>>> do_open(
      HttpRequest request) override {
    const std::string shown = describe_request(request);
    const SteadyTime asked = std::chrono::steady_clock::now();
    const auto permit = breaker_.admit(asked);
    if (!permit) {
      const Error refused(Errc::unavailable, shown + ": not sent, as the last attempts failed");
      const auto wait = breaker_.wait(asked);
      // Nobody knows how long a probe takes; zero would ask for a retry at once.
      co_return wait.count() > 0 ? refused.with_retry_after(wait) : refused;
    }
    // Settled with nothing learnt, also when this coroutine is dropped.
    const auto abandon = [this, &permit](void*) { breaker_.abandoned(*permit); };
    std::unique_ptr<void, decltype(abandon)> guard(this, abandon);
    auto attempt = inner_->open(std::move(request));
    auto opened = co_await std::move(attempt);
    const std::optional<Error> failure =
        opened ? std::nullopt : std::optional<Error>(opened.error());
    if (failure && failure->code() == Errc::cancelled) co_return opened;
    (void)guard.release();
    const auto before = breaker_.state();
    if (failure ? failure->retryable() : (*opened)->head().status >= 500) {
      breaker_.failed(*permit, std::chrono::steady_clock::now());
    } else {
      breaker_.succeeded(*permit);
    }
    if (before != breaker_.state()) {
      const bool is_open = breaker_.state() == CircuitBreaker::State::open;
      log_.warn(is_open ? "circuit breaker opened" : "circuit breaker closed",
                {{"request", shown}});
    }
    co_return opened;
  }

  const std::shared_ptr<HttpTransport> inner_;
  const observability::Logger log_;
  CircuitBreaker breaker_;
};

}  // namespace

std::shared_ptr<HttpTransport> make_breaking_transport(std::shared_ptr<HttpTransport> inner,
                                                       CircuitBreakerOptions options) {
  return std::make_shared<BreakingTransport>(std::move(inner), std::move(options));
}

}  // namespace rwp::net
