#include "support/sample_event.hpp"
#include <rwp/analytics/sessions.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using analytics::Event;

/// An event without a session, so long after the sample's time.
Event event_after(std::chrono::milliseconds later, std::string client = "browser-1") {
  Event event = sample_event();
  event.time += later;
  event.client_id = std::move(client);
  event.session_id.clear();
  return event;
}

std::int64_t engaged(const Event& event) {
  return std::get<std::int64_t>(event.parameters.at("engagement_time_msec"));
}

TEST(SessionsTest, EventsOfAVisitShareItsNumberAndTellTheTimeBetweenThem) {
  analytics::Sessions sessions;
  Event first = event_after(0ms);
  Event second = event_after(90s);
  Event other = event_after(1s, "browser-2");

  for (Event* each : {&first, &other, &second}) sessions.stamp(*each);

  EXPECT_EQ(first.session_id, "1769851800");
  EXPECT_EQ(engaged(first), 1);
  EXPECT_EQ(second.session_id, first.session_id);
  EXPECT_EQ(engaged(second), 90'000);
  EXPECT_EQ(other.session_id, "1769851801");
  EXPECT_TRUE(check_event(second).has_value());
}

TEST(SessionsTest, AVisitEndsAfterHalfAnHourOfSilence) {
  analytics::Sessions sessions;
  Event first = event_after(0ms);
  Event later = event_after(30min);
  Event next = event_after(61min);

  for (Event* each : {&first, &later, &next}) sessions.stamp(*each);

  EXPECT_EQ(later.session_id, first.session_id);
  EXPECT_NE(next.session_id, first.session_id);
  EXPECT_EQ(engaged(next), 1);
}

TEST(SessionsTest, WhatAnEventSaysItselfStays) {
  analytics::Sessions sessions;
  Event event = event_after(0ms);
  event.session_id = "7";
  event.parameters["engagement_time_msec"] = std::int64_t{5};
  Event following = event_after(1s);

  sessions.stamp(event);
  sessions.stamp(following);

  EXPECT_EQ(event.session_id, "7");
  EXPECT_EQ(engaged(event), 5);
  EXPECT_EQ(following.session_id, "7");
}

TEST(SessionsTest, AsManyClientsAreRememberedAsAreAllowed) {
  analytics::SessionOptions options;
  options.clients = 2;
  analytics::Sessions sessions(options);
  Event first = event_after(0s, "a");
  Event second = event_after(1s, "b");
  Event third = event_after(2s, "c");
  Event again = event_after(3s, "a");
  Event kept = event_after(4s, "c");

  for (Event* each : {&first, &second, &third, &again, &kept}) sessions.stamp(*each);

  EXPECT_NE(again.session_id, first.session_id);
  EXPECT_EQ(kept.session_id, third.session_id);
}

}  // namespace
}  // namespace rwp::tests
