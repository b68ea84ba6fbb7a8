#include "ai/boarded.hpp"

#include "ai/decorator.hpp"
#include "ai/kept_answer.hpp"
#include <rwp/ai/call_key.hpp>

#include <chrono>
#include <optional>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;

/// How often a call waits for leaders that then bring nothing, before it asks by itself.
constexpr int kMostRounds = 4;
/// How long an answer that asking again would not change waits for those who have just looked into
/// the cache and did not find it there.
constexpr milliseconds kStays{10'000};

/// Lets the others lead when the leader's call ends without an answer, in whatever way.
class Lead {
 public:
  Lead(FlightBoard& board, std::string key) : board_(board), key_(std::move(key)) {}
  ~Lead() {
    if (!landed_) board_.give_up(std::move(key_));
  }
  Lead(const Lead&) = delete;
  Lead& operator=(const Lead&) = delete;
  void land() noexcept { landed_ = true; }

 private:
  FlightBoard& board_;
  std::string key_;
  bool landed_ = false;
};

class BoardedModel final : public Decorator {
 public:
  BoardedModel(std::shared_ptr<Model> inner, CoalescedOptions options)
      : Decorator(std::move(inner)), options_(std::move(options)) {
    assert(options_.board);
  }

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    return boarded(std::move(request), OnDelta());
  }
  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    // What a board hands over is a text, and these are events.
    if (request.wire) return ask(std::move(request), std::move(on_delta));
    return boarded(std::move(request), std::move(on_delta));
  }

  awaitable<Result<ChatReply>> ask(ChatRequest request, OnDelta on_delta) {
    if (!on_delta) return pass_chat(inner(), std::move(request));
    return pass_stream(inner(), std::move(request), std::move(on_delta));
  }

  awaitable<Result<ChatReply>> boarded(ChatRequest request, OnDelta on_delta) {
    const std::string key = flight_key(options_, request, default_model());
    for (int round = 0; round < kMostRounds; ++round) {
      auto turn = co_await options_.board->take_off(key);
      if (!turn) {
        if (turn.error().code() == Errc::cancelled) co_return turn.error();
        break;
      }
      if (turn->turn == TakeOff::Turn::leads) {
        co_return co_await lead(std::move(request), std::move(on_delta), key);
      }
      std::optional<std::string> answer(std::move(turn->answer));
      if (turn->turn == TakeOff::Turn::waits) {
        auto landed = co_await options_.board->wait_landed(key, request.deadline);
        if (!landed) {
          if (landed.error().code() == Errc::cancelled) co_return landed.error();
          break;
        }
        answer = std::move(*landed);
      }
      auto reply = answer ? read_chat_answer(*answer) : std::nullopt;
      if (reply) co_return deliver(std::move(*reply), on_delta);
      if (std::chrono::steady_clock::now() >= request.deadline) {
        co_return Error(Errc::deadline_exceeded, "deadline passed; another asks for the answer");
      }
    }
    co_return co_await ask(std::move(request), std::move(on_delta));
  }

  awaitable<Result<ChatReply>> lead(ChatRequest request, OnDelta on_delta, std::string key) {
    Lead flight(*options_.board, key);
    const bool random = request.temperature.value_or(0) > 0;
    auto reply = co_await ask(std::move(request), std::move(on_delta));
    if (!reply) co_return reply;
    const bool lasts =
        !random && reply->finish_reason == FinishReason::stop && !reply->from_fallback;
    flight.land();
    // Without it the others ask for themselves, once the key has lapsed.
    (void)co_await options_.board->land(std::move(key), write_answer(*reply),
                                        lasts ? kStays : milliseconds(0));
    co_return reply;
  }

  static Result<ChatReply> deliver(ChatReply reply, const OnDelta& on_delta) {
    reply.source = AnswerSource::shared;
    if (on_delta && !reply.content.empty() && !on_delta(reply.content)) {
      return Error(Errc::cancelled, "the stream was ended by its reader");
    }
    return reply;
  }

  const CoalescedOptions options_;
};

}  // namespace

std::string flight_key(const CoalescedOptions& options, const ChatRequest& request,
                       const std::string& default_model) {
  std::string scope = options.dialect;
  scope += '\n';
  if (options.scope == CacheScope::tenant) scope += request.tenant;
  std::string key = call_key(request, request.model.empty() ? default_model : request.model, scope);
  return request.subject.empty() ? key : subject_prefix(request.subject) + key;
}

std::shared_ptr<Model> make_boarded(std::shared_ptr<Model> inner, CoalescedOptions options) {
  return std::make_shared<BoardedModel>(std::move(inner), std::move(options));
}

}  // namespace rwp::ai
