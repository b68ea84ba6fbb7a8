#include "pods/idempotent_calls.hpp"

#include "pods/openai_error.hpp"

#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <exception>
#include <optional>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using server::Response;

constexpr std::chrono::hours kKeptFor{24};
constexpr std::size_t kMostEntries = 10'000;
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;
/// Of calls that go on when their clients leave, so that those who come and go bind no end of them.
constexpr std::size_t kMostUnderWay = 1'000;

OpenAiError refusal(int status, std::string code, std::string message) {
  OpenAiError error;
  error.status = status;
  error.type = status == 409 ? "conflict_error" : status == 503 ? "server_error" : "timeout_error";
  error.code = std::move(code);
  error.message = std::move(message);
  return error;
}

}  // namespace

struct IdempotentCalls::Entry {
  std::string place{};
  Sha256 digest{};
  std::optional<Response> answer{};
  SteadyTime began{};
  std::size_t bytes = 0;
  Signal changed{};
};

struct IdempotentCalls::State {
  std::unordered_map<std::string, std::shared_ptr<Entry>> entries{};
  /// Those that are answered, the oldest first.
  std::list<std::shared_ptr<Entry>> answered{};
  std::size_t bytes = 0;

  void forget(const std::shared_ptr<Entry>& entry) {
    const auto found = entries.find(entry->place);
    if (found != entries.end() && found->second == entry) entries.erase(found);
  }
  void make_room() {
    const SteadyTime now = std::chrono::steady_clock::now();
    while (!answered.empty() && (bytes > kMostBytes || answered.size() > kMostEntries ||
                                 answered.front()->began + kKeptFor < now)) {
      bytes -= answered.front()->bytes;
      forget(answered.front());
      answered.pop_front();
    }
  }
};

IdempotentCalls::IdempotentCalls() : state_(std::make_shared<State>()) {}
IdempotentCalls::~IdempotentCalls() = default;

std::size_t IdempotentCalls::size() const noexcept { return state_->entries.size(); }

awaitable<void> IdempotentCalls::run(std::shared_ptr<State> state, std::shared_ptr<Entry> entry,
                                     awaitable<Response> call) {
  Response response = co_await std::move(call);
  const bool keeps = response.status < 500 && response.status != 429;
  if (keeps) {
    entry->bytes = entry->place.size() + response.body.size() + 512;
    state->bytes += entry->bytes;
    state->answered.push_back(entry);
    state->make_room();
  } else {
    state->forget(entry);
  }
  entry->answer = std::move(response);
  entry->changed.notify_all();
}

awaitable<Response> IdempotentCalls::answer(std::string place, Sha256 digest,
                                            awaitable<Response> call, SteadyTime deadline) {
  const auto state = state_;
  state->make_room();
  std::shared_ptr<Entry> entry;
  const auto found = state->entries.find(place);
  if (found != state->entries.end()) {
    entry = found->second;
    if (entry->digest != digest) {
      co_return openai_error_response(refusal(
          409, "idempotency_key_in_use", "The Idempotency-Key came with another request before."));
    }
  } else {
    if (state->entries.size() - state->answered.size() >= kMostUnderWay) {
      co_return openai_error_response(
          refusal(503, "overloaded", "Too many calls with an Idempotency-Key are under way."));
    }
    entry = std::make_shared<Entry>();
    entry->place = place;
    entry->digest = digest;
    entry->began = std::chrono::steady_clock::now();
    state->entries.emplace(std::move(place), entry);
    auto done = [state, entry](const std::exception_ptr& thrown) {
      if (!thrown) return;
      state->forget(entry);
      OpenAiError error;
      error.status = 500;
      error.type = "server_error";
      error.code = "internal_error";
      error.message = "The server had an error.";
      entry->answer = openai_error_response(error);
      entry->changed.notify_all();
    };
    const auto executor = co_await boost::asio::this_coro::executor;
    spawn(executor, run(state, entry, std::move(call)), std::move(done));
  }
  while (!entry->answer) {
    const auto woken = co_await entry->changed.wait_until(deadline);
    if (woken == Wake::notified || entry->answer) continue;
    co_return openai_error_response(
        refusal(504, "deadline_exceeded", "The first call with this Idempotency-Key still runs."));
  }
  co_return *entry->answer;
}

}  // namespace rwp::pods
