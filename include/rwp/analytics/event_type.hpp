#pragma once

#include <rwp/analytics/event.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::analytics {

/// The platform's events, by their names. Others are events too: Event::name is open.
enum class EventType : std::uint8_t {
  job_viewed,
  jobs_searched,
  jobs_filtered,
  apply_started,
  apply_completed,
  retarget_triggered,
  ab_test_assignment,
  ab_test_conversion,
  job_ad_enriched,
  candidate_parsed,
  match_scored,
  job_saved,
  application_screened,
  application_rejected,
  application_placed,
};

/// Such as "job_viewed".
std::string_view to_string(EventType type) noexcept;

/// None: the name is not one of the platform's own.
std::optional<EventType> event_type_from_string(std::string_view name) noexcept;

/// An event of this type that happens now.
Event make_event(EventType type, std::string client_id);

}  // namespace rwp::analytics
