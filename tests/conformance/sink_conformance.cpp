#include "conformance/sink_conformance.hpp"

#include "support/sample_event.hpp"
#include <rwp/core/async.hpp>

#include <future>
#include <set>

namespace rwp::tests {
namespace {

using analytics::Event;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(SinkConformance, AnEventArrivesWithAllItsFields) {
  const Event event = sample_event();

  ASSERT_TRUE(deliver({event}).has_value());

  EXPECT_THAT(arrived(), ElementsAre(event));
}

TEST_P(SinkConformance, EventsOfOneDeliveryArriveInTheirOrder) {
  std::vector<Event> events;
  for (int i = 0; i < 60; ++i) events.push_back(sample_event(std::to_string(i)));

  ASSERT_TRUE(deliver(events).has_value());

  EXPECT_EQ(arrived(), events);
}

TEST_P(SinkConformance, NoEventsAreDeliveredAtOnce) {
  EXPECT_TRUE(deliver({}).has_value());
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_P(SinkConformance, OneInvalidEventKeepsTheWholeDeliveryBack) {
  Event invalid = sample_event();
  invalid.name = "no name";

  EXPECT_EQ(deliver({sample_event(), invalid}).error().code(), Errc::invalid_argument);
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_P(SinkConformance, TextsOfAnyKindArriveAsTheyAre) {
  const Event event = sample_event(
      "\"quoted\" \\ line\nbreak\r\t\x01 caf\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x98\x80 {}");

  ASSERT_TRUE(deliver({event}).has_value());

  EXPECT_THAT(arrived(), ElementsAre(event));
}

TEST_P(SinkConformance, ARepeatedDeliveryIsRecognisedByTheId) {
  const Event event = sample_event();
  ASSERT_TRUE(deliver({event}).has_value());
  ASSERT_TRUE(deliver({event}).has_value());

  std::set<Uuid> ids;
  for (const Event& each : arrived()) ids.insert(each.id);

  EXPECT_THAT(ids, ElementsAre(event.id));
}

TEST_P(SinkConformance, DeliveriesThatOverlapAllArriveWhole) {
  std::set<Uuid> sent;
  std::vector<std::future<bool>> waiting;
  auto one_delivery = [](std::shared_ptr<analytics::Sink> sink, std::vector<Event> events,
                         std::shared_ptr<std::promise<bool>> done) -> boost::asio::awaitable<void> {
    const auto delivered = co_await sink->deliver(std::move(events));
    done->set_value(delivered.has_value());
  };
  for (int i = 0; i < 50; ++i) {
    std::vector<Event> events{sample_event(std::to_string(i)), sample_event("other")};
    for (const Event& event : events) sent.insert(event.id);
    auto done = std::make_shared<std::promise<bool>>();
    waiting.push_back(done->get_future());
    spawn(runtime_.executor(), one_delivery(opened_.sink, std::move(events), done));
  }

  for (auto& delivered : waiting) EXPECT_TRUE(delivered.get());

  std::set<Uuid> found;
  for (const Event& event : arrived()) found.insert(event.id);
  EXPECT_EQ(found, sent);
}

TEST_P(SinkConformance, MessagesOfTheOutboxArriveAsEvents) {
  const std::vector<Event> events{sample_event("1"), sample_event("2")};
  auto messages = analytics::to_outbox(events).value();

  ASSERT_TRUE(
      run(runtime_, analytics::deliver_messages(*opened_.sink, std::move(messages))).has_value());

  EXPECT_EQ(arrived(), events);
}

TEST_P(SinkConformance, ABadMessageIsToldAndKeepsNoGoodOneBack) {
  const Event good = sample_event();
  auto messages = analytics::to_outbox({good, sample_event(), sample_event()}).value();
  messages[1].body = JsonText();
  messages[2].topic = "mail";

  const auto outcome =
      run(runtime_, analytics::deliver_messages(*opened_.sink, std::move(messages)));

  EXPECT_EQ(outcome.error().code(), Errc::invalid_argument);
  EXPECT_THAT(arrived(), ElementsAre(good));
}

}  // namespace
}  // namespace rwp::tests
