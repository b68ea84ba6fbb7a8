#pragma once

#include <rwp/analytics/event_type.hpp>

#include <string>

namespace rwp::tests {

/// A valid event with every field set; its time is whole in microseconds.
inline analytics::Event sample_event(std::string job_id = "42") {
  analytics::Event event = analytics::make_event(analytics::EventType::apply_started, "browser-1");
  event.time =
      std::chrono::system_clock::time_point(std::chrono::microseconds(1'769'851'800'123'456));
  event.user_id = "user-7";
  event.session_id = "1700000000";
  event.tenant = "agency-1";
  event.parameters = {{"job_id", std::move(job_id)},
                      {"position", std::int64_t{3}},
                      {"salary", 52'000.0},
                      {"remote", true}};
  event.items = {{{"item_id", std::string("42")}, {"price", 0.5}},
                 {{"item_name", std::string("x")}}};
  event.user_properties = {{"plan", std::string("gold")}, {"seats", std::int64_t{3}}};
  event.consent.ad_user_data = true;
  event.consent.ad_personalization = false;
  return event;
}

}  // namespace rwp::tests
