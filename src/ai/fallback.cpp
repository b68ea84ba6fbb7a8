#include <rwp/ai/fallback.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

bool another_may_help(const Error& error) {
  switch (error.code()) {
    case Errc::invalid_argument:
    case Errc::cancelled:
    case Errc::deadline_exceeded:
      return false;
    case Errc::unsupported:
    case Errc::rate_limited:
    case Errc::budget_exceeded:
    case Errc::corrupt:
      return true;
    default:
      return error.retryable();
  }
}

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

class FallbackModel final : public Model {
 public:
  explicit FallbackModel(std::vector<std::shared_ptr<Model>> members)
      : members_(std::move(members)) {
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
    for (const auto& member : members_) {
      Request copy = request;
      auto reply = co_await ((*member).*operation)(std::move(copy));
      if (reply) {
        name(*reply, *member);
        co_return reply;
      }
      failures.add(member->default_model(), reply.error());
      if (!another_may_help(reply.error())) co_return reply.error();
      request.model.clear();
    }
    co_return failures.all();
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    Failures failures;
    const auto begun = std::make_shared<bool>(false);
    const auto shared = std::make_shared<OnDelta>(std::move(on_delta));
    for (const auto& member : members_) {
      ChatRequest copy = request;
      OnDelta watched = [begun, shared](std::string_view piece) {
        *begun = *begun || !piece.empty();
        return (*shared)(piece);
      };
      auto reply = co_await member->stream(std::move(copy), std::move(watched));
      if (reply) {
        name(*reply, *member);
        co_return reply;
      }
      // The caller has a piece already: another model's answer cannot be put behind it.
      if (*begun) co_return reply.error().with_context(member->default_model());
      failures.add(member->default_model(), reply.error());
      if (!another_may_help(reply.error())) co_return reply.error();
      request.model.clear();
    }
    co_return failures.all();
  }

  template <class Reply>
  static void name(Reply& reply, const Model& member) {
    if (reply.model.empty()) reply.model = member.default_model();
  }

  const std::vector<std::shared_ptr<Model>> members_;
};

}  // namespace

std::shared_ptr<Model> make_fallback(std::vector<std::shared_ptr<Model>> members) {
  return std::make_shared<FallbackModel>(std::move(members));
}

}  // namespace rwp::ai
