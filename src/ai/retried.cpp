#include "ai/decorator.hpp"
#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/retried.hpp>
#include <rwp/core/async.hpp>

#include <algorithm>
#include <functional>
#include <optional>
#include <random>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

double random_share() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

bool may_pass(const Error& error) {
  if (fault_of(error) == AnswerFault::broken_off) return false;
  switch (error.code()) {
    case Errc::unavailable:
    case Errc::rate_limited:
    case Errc::conflict:
      return error.retryable();
    default:
      return false;
  }
}

class RetriedModel final : public Decorator {
 public:
  RetriedModel(std::shared_ptr<Model> inner, ModelRetryOptions options)
      : Decorator(std::move(inner)),
        options_(std::move(options)),
        budget_(options_.budget_reserve) {
    backoff_.first_wait = options_.first_wait;
    backoff_.longest_wait = options_.longest_wait;
    backoff_.longest_told_wait = options_.longest_told_wait;
    backoff_.max_attempts = std::clamp(options_.max_attempts, 1U, 20U);
  }

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    std::function<awaitable<Result<ChatReply>>(ChatRequest)> ask = [this](ChatRequest copy) {
      return pass_chat(inner(), std::move(copy));
    };
    std::function<bool()> begun = [] { return false; };
    return repeated(std::move(request), std::move(ask), std::move(begun));
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    std::function<awaitable<Result<EmbedReply>>(EmbedRequest)> ask = [this](EmbedRequest copy) {
      return pass_embed(inner(), std::move(copy));
    };
    std::function<bool()> begun = [] { return false; };
    return repeated(std::move(request), std::move(ask), std::move(begun));
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    const auto shared = std::make_shared<OnDelta>(std::move(on_delta));
    const auto handed_out = std::make_shared<bool>(false);
    std::function<awaitable<Result<ChatReply>>(ChatRequest)> ask = [this, shared,
                                                                    handed_out](ChatRequest copy) {
      OnDelta watched = [shared, handed_out](std::string_view piece) {
        *handed_out = *handed_out || !piece.empty();
        return (*shared)(piece);
      };
      return pass_stream(inner(), std::move(copy), std::move(watched));
    };
    std::function<bool()> begun = [handed_out] { return *handed_out; };
    return repeated(std::move(request), std::move(ask), std::move(begun));
  }

  template <class Reply, class Request>
  awaitable<Result<Reply>> repeated(Request request,
                                    std::function<awaitable<Result<Reply>>(Request)> ask,
                                    std::function<bool()> begun) {
    budget_ = std::min(budget_ + options_.budget_share, options_.budget_reserve);
    for (unsigned attempts = 1;; ++attempts) {
      Request copy = request;
      auto reply = co_await ask(std::move(copy));
      if (reply || begun()) co_return reply;
      const Error error = reply.error();
      const auto wait = wait_before_next(error, attempts, request.deadline);
      if (!wait) co_return reply;
      options_.log.debug(
          "call is repeated",
          {{"error", error}, {"wait_ms", wait->count()}, {"attempts", static_cast<int>(attempts)}});
      const auto slept = co_await sleep_for(*wait);
      if (!slept) co_return slept.error();
    }
  }

  /// None: give up.
  std::optional<milliseconds> wait_before_next(const Error& error, unsigned attempts,
                                               SteadyTime deadline) {
    if (!may_pass(error)) return std::nullopt;
    const auto wait = net::next_wait(backoff_, attempts, error.retry_after(), random_share());
    if (!wait) return std::nullopt;
    if (deadline != SteadyTime::max() && std::chrono::steady_clock::now() + *wait >= deadline) {
      return std::nullopt;
    }
    if (budget_ < 1) return std::nullopt;
    budget_ -= 1;
    return wait;
  }

  const ModelRetryOptions options_;
  net::RetryOptions backoff_;
  double budget_;
};

}  // namespace

std::shared_ptr<Model> make_retried(std::shared_ptr<Model> model, ModelRetryOptions options) {
  return std::make_shared<RetriedModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
