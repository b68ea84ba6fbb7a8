#include "analytics_ga4/ga4_mapping.hpp"

#include <rwp/analytics/event_type.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rwp::analytics {
namespace {

/// None: it goes under its own name.
std::optional<std::string_view> google_name(EventType type) {
  switch (type) {
    case EventType::job_viewed:
      return "view_item";
    case EventType::jobs_searched:
      return "search";
    case EventType::jobs_filtered:
      return "view_item_list";
    case EventType::job_saved:
      return "add_to_wishlist";
    case EventType::apply_started:
      return "begin_checkout";
    case EventType::apply_completed:
      return "generate_lead";
    case EventType::application_screened:
      return "qualify_lead";
    case EventType::application_rejected:
      return "disqualify_lead";
    case EventType::application_placed:
      return "close_convert_lead";
    default:
      return std::nullopt;
  }
}

/// The parameter, as text; none: it is not there, or no text or whole number.
std::optional<std::string> text_of(const Event& event, std::string_view name) {
  const auto found = event.parameters.find(std::string(name));
  if (found == event.parameters.end()) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(&found->second)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&found->second)) {
    return std::to_string(*number);
  }
  return std::nullopt;
}

/// The advert as an item, from the parameters that tell of it.
void add_item(Event& event) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kMembers = {{
      {"job_id", "item_id"},
      {"title", "item_name"},
      {"sector", "item_category"},
      {"company", "item_brand"},
      {"location", "location_id"},
  }};
  if (!event.items.empty()) return;
  Item item;
  for (const auto& [parameter, member] : kMembers) {
    if (auto text = text_of(event, parameter)) item.emplace(member, std::move(*text));
  }
  if (item.contains("item_id")) event.items.push_back(std::move(item));
}

void copy_parameter(Event& event, std::string_view from, const std::string& to) {
  if (event.parameters.size() >= kMaxParameters || event.parameters.contains(to)) return;
  if (auto text = text_of(event, from)) event.parameters.emplace(to, std::move(*text));
}

}  // namespace

Event to_google_names(Event event) {
  const auto type = event_type_from_string(event.name);
  const auto name = type ? google_name(*type) : std::nullopt;
  if (!name) return event;
  event.name = *name;
  switch (*type) {
    case EventType::job_viewed:
    case EventType::job_saved:
    case EventType::apply_started:
      add_item(event);
      break;
    case EventType::jobs_searched:
      copy_parameter(event, "query", "search_term");
      break;
    case EventType::jobs_filtered:
      copy_parameter(event, "list", "item_list_name");
      break;
    case EventType::apply_completed:
      copy_parameter(event, "source", "lead_source");
      break;
    default:
      break;
  }
  return event;
}

}  // namespace rwp::analytics
