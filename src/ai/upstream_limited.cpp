#include "ai/decorator.hpp"
#include "ai/slowed_pace.hpp"
#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/token_estimate.hpp>
#include <rwp/ai/upstream_limited.hpp>

#include <algorithm>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

/// A permit that is settled by what the attempt used; dropped, it counts as used whole.
class Permit {
 public:
  Permit(RateAllowance& allowance, std::int64_t reserved, double factor)
      : allowance_(allowance), reserved_(reserved), factor_(factor) {}
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;

  template <class Reply>
  void settle(const Result<Reply>& reply) {
    if (reply) {
      const TokenUsage& usage = reply->usage;
      const std::int64_t used = usage.input_tokens + usage.output_tokens;
      return allowance_.settle(reserved_, SlowedPace::times(used, factor_), true);
    }
    switch (reply.error().code()) {
      case Errc::rate_limited:
        allowance_.pause(reply.error().retry_after().value_or(milliseconds(1'000)));
        allowance_.settle(reserved_, 0, true);
        break;
      case Errc::unavailable:
      case Errc::unauthenticated:
      case Errc::budget_exceeded:
      case Errc::not_found:
        allowance_.settle(reserved_, 0, true);
        break;
      default:
        // Nobody knows what the upstream has counted.
        break;
    }
  }

 private:
  RateAllowance& allowance_;
  const std::int64_t reserved_;
  const double factor_;
};

class UpstreamLimitedModel final : public Decorator {
 public:
  UpstreamLimitedModel(std::shared_ptr<Model> inner, UpstreamLimitOptions options)
      : Decorator(std::move(inner)), options_(std::move(options)) {
    assert(options_.allowance);
  }

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    const std::int64_t tokens = tokens_of(request);
    const SteadyTime deadline = request.deadline;
    return limited(pass_chat(inner(), std::move(request)), tokens, deadline);
  }
  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    const std::int64_t tokens = tokens_of(request);
    const SteadyTime deadline = request.deadline;
    return limited(pass_stream(inner(), std::move(request), std::move(on_delta)), tokens, deadline);
  }
  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    const std::int64_t tokens = estimate_input(request).expected;
    const SteadyTime deadline = request.deadline;
    return limited(pass_embed(inner(), std::move(request)), tokens, deadline);
  }

  /// Upstreams count the input and what the request allows as output.
  std::int64_t tokens_of(const ChatRequest& request) const {
    const std::int64_t output =
        request.max_output_tokens > 0 ? request.max_output_tokens : options_.assumed_output_tokens;
    return estimate_input(request).expected + output;
  }

  template <class Reply>
  awaitable<Result<Reply>> limited(awaitable<Result<Reply>> asked, std::int64_t tokens,
                                   SteadyTime deadline) {
    const SteadyTime until =
        std::min(deadline, std::chrono::steady_clock::now() + options_.longest_wait);
    // While the upstream wants it slower, each call counts as more than it is.
    const double factor = pace_.factor(std::chrono::steady_clock::now());
    tokens = SlowedPace::times(tokens, factor);
    auto acquired = co_await options_.allowance->acquire(tokens, until);
    if (!acquired) co_return acquired.error().with_context(default_model());
    Permit permit(*options_.allowance, tokens, factor);
    auto reply = co_await std::move(asked);
    if (!reply && fault_of(reply.error()) == AnswerFault::too_fast) {
      pace_.slow_down(std::chrono::steady_clock::now());
    }
    permit.settle(reply);
    co_return reply;
  }

  const UpstreamLimitOptions options_;
  SlowedPace pace_;
};

}  // namespace

std::shared_ptr<Model> make_upstream_limited(std::shared_ptr<Model> model,
                                             UpstreamLimitOptions options) {
  return std::make_shared<UpstreamLimitedModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
