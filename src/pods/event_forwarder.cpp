#include "pods/event_forwarder.hpp"

#include <rwp/core/async.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

namespace rwp::pods {

using boost::asio::awaitable;

struct EventForwarder::Batch {
  std::vector<analytics::Event> events{};
  /// Of those that may have been delivered before.
  std::vector<Uuid> repeated{};
  /// Which events are to be delivered, by their places.
  std::vector<std::size_t> places{};
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

awaitable<Result<void>> EventForwarder::drop_delivered(std::shared_ptr<State> state,
                                                       std::shared_ptr<Batch> batch) {
  std::vector<Uuid> there;
  Result<void> looked;
  if (!batch->repeated.empty()) {
    auto found = co_await state->sink->find_delivered(batch->repeated);
    if (found) {
      there = std::move(*found);
    } else {
      looked = found.error();
    }
  }
  for (std::size_t i = 0; i < batch->events.size(); ++i) {
    if (std::find(there.begin(), there.end(), batch->events[i].id) == there.end()) {
      batch->places.push_back(i);
    }
  }
  co_return looked;
}

awaitable<void> EventForwarder::deliver(std::shared_ptr<State> state,
                                        std::shared_ptr<Batch> batch) {
  const auto until = std::chrono::steady_clock::now() + state->options.linger;
  while (batch->events.size() < state->options.batch) {
    if (co_await batch->full.wait_until(until) != Wake::notified) break;
  }
  if (state->open == batch) state->open.reset();
  batch->outcomes.assign(batch->events.size(), Result<void>());
  auto looked = co_await drop_delivered(state, batch);
  std::vector<analytics::Event> events;
  for (const auto place : batch->places) events.push_back(batch->events[place]);
  Result<void> delivered = looked;
  if (looked) delivered = co_await state->sink->deliver(std::move(events));
  if (delivered || delivered.error().retryable() || batch->places.size() == 1) {
    for (const auto place : batch->places) batch->outcomes[place] = delivered;
  } else {
    for (const auto place : batch->places) {
      std::vector<analytics::Event> one(1, batch->events[place]);
      batch->outcomes[place] = co_await state->sink->deliver(std::move(one));
    }
  }
  batch->ended = true;
  batch->done.notify_all();
}

awaitable<Result<void>> EventForwarder::forward(analytics::Event event, bool repeated) {
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
  if (repeated) batch->repeated.push_back(event.id);
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
