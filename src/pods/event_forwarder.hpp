#pragma once

#include <rwp/analytics/event.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>

namespace rwp::pods {

struct ForwarderOptions {
  /// Events in one delivery.
  std::size_t batch = 25;
  /// How long the first event of a delivery waits for others.
  std::chrono::milliseconds linger{5};
};

/// Gathers events that are forwarded one by one into deliveries to a sink.
///
/// When the sink refuses a delivery for what stands in it, its events are delivered one by one, so
/// that a bad one fails alone.
/// Threads: confined to the sink's runtime's I/O thread. Lifetime: keeps the sink; a delivery that
/// has begun goes on when those who wait for it are cancelled.
class EventForwarder {
 public:
  explicit EventForwarder(std::shared_ptr<analytics::Sink> sink,
                          ForwarderOptions options = ForwarderOptions());
  ~EventForwarder();
  EventForwarder(const EventForwarder&) = delete;
  EventForwarder& operator=(const EventForwarder&) = delete;

  /// Success once the sink has taken the event; otherwise its error. `repeated`: the event may have
  /// been delivered before, so the sink is asked whether it has it.
  boost::asio::awaitable<Result<void>> forward(analytics::Event event, bool repeated = false);

 private:
  struct Batch;
  struct State;
  static boost::asio::awaitable<Result<void>> drop_delivered(std::shared_ptr<State> state,
                                                             std::shared_ptr<Batch> batch);
  static boost::asio::awaitable<void> deliver(std::shared_ptr<State> state,
                                              std::shared_ptr<Batch> batch);
  std::shared_ptr<State> state_;
};

}  // namespace rwp::pods
