#include <rwp/analytics/event_type.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace rwp::analytics {
namespace {

constexpr std::array<std::string_view, 15> kNames = {
    "job_viewed",           "jobs_searched",        "jobs_filtered",      "apply_started",
    "apply_completed",      "retarget_triggered",   "ab_test_assignment", "ab_test_conversion",
    "job_ad_enriched",      "candidate_parsed",     "match_scored",       "job_saved",
    "application_screened", "application_rejected", "application_placed",
};

}  // namespace

std::string_view to_string(EventType type) noexcept {
  return kNames.at(static_cast<std::size_t>(type));
}

std::optional<EventType> event_type_from_string(std::string_view name) noexcept {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<EventType>(found - kNames.begin());
}

Event make_event(EventType type, std::string client_id) {
  Event event;
  event.name = to_string(type);
  event.client_id = std::move(client_id);
  return event;
}

}  // namespace rwp::analytics
