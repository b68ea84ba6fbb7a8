#include "pods/event_forwarder.hpp"

#include <rwp/core/async.hpp>

#include <boost/asio/this_coro.hpp>

#include <exception>
#include <utility>
#include <vector>

namespace rwp::pods {

using boost::asio::awaitable;

struct EventForwarder::Batch {
  std::vector<analytics::Event> events{};
  /// One an event, once the batch has ended.
  std::vector<Result<void>> outcomes{};
  bool ended = false;
  /// Told when the batch is full.
  Signal full{};
  Signal done{};
};

struct EventForwarder::State {
  std::shared_ptr<analytics::Sink> sink{};
  ForwarderOptions options{};
  /// The batch that still takes events; null: none.
  std::shared_ptr<Batch> open{};
};

EventForwarder::EventForwarder(std::shared_ptr<analytics::Sink> sink, ForwarderOptions options)
    : state_(std::make_shared<State>()) {
  state_->sink = std::move(sink);
  state_->options = options;
}

EventForwarder::~EventForwarder() = default;

awaitable<void> EventForwarder::deliver(std::shared_ptr<State> state,
                                        std::shared_ptr<Batch> batch) {
  const auto until = std::chrono::steady_clock::now() + state->options.linger;
  while (batch->events.size() < state->options.batch) {
    if (co_await batch->full.wait_until(until) != Wake::notified) break;
  }
  if (state->open == batch) state->open.reset();
  const std::size_t count = batch->events.size();
  auto delivered = co_await state->sink->deliver(batch->events);
  if (delivered || delivered.error().retryable() || count == 1) {
    batch->outcomes.assign(count, delivered);
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<analytics::Event> one(1, batch->events[i]);
      auto alone = co_await state->sink->deliver(std::move(one));
      batch->outcomes.push_back(std::move(alone));
    }
  }
  batch->ended = true;
  batch->done.notify_all();
}

awaitable<Result<void>> EventForwarder::forward(analytics::Event event) {
  auto batch = state_->open;
  if (!batch) {
    batch = std::make_shared<Batch>();
    state_->open = batch;
    const auto executor = co_await boost::asio::this_coro::executor;
    // On its own, as the batch is not this event's alone.
    spawn(executor, deliver(state_, batch), [batch](const std::exception_ptr& thrown) {
      if (!thrown) return;
      batch->outcomes.assign(batch->events.size(), detail::from_exception(thrown));
      batch->ended = true;
      batch->done.notify_all();
    });
  }
  const std::size_t place = batch->events.size();
  batch->events.push_back(std::move(event));
  if (batch->events.size() >= state_->options.batch) {
    if (state_->open == batch) state_->open.reset();
    batch->full.notify_all();
  }
  while (!batch->ended) {
    const auto woken = co_await batch->done.wait_until(SteadyTime::max());
    if (woken == Wake::cancelled && !batch->ended) {
      co_return Error(Errc::cancelled, "stopped while the event was being delivered");
    }
  }
  co_return batch->outcomes[place];
}

}  // namespace rwp::pods
