#include "ai/decorator.hpp"
#include <rwp/ai/breaking.hpp>
#include <rwp/core/async.hpp>

#include <optional>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using net::CircuitBreaker;

SteadyTime now() { return std::chrono::steady_clock::now(); }

class BreakingModel final : public Decorator {
 public:
  BreakingModel(std::shared_ptr<Model> inner, net::CircuitBreakerOptions options)
      : Decorator(std::move(inner)), log_(options.log), breaker_(std::move(options)) {}

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    const SteadyTime deadline = request.deadline;
    return judged(pass_chat(inner(), std::move(request)), deadline);
  }
  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    const SteadyTime deadline = request.deadline;
    return judged(pass_stream(inner(), std::move(request), std::move(on_delta)), deadline);
  }
  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    const SteadyTime deadline = request.deadline;
    return judged(pass_embed(inner(), std::move(request)), deadline);
  }

  template <class Reply>
  awaitable<Result<Reply>> judged(awaitable<Result<Reply>> asked, SteadyTime deadline) {
    const auto permit = breaker_.admit(now());
    if (!permit) co_return refusal();
    // Settled with nothing learnt, also when this coroutine is dropped.
    const auto abandon = [this, &permit](void*) { breaker_.abandoned(*permit); };
    std::unique_ptr<void, decltype(abandon)> guard(this, abandon);
    auto reply = co_await std::move(asked);
    const auto failure = reply ? std::nullopt : std::optional<Error>(reply.error());
    if (failure && tells_nothing(*failure, deadline)) co_return reply;
    (void)guard.release();
    judge(*permit, failure);
    co_return reply;
  }

  static bool tells_nothing(const Error& error, SteadyTime deadline) {
    switch (error.code()) {
      case Errc::cancelled:
      case Errc::rate_limited:
        return true;
      case Errc::deadline_exceeded:
        return now() >= deadline;
      default:
        return false;
    }
  }

  void judge(CircuitBreaker::Permit permit, const std::optional<Error>& failure) {
    const auto before = breaker_.state();
    const Errc code = failure ? failure->code() : Errc::none;
    if (code == Errc::budget_exceeded) {
      breaker_.failed_for_good(permit, now());
    } else if (code == Errc::unavailable || code == Errc::internal || code == Errc::corrupt ||
               code == Errc::deadline_exceeded) {
      breaker_.failed(permit, now());
    } else {
      breaker_.succeeded(permit);
    }
    // The attempt that changes the state says what callers are told from then on.
    if (before != breaker_.state()) {
      spent_ = code == Errc::budget_exceeded ? failure : std::nullopt;
    }
    if (before == breaker_.state()) return;
    const bool is_open = breaker_.state() == CircuitBreaker::State::open;
    log_.warn(is_open ? "circuit breaker opened" : "circuit breaker closed",
              {{"model", default_model()}});
  }

  Error refusal() const {
    const auto wait = breaker_.wait(now());
    if (spent_) return wait.count() > 0 ? spent_->with_retry_after(wait) : *spent_;
    const Error refused(Errc::unavailable,
                        default_model() + " was not asked, as the last attempts failed");
    // Nobody knows how long a probe takes; zero would ask for a retry at once.
    return wait.count() > 0 ? refused.with_retry_after(wait) : refused;
  }

  const observability::Logger log_;
  CircuitBreaker breaker_;
  /// The money is gone: what the upstream said.
  std::optional<Error> spent_;
};

}  // namespace

std::shared_ptr<Model> make_breaking(std::shared_ptr<Model> model,
                                     net::CircuitBreakerOptions options) {
  return std::make_shared<BreakingModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
