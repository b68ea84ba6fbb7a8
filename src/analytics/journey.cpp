#include <rwp/analytics/journey.hpp>

#include <algorithm>

namespace rwp::analytics {
namespace {

constexpr std::array<std::string_view, kStageCount> kNames = {"viewed", "applied", "screened",
                                                              "placed"};

std::string text_of(const std::map<std::string, ParameterValue>& values, const std::string& name) {
  const auto found = values.find(name);
  if (found == values.end()) return {};
  if (const auto* text = std::get_if<std::string>(&found->second)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&found->second)) {
    return std::to_string(*number);
  }
  return {};
}

std::string job_of(const Event& event) {
  std::string job = text_of(event.parameters, "job_id");
  if (job.empty() && !event.items.empty()) job = text_of(event.items.front(), "item_id");
  return job;
}

std::string source_of(const Event& event) {
  for (const char* name : {"source", "utm_source", "lead_source"}) {
    if (auto source = text_of(event.parameters, name); !source.empty()) return source;
  }
  return {};
}

}  // namespace

std::string_view to_string(Stage stage) noexcept {
  return kNames.at(static_cast<std::size_t>(stage));
}

std::optional<Stage> stage_of(std::string_view event_name) noexcept {
  if (event_name == "job_viewed" || event_name == "view_item") return Stage::viewed;
  if (event_name == "apply_completed" || event_name == "generate_lead") return Stage::applied;
  if (event_name == "application_screened" || event_name == "qualify_lead") return Stage::screened;
  if (event_name == "application_placed" || event_name == "close_convert_lead") {
    return Stage::placed;
  }
  return std::nullopt;
}

std::map<JourneyKey, Journey> journeys_of(const std::vector<Event>& events) {
  std::map<JourneyKey, Journey> journeys;
  for (const Event& event : events) {
    const auto stage = stage_of(event.name);
    std::string job = stage ? job_of(event) : std::string();
    if (job.empty()) continue;
    Journey& journey = journeys[{event.tenant, std::move(job), event.client_id}];
    auto& reached = journey.reached[static_cast<std::size_t>(*stage)];
    reached = reached ? std::min(*reached, event.time) : event.time;
    if (journey.source.empty()) journey.source = source_of(event);
  }
  return journeys;
}

}  // namespace rwp::analytics
