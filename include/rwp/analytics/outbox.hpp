#pragma once

#include <rwp/analytics/event.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/outbox.hpp>

#include <boost/asio/awaitable.hpp>

#include <string_view>
#include <vector>

/// The way of events that a job emits: into the outbox of the job's own store with the job's
/// completion, and from there to a sink.
namespace rwp::analytics {

constexpr std::string_view kOutboxTopic = "analytics";

/// The events as messages under their own ids. `Errc::invalid_argument`: one breaks a rule of
/// check_event(), so that bad ones are refused where they are made.
Result<std::vector<OutboxMessage>> to_outbox(const std::vector<Event>& events);

/// `Errc::invalid_argument`: another topic, or a body that is no valid event.
Result<Event> from_outbox(const OutboxMessage& message);

/// Delivers the events of the messages. Bad messages do not keep the good ones back: these are
/// delivered, and then `Errc::invalid_argument` tells of the bad ones. A failure of the sink is
/// answered as it is. Safe to repeat.
/// Lifetime: `sink` outlives the call.
boost::asio::awaitable<Result<void>> deliver_messages(Sink& sink,
                                                      std::vector<OutboxMessage> messages);

}  // namespace rwp::analytics
