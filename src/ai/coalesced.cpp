#include "ai/boarded.hpp"
#include "ai/decorator.hpp"
#include "ai/own_call.hpp"
#include <rwp/ai/coalesced.hpp>

#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <unordered_map>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

struct Flight {
  std::shared_ptr<OwnCall> call{};
  bool streamed = false;
  std::size_t listeners = 0;
  /// Whether somebody takes the answer as the model's, to book and keep it; the others share it.
  bool has_payer = false;
};

using Flights = std::unordered_map<std::string, std::shared_ptr<Flight>>;

/// Takes part in a flight; the last to leave one that has not ended cancels it.
class Seat {
 public:
  Seat(Flights& flights, std::string key, std::shared_ptr<Flight> flight)
      : flights_(flights), key_(std::move(key)), flight_(std::move(flight)) {
    ++flight_->listeners;
    become_payer();
  }
  ~Seat() {
    // Who leaves before the end leaves the bill to one of the others.
    if (pays_ && !took_) flight_->has_payer = false;
    if (--flight_->listeners > 0) return;
    flight_->call->abandon();
    close();
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  OwnCall& call() const noexcept { return *flight_->call; }
  /// The answer was taken: whether it is this one's to book and keep.
  bool take() {
    took_ = true;
    become_payer();
    return pays_;
  }
  /// Nobody joins it any more.
  void close() {
    const auto found = flights_.find(key_);
    if (found != flights_.end() && found->second == flight_) flights_.erase(found);
  }

 private:
  void become_payer() {
    if (!std::exchange(flight_->has_payer, true)) pays_ = true;
  }

  Flights& flights_;
  const std::string key_;
  const std::shared_ptr<Flight> flight_;
  bool pays_ = false;
  bool took_ = false;
};

class CoalescedModel final : public Decorator {
 public:
  CoalescedModel(std::shared_ptr<Model> inner, CoalescedOptions options)
      : Decorator(options.board ? make_boarded(std::move(inner), options) : std::move(inner)),
        options_(std::move(options)) {}

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    return shared(std::move(request), OnDelta());
  }
  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    return shared(std::move(request), std::move(on_delta));
  }

  awaitable<Result<ChatReply>> shared(ChatRequest request, OnDelta on_delta) {
    const auto executor = co_await boost::asio::this_coro::executor;
    const std::string key = flight_key(options_, request, default_model());
    bool asked_again = false;
    while (true) {
      std::shared_ptr<Flight> flight;
      const auto found = flights_.find(key);
      const bool joins = found != flights_.end();
      if (joins) {
        flight = found->second;
        count();
      } else {
        flight = std::make_shared<Flight>();
        flight->streamed = static_cast<bool>(on_delta);
        ChatRequest copy = request;
        flight->call = start_call(executor, inner_pointer(), std::move(copy), flight->streamed);
        flights_.emplace(key, flight);
      }
      Seat seat(flights_, key, flight);
      std::size_t taken = 0;
      auto reply = co_await listen(&seat, on_delta, request.deadline, &taken);
      if (reply) {
        const bool pays = seat.take();
        if (!pays && reply->source == AnswerSource::model) reply->source = AnswerSource::shared;
        co_return reply;
      }
      const Error error = reply.error();
      const bool once_more = joins && !asked_again && taken == 0 && error.retryable() &&
                             std::chrono::steady_clock::now() < request.deadline;
      if (!once_more) co_return reply;
      asked_again = true;
    }
  }

  /// `seat` and `taken` are the caller's, which awaits this.
  static awaitable<Result<ChatReply>> listen(Seat* seat, OnDelta on_delta, SteadyTime deadline,
                                             std::size_t* taken) {
    OwnCall& call = seat->call();
    while (true) {
      if (on_delta && call.content.size() > *taken) {
        const std::string piece = call.content.substr(*taken);
        *taken += piece.size();
        if (!on_delta(piece)) {
          co_return Error(Errc::cancelled, "the stream was ended by its reader");
        }
        continue;
      }
      if (call.end) break;
      const auto woken = co_await call.changed.wait_until(deadline);
      if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "the call was cancelled");
      if (woken == Wake::timed_out && !call.end && call.content.size() == *taken) {
        co_return Error(Errc::deadline_exceeded, "deadline passed; the outcome is unknown");
      }
    }
    seat->close();
    Result<ChatReply> reply = *call.end;
    // A flight that does not stream brings everything at its end.
    if (reply && on_delta && *taken == 0 && !reply->content.empty() && !on_delta(reply->content)) {
      co_return Error(Errc::cancelled, "the stream was ended by its reader");
    }
    co_return reply;
  }

  void count() {
    if (!options_.metrics) return;
    options_.metrics
        ->counter("rwp_ai_coalesced_total", "AI calls that joined one that was under way")
        .add();
  }

  const CoalescedOptions options_;
  Flights flights_;
};

}  // namespace

std::shared_ptr<Model> make_coalesced(std::shared_ptr<Model> model, CoalescedOptions options) {
  return std::make_shared<CoalescedModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
