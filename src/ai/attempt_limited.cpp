#include "ai/decorator.hpp"
#include "ai/own_call.hpp"
#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/attempt_limited.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

SteadyTime now() { return std::chrono::steady_clock::now(); }

SteadyTime after(milliseconds limit) {
  return limit.count() > 0 ? now() + limit : SteadyTime::max();
}

Error too_long(const char* what, milliseconds limit) {
  return {Errc::deadline_exceeded, std::string("an attempt was given up: ") + what + " " +
                                       std::to_string(limit.count()) + " ms"};
}

/// Counts an attempt as unsettled until it is known what it costs; also when it is dropped.
class Attempt {
 public:
  explicit Attempt(std::shared_ptr<CallProgress> progress) : progress_(std::move(progress)) {
    if (progress_) progress_->begin_attempt();
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  template <class Reply>
  void ended(const Result<Reply>& reply, bool begun) {
    if (!progress_) return;
    const Errc code = reply ? Errc::none : reply.error().code();
    const bool unknown = code == Errc::cancelled || code == Errc::deadline_exceeded ||
                         code == Errc::corrupt ||
                         (!reply && fault_of(reply.error()) == AnswerFault::broken_off);
    if (!unknown && !(begun && !reply)) progress_->settle_attempt();
  }

 private:
  const std::shared_ptr<CallProgress> progress_;
};

class AttemptLimitedModel final : public Decorator {
 public:
  AttemptLimitedModel(std::shared_ptr<Model> inner, AttemptLimits limits)
      : Decorator(std::move(inner)), limits_(limits) {}

 private:
  template <class Reply>
  awaitable<Result<Reply>> bounded(awaitable<Result<Reply>> asked,
                                   std::shared_ptr<CallProgress> progress, SteadyTime deadline) {
    Attempt attempt(std::move(progress));
    const SteadyTime limit = after(limits_.total);
    const SteadyTime until = std::min(limit, deadline);
    if (until == SteadyTime::max()) {
      auto reply = co_await std::move(asked);
      attempt.ended(reply, false);
      co_return reply;
    }
    auto reply = co_await with_deadline(std::move(asked), until);
    if (!reply && reply.error().code() == Errc::deadline_exceeded && now() >= limit) {
      reply = too_long("it took longer than", limits_.total);
    }
    attempt.ended(reply, false);
    co_return reply;
  }

  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    auto progress = request.progress;
    const SteadyTime deadline = request.deadline;
    return bounded(pass_chat(inner(), std::move(request)), std::move(progress), deadline);
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    auto progress = request.progress;
    const SteadyTime deadline = request.deadline;
    return bounded(pass_embed(inner(), std::move(request)), std::move(progress), deadline);
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    Attempt attempt(request.progress);
    const SteadyTime total = after(limits_.total);
    const SteadyTime deadline = request.deadline;
    const auto executor = co_await boost::asio::this_coro::executor;
    const Listening call(start_call(executor, inner_pointer(), std::move(request), true));
    std::size_t taken = 0;
    SteadyTime piece_due = after(limits_.first_piece);
    while (true) {
      if (call->content.size() > taken) {
        const std::string piece = call->content.substr(taken);
        taken = call->content.size();
        piece_due = after(limits_.between_pieces);
        if (!on_delta(piece)) {
          co_return Error(Errc::cancelled, "the stream was ended by its reader");
        }
      }
      if (call->end) break;
      const SteadyTime until = std::min({piece_due, total, deadline});
      const auto woken = co_await call->changed.wait_until(until);
      if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "the call was cancelled");
      if (woken == Wake::timed_out && call->content.size() == taken && !call->end) {
        co_return what_passed(until, total, deadline, taken > 0);
      }
    }
    attempt.ended(*call->end, taken > 0);
    co_return std::move(*call->end);
  }

  Error what_passed(SteadyTime until, SteadyTime total, SteadyTime deadline, bool begun) const {
    if (until == deadline) {
      return {Errc::deadline_exceeded, "deadline passed; the outcome is unknown"};
    }
    if (until == total) return too_long("it took longer than", limits_.total);
    return begun ? too_long("no further piece came within", limits_.between_pieces)
                 : too_long("no first piece came within", limits_.first_piece);
  }

  const AttemptLimits limits_;
};

}  // namespace

std::shared_ptr<Model> make_attempt_limited(std::shared_ptr<Model> model, AttemptLimits limits) {
  return std::make_shared<AttemptLimitedModel>(std::move(model), limits);
}

}  // namespace rwp::ai
