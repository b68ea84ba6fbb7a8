#include <rwp/analytics/event.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

namespace rwp::analytics {
namespace {

constexpr std::array<std::string_view, 35> kReservedEvents = {
    "ad_activeview",
    "ad_click",
    "ad_exposure",
    "ad_impression",
    "ad_query",
    "ad_reward",
    "adunit_exposure",
    "app_background",
    "app_clear_data",
    "app_exception",
    "app_install",
    "app_remove",
    "app_store_refund",
    "app_store_subscription_cancel",
    "app_store_subscription_renew",
    "app_update",
    "app_upgrade",
    "click",
    "dynamic_link_app_open",
    "dynamic_link_app_update",
    "dynamic_link_first_open",
    "error",
    "file_download",
    "first_open",
    "first_visit",
    "form_start",
    "form_submit",
    "in_app_purchase",
    "os_update",
    "page_view",
    "scroll",
    "session_start",
    "user_engagement",
    "view_complete",
    "view_search_results",
};
constexpr std::array<std::string_view, 3> kReservedFamilies = {"notification_", "video_",
                                                               "query_id"};
constexpr std::array<std::string_view, 5> kReservedPrefixes = {"_", "firebase_", "ga_", "google_",
                                                               "gtag."};
constexpr std::array<std::string_view, 5> kReservedProperties = {
    "first_open_time", "first_visit_time", "last_deep_link_referrer", "user_id",
    "first_open_after_install"};
constexpr std::array<std::string_view, 22> kItemParameters = {
    "item_id",        "item_name",      "affiliation",   "coupon",         "discount",
    "index",          "item_brand",     "item_category", "item_category2", "item_category3",
    "item_category4", "item_category5", "item_list_id",  "item_list_name", "item_variant",
    "location_id",    "price",          "quantity",      "creative_name",  "creative_slot",
    "promotion_id",   "promotion_name",
};
constexpr std::array<std::string_view, 3> kFieldNames = {"session_id", "event_id", "tenant"};

template <class Names>
bool starts_with_one_of(std::string_view name, const Names& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

template <class Names>
bool is_one_of(std::string_view name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What is wrong with the name of an event or parameter; none: nothing.
std::optional<NameFault> name_fault(std::string_view name) {
  if (starts_with_one_of(name, kReservedPrefixes)) {
    return NameFault{.reserved = true, .rule = "its prefix is reserved"};
  }
  const bool well_formed =
      !name.empty() && name.size() <= kMaxNameLength && is_letter(name.front()) &&
      std::all_of(name.begin(), name.end(),
                  [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  if (well_formed) return std::nullopt;
  return NameFault{.rule = "a name is 1 to 40 letters, digits and underscores, the first a letter"};
}

/// What is wrong with a text; none: nothing. The text itself may be personal, and is not told.
std::optional<std::string> text_fault(std::string_view text, std::size_t max_length) {
  if (!is_valid_utf8(text)) return "not UTF-8";
  const std::size_t length = count_code_points(text);
  if (length <= max_length) return std::nullopt;
  return "at most " + std::to_string(max_length) + " characters, has " + std::to_string(length);
}

std::optional<std::string> value_fault(std::string_view name, const ParameterValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return text_fault(*text, max_value_length(name));
  }
  if (const auto* number = std::get_if<double>(&value); number && !std::isfinite(*number)) {
    return "not a finite number";
  }
  return std::nullopt;
}

/// A name that may hold anything, fit for a message.
std::string quoted(std::string_view name) {
  std::string out;
  append_json_string(out, name.substr(0, 2 * kMaxNameLength));
  return out;
}

std::optional<std::string> fault_of_fields(const Event& event) {
  const auto field = [](std::string_view name, const std::optional<std::string>& fault) {
    return std::string(name) + ": " + *fault;
  };
  if (event.id.is_nil()) return "id: is nil";
  if (event.time <= std::chrono::system_clock::time_point{}) return "time: not after 1970";
  if (event.client_id.empty()) return "client_id: is empty";
  if (auto fault = text_fault(event.client_id, 256)) return field("client_id", fault);
  if (auto fault = text_fault(event.user_id, kMaxUserIdLength)) return field("user_id", fault);
  if (!std::all_of(event.session_id.begin(), event.session_id.end(), is_digit)) {
    return "session_id: not only digits";
  }
  if (auto fault = text_fault(event.session_id, kMaxValueLength)) return field("session_id", fault);
  if (auto fault = text_fault(event.tenant, kMaxValueLength)) return field("tenant", fault);
  return std::nullopt;
}

std::optional<std::string> fault_of_parameters(const Event& event) {
  if (event.parameters.size() > kMaxParameters) {
    return "parameters: at most " + std::to_string(kMaxParameters) + ", has " +
           std::to_string(event.parameters.size());
  }
  for (const auto& [name, value] : event.parameters) {
    std::optional<std::string> fault;
    if (auto bad = name_fault(name)) fault = std::move(bad->rule);
    if (!fault && is_one_of(name, kFieldNames)) fault = "is a field of the event";
    if (!fault) fault = value_fault(name, value);
    if (!fault && name == kEngagementParameter && !is_engagement_time(value)) {
      fault = "a whole number of milliseconds above zero";
    }
    if (fault) return "parameter " + quoted(name) + ": " + *fault;
  }
  return std::nullopt;
}

std::optional<std::string> fault_of_user_properties(const Event& event) {
  if (event.user_properties.size() > kMaxUserProperties) {
    return "user_properties: at most " + std::to_string(kMaxUserProperties) + ", has " +
           std::to_string(event.user_properties.size());
  }
  for (const auto& [name, value] : event.user_properties) {
    std::optional<std::string> fault;
    if (auto bad = user_property_name_fault(name)) fault = std::move(bad->rule);
    if (const auto* text = std::get_if<std::string>(&value); text != nullptr && !fault) {
      fault = text_fault(*text, kMaxUserPropertyLength);
    } else if (!fault) {
      fault = value_fault(name, value);
    }
    if (fault) return "user property " + quoted(name) + ": " + *fault;
  }
  return std::nullopt;
}

std::optional<std::string> fault_of_item(const Item& item) {
  std::size_t own = 0;
  for (const auto& [name, value] : item) {
    std::optional<std::string> fault;
    if (auto bad = name_fault(name)) fault = std::move(bad->rule);
    if (!fault) fault = value_fault(name, value);
    if (fault) return "parameter " + quoted(name) + ": " + *fault;
    if (!is_standard_item_parameter(name)) ++own;
  }
  if (own > kMaxItemParameters) {
    return "at most " + std::to_string(kMaxItemParameters) + " parameters of its own, has " +
           std::to_string(own);
  }
  return std::nullopt;
}

std::optional<std::string> fault_of_items(const Event& event) {
  if (event.items.size() > kMaxItems) {
    return "items: at most " + std::to_string(kMaxItems) + ", has " +
           std::to_string(event.items.size());
  }
  for (std::size_t i = 0; i < event.items.size(); ++i) {
    if (auto fault = fault_of_item(event.items[i])) {
      return "items[" + std::to_string(i) + "]: " + *fault;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<NameFault> event_name_fault(std::string_view name) {
  auto fault = name_fault(name);
  if (!fault && (is_one_of(name, kReservedEvents) || starts_with_one_of(name, kReservedFamilies))) {
    fault = NameFault{.reserved = true, .rule = "the name is reserved"};
  }
  return fault;
}

std::optional<NameFault> parameter_name_fault(std::string_view name) { return name_fault(name); }

std::optional<NameFault> user_property_name_fault(std::string_view name) {
  auto fault = name_fault(name);
  if (!fault && is_one_of(name, kReservedProperties)) {
    fault = NameFault{.reserved = true, .rule = "the name is reserved"};
  }
  if (!fault && name.size() > kMaxUserPropertyNameLength) {
    fault = NameFault{.rule = "a user property's name has at most 24 characters"};
  }
  return fault;
}

bool is_engagement_time(const ParameterValue& value) noexcept {
  const auto* number = std::get_if<std::int64_t>(&value);
  return number != nullptr && *number > 0;
}

std::size_t max_value_length(std::string_view parameter) noexcept {
  if (parameter == "page_location") return 1000;
  if (parameter == "page_referrer") return 420;
  if (parameter == "page_title") return 300;
  return kMaxValueLength;
}

bool is_standard_item_parameter(std::string_view name) noexcept {
  return is_one_of(name, kItemParameters);
}

Result<void> check_event(const Event& event) {
  std::optional<std::string> fault;
  if (auto bad = event_name_fault(event.name)) fault = "name: " + bad->rule;
  if (!fault) fault = fault_of_fields(event);
  if (!fault) fault = fault_of_parameters(event);
  if (!fault) fault = fault_of_items(event);
  if (!fault) fault = fault_of_user_properties(event);
  if (!fault) return {};
  return Error(Errc::invalid_argument, "event " + quoted(event.name) + ": " + *fault);
}

}  // namespace rwp::analytics
