#pragma once

#include <rwp/analytics/event.hpp>
#include <rwp/core/uuid.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace rwp::analytics {

/// Where events go: a file, a table, Google Analytics.
///
/// Delivery is at least once: what failed or was cancelled may have arrived in part, and is safe to
/// repeat, as the receiver recognises events by their ids.
/// Errors: also `Errc::unavailable` (worth a retry) and `Errc::cancelled`; throws only bad_alloc.
/// Threads: confined to its runtime's I/O thread, where calls may overlap.
/// Lifetime: the sink outlives its calls in flight.
class Sink {
 public:
  virtual ~Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  /// Success once all events are as safe as this sink keeps them. `Errc::invalid_argument`: one of
  /// them breaks a rule of check_event() (the message tells which); then none was delivered.
  boost::asio::awaitable<Result<void>> deliver(std::vector<Event> events);

  /// Those of these events that have arrived already, as far as the sink can tell: asked before a
  /// delivery is repeated whose outcome was lost. A sink that cannot look answers none.
  boost::asio::awaitable<Result<std::vector<Uuid>>> find_delivered(std::vector<Uuid> ids);

  /// Removes the events that are about somebody: those whose parameter `candidate` is this name,
  /// 1 to 64 of a-z A-Z 0-9 - _. Answers how many there were. `Errc::unsupported`: what has been
  /// delivered is somebody else's to remove. Blocks nobody who delivers.
  boost::asio::awaitable<Result<std::size_t>> forget(std::string subject);

 protected:
  Sink() = default;

 private:  // What a backend implements; there is at least one event, and all are valid.
  virtual boost::asio::awaitable<Result<void>> do_deliver(std::vector<Event> events) = 0;
  /// There is at least one id.
  virtual boost::asio::awaitable<Result<std::vector<Uuid>>> do_find_delivered(
      std::vector<Uuid> ids);
  /// Unless a backend has it: `Errc::unsupported`.
  virtual boost::asio::awaitable<Result<std::size_t>> do_forget(std::string subject);
};

}  // namespace rwp::analytics
