#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/fallback.hpp>
#include <rwp/core/async.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

constexpr std::array<const char*, 8> kReasonNames = {
    "unavailable", "rate_limited",  "out_of_money",     "no_answer",
    "unsupported", "no_such_model", "context_too_long", "too_slow"};

/// What the members that were asked have answered.
class Failures {
 public:
  void add(const std::string& member, const Error& error) {
    if (!text_.empty()) text_ += "; ";
    text_ += member + " answered " + error.to_string();
    if (!chosen_ || (!chosen_->retryable())) chosen_ = error;
    if (const auto wait = error.retry_after())
      retry_after_ = std::min(retry_after_.value_or(*wait), *wait);
  }

  Error all() const {
    auto error =
        Error(chosen_->code(), "no model answered: " + text_).with_retryable(chosen_->retryable());
    return retry_after_ ? error.with_retry_after(*retry_after_) : error;
  }

 private:
  std::string text_;
  std::optional<Error> chosen_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

/// A further attempt where earlier ones may be charged needs money of its own.
awaitable<Result<void>> admit_again(std::shared_ptr<CallProgress> progress,
                                    std::shared_ptr<Model> member) {
  if (!progress || progress->unsettled_attempts == 0 || !progress->admit_again) {
    co_return Result<void>();
  }
  auto admitted = progress->admit_again(member->default_model());
  co_return co_await std::move(admitted);
}

class FallbackModel final : public Model {
 public:
  FallbackModel(std::vector<std::shared_ptr<Model>> members, FallbackOptions options)
      : members_(std::move(members)), options_(std::move(options)) {
    assert(!members_.empty());
    assert(
        std::all_of(members_.begin(), members_.end(), [](const auto& m) { return m != nullptr; }));
  }

  std::string default_model() const override { return members_.front()->default_model(); }

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    return ask<ChatReply>(std::move(request), &Model::chat);
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    return ask<EmbedReply>(std::move(request), &Model::embed);
  }

  template <class Reply, class Request>
  awaitable<Result<Reply>> ask(Request request,
                               awaitable<Result<Reply>> (Model::*operation)(Request)) {
    Failures failures;
    const SteadyTime deadline = request.deadline;
    for (const auto& member : members_) {
      const auto admitted = co_await admit_again(request.progress, member);
      if (!admitted) {
        failures.add("the budget", Error(admitted.error().code(), admitted.error().message()));
        break;
      }
      Request copy = request;
      copy.deadline = share_of(deadline, member);
      auto reply = co_await ((*member).*operation)(std::move(copy));
      if (reply) {
        name(*reply, member);
        co_return reply;
      }
      const Error error = reply.error();
      failures.add(member->default_model(), error);
      if (!goes_on(error, deadline, member)) co_return error;
      request.model.clear();
    }
    co_return failures.all();
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    Failures failures;
    const SteadyTime deadline = request.deadline;
    const auto begun = std::make_shared<bool>(false);
    const auto shared = std::make_shared<OnDelta>(std::move(on_delta));
    for (const auto& member : members_) {
      const auto admitted = co_await admit_again(request.progress, member);
      if (!admitted) {
        failures.add("the budget", Error(admitted.error().code(), admitted.error().message()));
        break;
      }
      ChatRequest copy = request;
      copy.deadline = share_of(deadline, member);
      OnDelta watched = [begun, shared](std::string_view piece) {
        *begun = *begun || !piece.empty();
        return (*shared)(piece);
      };
      auto reply = co_await member->stream(std::move(copy), std::move(watched));
      if (reply) {
        name(*reply, member);
        co_return reply;
      }
      const Error error = reply.error();
      // The caller has a piece already: another model's answer cannot be put behind it.
      if (*begun) co_return error.with_context(member->default_model());
      failures.add(member->default_model(), error);
      if (!goes_on(error, deadline, member)) co_return error;
      request.model.clear();
    }
    co_return failures.all();
  }

  /// The time by which a member has to have answered.
  SteadyTime share_of(SteadyTime deadline, const std::shared_ptr<Model>& member) const {
    if (options_.time_share >= 1 || deadline == SteadyTime::max() || member == members_.back()) {
      return deadline;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> left = std::max(deadline, now) - now;
    return now + std::chrono::duration_cast<std::chrono::nanoseconds>(
                     left * std::max(options_.time_share, 0.0));
  }

  bool goes_on(const Error& error, SteadyTime deadline, const std::shared_ptr<Model>& member) {
    auto reason = fallback_reason(error);
    // Out of its share of the time, with some left for the others.
    if (!reason && error.code() == Errc::deadline_exceeded &&
        std::chrono::steady_clock::now() < deadline) {
      reason = FallbackReason::too_slow;
    }
    if (!reason) return false;
    const auto& except = options_.except;
    if (std::find(except.begin(), except.end(), *reason) != except.end()) return false;
    if (member == members_.back()) return true;
    const char* named = kReasonNames.at(static_cast<std::size_t>(*reason));
    options_.log.warn("model falls back",
                      {{"model", member->default_model()}, {"reason", named}, {"error", error}});
    if (options_.metrics) {
      options_.metrics
          ->counter("rwp_ai_fallbacks_total", "AI calls that went on to another model",
                    {{"reason", named}})
          .add();
    }
    return true;
  }

  template <class Reply>
  void name(Reply& reply, const std::shared_ptr<Model>& member) const {
    if (reply.model.empty()) reply.model = member->default_model();
    if (member != members_.front()) reply.from_fallback = true;
  }

  const std::vector<std::shared_ptr<Model>> members_;
  const FallbackOptions options_;
};

}  // namespace

std::optional<FallbackReason> fallback_reason(const Error& error) {
  switch (error.code()) {
    case Errc::unsupported:
      return FallbackReason::unsupported;
    case Errc::rate_limited:
      return FallbackReason::rate_limited;
    case Errc::budget_exceeded:
      return FallbackReason::out_of_money;
    case Errc::corrupt:
      return FallbackReason::no_answer;
    case Errc::not_found:
      return FallbackReason::no_such_model;
    case Errc::invalid_argument:
      if (fault_of(error) == AnswerFault::context_too_long) return FallbackReason::context_too_long;
      return std::nullopt;
    case Errc::cancelled:
    case Errc::deadline_exceeded:
      return std::nullopt;
    default:
      if (error.retryable()) return FallbackReason::unavailable;
      return std::nullopt;
  }
}

std::shared_ptr<Model> make_fallback(std::vector<std::shared_ptr<Model>> members,
                                     FallbackOptions options) {
  return std::make_shared<FallbackModel>(std::move(members), std::move(options));
}

}  // namespace rwp::ai
