#include <rwp/analytics/outbox.hpp>

#include <optional>
#include <string>
#include <utility>

namespace rwp::analytics {

Result<std::vector<OutboxMessage>> to_outbox(const std::vector<Event>& events) {
  std::vector<OutboxMessage> messages;
  messages.reserve(events.size());
  for (const Event& event : events) {
    if (auto checked = check_event(event); !checked) return checked.error();
    OutboxMessage message{
        .id = event.id, .topic = std::string(kOutboxTopic), .body = to_json(event)};
    messages.push_back(std::move(message));
  }
  return messages;
}

Result<Event> from_outbox(const OutboxMessage& message) {
  if (message.topic != kOutboxTopic) {
    return Error(Errc::invalid_argument,
                 "outbox message " + message.id.to_string() + " is not of the topic analytics");
  }
  auto event = event_from_json(message.body);
  if (event) {
    if (auto checked = check_event(*event); !checked) event = checked.error();
  }
  if (!event) return event.error().with_context("outbox message " + message.id.to_string());
  return event;
}

boost::asio::awaitable<Result<void>> deliver_messages(Sink& sink,
                                                      std::vector<OutboxMessage> messages) {
  std::vector<Event> events;
  std::size_t bad = 0;
  std::optional<Error> first_fault;
  for (const OutboxMessage& message : messages) {
    auto event = from_outbox(message);
    if (event) {
      events.push_back(std::move(*event));
    } else {
      ++bad;
      if (!first_fault) first_fault = event.error();
    }
  }
  auto delivered = co_await sink.deliver(std::move(events));
  if (!delivered) co_return delivered.error();
  if (first_fault) {
    co_return first_fault->with_context(std::to_string(bad) + " of " +
                                        std::to_string(messages.size()) +
                                        " messages are no events; the others are delivered");
  }
  co_return Result<void>();
}

}  // namespace rwp::analytics
