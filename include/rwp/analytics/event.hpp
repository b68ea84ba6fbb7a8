#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/uuid.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rwp::analytics {

using ParameterValue = std::variant<std::string, std::int64_t, double, bool>;

// What Google Analytics 4 takes, so that an event that passes here is not dropped there in silence.
// Lengths are in characters (code points).
constexpr std::size_t kMaxNameLength = 40;
constexpr std::size_t kMaxValueLength = 100;
constexpr std::size_t kMaxUserIdLength = 256;
/// GA4 takes 25; the rest is for what sinks add: session_id, engagement_time_msec, event_id,
/// tenant.
constexpr std::size_t kMaxParameters = 21;
constexpr std::size_t kMaxItems = 200;
/// Of an item, beside those that GA4 knows itself (item_id, item_name, price, …).
constexpr std::size_t kMaxItemParameters = 10;
constexpr std::size_t kMaxUserProperties = 25;
constexpr std::size_t kMaxUserPropertyNameLength = 24;
constexpr std::size_t kMaxUserPropertyLength = 36;

/// Something that is acted on, such as a job ad: parameters of its own.
using Item = std::map<std::string, ParameterValue>;

/// What a person has said to the use of data for advertising; unset: nothing is known. Without
/// consent to analytics itself an event is not to be made at all.
struct Consent {
  std::optional<bool> ad_user_data{};
  std::optional<bool> ad_personalization{};

  bool is_unset() const noexcept { return !ad_user_data && !ad_personalization; }
  friend bool operator==(const Consent&, const Consent&) = default;
};

/// Something that happened, to be counted. No personal data belongs in any field.
struct Event {
  /// By which a repeated delivery is recognised.
  Uuid id = Uuid::make_v7();
  /// 1 to 40 letters, digits and underscores, first a letter; none of the names and prefixes that
  /// GA4 keeps for itself. The platform's own are in event_type.hpp.
  std::string name{};
  /// After 1970; kept to the microsecond.
  std::chrono::system_clock::time_point time = std::chrono::system_clock::now();
  /// The browser or device: 1 to 256 characters.
  std::string client_id{};
  /// The account, by an id of our own: up to 256 characters; empty: nobody has logged in.
  std::string user_id{};
  /// The visit: up to 100 digits; empty: none.
  std::string session_id{};
  /// Up to 100 characters; empty: the platform itself.
  std::string tenant{};
  /// Names as those of events; not session_id, event_id and tenant, which are fields here. Texts up
  /// to 100 characters (page_title 300, page_referrer 420, page_location 1,000); finite numbers;
  /// engagement_time_msec is a whole number above zero.
  std::map<std::string, ParameterValue> parameters{};
  /// What it was done to; up to 200. Names and values as those of parameters.
  std::vector<Item> items{};
  /// What is true of the user from now on, such as a plan; up to 25. Names of up to 24 characters,
  /// texts of up to 36.
  std::map<std::string, ParameterValue> user_properties{};
  Consent consent{};

  friend bool operator==(const Event&, const Event&) = default;
};

/// Why a name is not taken.
struct NameFault {
  /// GA4 keeps it for itself; otherwise it is malformed.
  bool reserved = false;
  std::string rule{};
};
/// None: the name is fit for an event.
std::optional<NameFault> event_name_fault(std::string_view name);
/// None: the name is fit for a parameter. Those that are fields of an Event are fit here.
std::optional<NameFault> parameter_name_fault(std::string_view name);
/// None: the name is fit for a user property.
std::optional<NameFault> user_property_name_fault(std::string_view name);
/// Most characters of a text under this parameter.
std::size_t max_value_length(std::string_view parameter) noexcept;
/// The time that somebody was engaged with, in milliseconds.
constexpr std::string_view kEngagementParameter = "engagement_time_msec";
bool is_engagement_time(const ParameterValue& value) noexcept;
/// Whether an item's parameter is one that GA4 knows itself, and so does not count as one more.
bool is_standard_item_parameter(std::string_view name) noexcept;

/// `Errc::invalid_argument` names the field and the rule it breaks, never a value.
Result<void> check_event(const Event& event);

/// The event on one line: {"id":"…","name":"job_viewed","time":"2026-01-31T09:30:00.000000Z",
/// "client_id":"…","parameters":{"job_id":"42"},"items":[{"item_id":"42"}],
/// "user_properties":{"plan":"gold"},"consent":{"ad_user_data":true}}; empty fields are left out.
JsonText to_json(const Event& event);

/// Reads what to_json() wrote; unknown members are ignored. `Errc::invalid_argument` names the
/// member and what is wrong with it. The rules of check_event() are not asked here.
Result<Event> event_from_json(JsonView json);
Result<Event> event_from_json(const JsonText& json);

}  // namespace rwp::analytics
