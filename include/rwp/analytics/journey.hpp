#pragma once

#include <rwp/analytics/event.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

/// The way from an advert to a placement, as events tell it.
namespace rwp::analytics {

enum class Stage : std::uint8_t { viewed, applied, screened, placed };
constexpr std::size_t kStageCount = 4;
std::string_view to_string(Stage stage) noexcept;

/// The stage that an event of this name marks, by the platform's names and by Google's (job_viewed,
/// view_item; apply_completed, generate_lead; application_screened, qualify_lead;
/// application_placed, close_convert_lead); none: none.
std::optional<Stage> stage_of(std::string_view event_name) noexcept;

/// Somebody's way to one job. It is followed by client_id: later stages, which come from the
/// applicant tracking system, are sent with that of the application.
struct Journey {
  /// When each stage was first reached; unset: it was not.
  std::array<std::optional<std::chrono::system_clock::time_point>, kStageCount> reached{};
  /// Where the person came from, by the first event that says so (parameter `source`, `utm_source`
  /// or `lead_source`); empty: unknown.
  std::string source{};
};

/// Whose journey, to what: tenant, job, client.
using JourneyKey = std::tuple<std::string, std::string, std::string>;

/// What these events add to journeys. Adding the same again changes nothing, and the order of
/// events does not matter. An event without a job (parameter `job_id`, or the first item's
/// `item_id`) adds nothing.
std::map<JourneyKey, Journey> journeys_of(const std::vector<Event>& events);

}  // namespace rwp::analytics
