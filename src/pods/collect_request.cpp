#include "pods/collect_request.hpp"

#include "pods/json_slice.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace rwp::pods {
namespace {

using analytics::Event;
using std::chrono::system_clock;

constexpr std::size_t kMostFaults = 100;
constexpr std::size_t kMostIdLength = 256;
constexpr std::size_t kMostNameShown = 64;
/// A client's clock may be ahead of this one by so much.
constexpr std::chrono::seconds kAhead{60};

/// Google takes them; here there is nowhere to keep them.
constexpr std::array<std::string_view, 6> kNotKept = {
    "user_data", "non_personalized_ads", "user_location", "user_agent", "device", "ip_override"};

std::string shown(std::string_view name) { return std::string(name.substr(0, kMostNameShown)); }

class CollectReader {
 public:
  CollectReader(system_clock::time_point now, Collection& into) : now_(now), into_(into) {}

  void read(JsonView root) {
    if (root.kind() != JsonKind::object) return fault("", "The body is not an object.", kInvalid);
    Event common;
    common.client_id = id_text(root, "client_id", true);
    common.user_id = id_text(root, "user_id", false);
    bool timed = false;
    read_time(root, "timestamp_micros", common.time, timed);
    read_behaviour(root);
    if (const auto consent = root.find("consent")) read_consent(*consent, common.consent);
    if (const auto properties = root.find("user_properties")) {
      read_user_properties(*properties, common.user_properties);
    }
    if (root.find("app_instance_id")) {
      fault("app_instance_id", "App streams are not supported; use client_id.", kInvalid);
    }
    root.each_member([&](std::string_view name, JsonView) {
      constexpr std::array<std::string_view, 8> kKnown = {
          "client_id",       "user_id",         "timestamp_micros", "validation_behavior",
          "app_instance_id", "user_properties", "consent",          "events"};
      if (std::find(kNotKept.begin(), kNotKept.end(), name) != kNotKept.end()) {
        fault(shown(name), "It is not passed on by this collector; leave it out.", kInvalid);
      } else if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
        fault(shown(name), "Unknown field.", kInvalid);
      }
      return into_.faults.size() < kMostFaults;
    });
    const auto events = root.find("events");
    if (!events) return fault("events", "At least one event is required.", kRequired);
    if (events->kind() != JsonKind::array) return fault("events", "It is no array.", kInvalid);
    if (events->size() == 0) return fault("events", "At least one event is required.", kRequired);
    if (events->size() > kMaxCollectEvents) {
      return fault("events", "At most 25 events are allowed in a request.", kExceeded);
    }
    for (std::size_t i = 0; i < events->size(); ++i) {
      CollectedEvent collected;
      collected.event = common;
      collected.timed = timed;
      collected.event.id = Uuid::make_v7();
      read_event(events->at(i), "events[" + std::to_string(i) + "]", collected);
      if (!ids_.insert(collected.event.id).second) {
        fault("events[" + std::to_string(i) + "].params.event_id",
              "Two events of the request have this id.", "NAME_DUPLICATED");
      }
      into_.events.push_back(std::move(collected));
    }
  }

 private:
  static constexpr std::string_view kInvalid = "VALUE_INVALID";
  static constexpr std::string_view kRequired = "VALUE_REQUIRED";
  static constexpr std::string_view kOutOfBounds = "VALUE_OUT_OF_BOUNDS";
  static constexpr std::string_view kExceeded = "EXCEEDED_MAX_ENTITIES";

  void fault(std::string path, std::string description, std::string_view code) {
    if (into_.faults.size() >= kMostFaults) return;
    CollectFault found;
    found.field_path = std::move(path);
    found.description = std::move(description);
    found.code = code;
    into_.faults.push_back(std::move(found));
  }

  /// A text of at most 256 characters.
  std::string id_text(JsonView root, const std::string& name, bool required) {
    const auto member = root.find(name);
    const auto text = member ? member->as_string() : std::nullopt;
    if (member && !text) {
      fault(name, "It is not a string.", kInvalid);
    } else if (required && (!text || text->empty())) {
      fault(name, "It is required.", kRequired);
    } else if (text && count_code_points(*text) > kMostIdLength) {
      fault(name, "It is longer than 256 characters.", kOutOfBounds);
    } else if (text) {
      return std::string(*text);
    }
    return std::string();
  }

  void read_time(JsonView object, const std::string& path, system_clock::time_point& time,
                 bool& timed) {
    const auto member = object.find("timestamp_micros");
    if (!member) return;
    const auto micros = member->as_int64();
    if (!micros) return fault(path, "It is not a whole number of microseconds.", kInvalid);
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch());
    const std::chrono::microseconds given(*micros);
    // Compared without sums of the client's number, which may be any.
    if (given > now + kAhead) return fault(path, "It lies in the future.", kOutOfBounds);
    if (given < now - kMaxEventAge) {
      return fault(path, "It is more than 72 hours ago.", kOutOfBounds);
    }
    time = system_clock::time_point(given);
    timed = true;
  }

  void read_behaviour(JsonView root) {
    const auto member = root.find("validation_behavior");
    if (!member) return;
    const auto text = member->as_string();
    if (text != "RELAXED" && text != "ENFORCE_RECOMMENDATIONS") {
      fault("validation_behavior", "It is neither RELAXED nor ENFORCE_RECOMMENDATIONS.", kInvalid);
    }
  }

  void read_consent(JsonView json, analytics::Consent& consent) {
    if (json.kind() != JsonKind::object) return fault("consent", "It is not an object.", kInvalid);
    json.each_member([&](std::string_view name, JsonView value) {
      const std::string where = "consent." + shown(name);
      const auto text = value.as_string();
      std::optional<bool> granted;
      if (text == "GRANTED" || text == "DENIED") granted = text == "GRANTED";
      if (name != "ad_user_data" && name != "ad_personalization") {
        fault(where, "Unknown field.", kInvalid);
      } else if (!granted) {
        fault(where, "It is neither GRANTED nor DENIED.", kInvalid);
      } else {
        (name == "ad_user_data" ? consent.ad_user_data : consent.ad_personalization) = granted;
      }
      return into_.faults.size() < kMostFaults;
    });
  }

  void read_user_properties(JsonView json, std::map<std::string, analytics::ParameterValue>& into) {
    constexpr std::string_view kPath = "user_properties";
    if (json.kind() != JsonKind::object) {
      return fault(std::string(kPath), "It is not an object.", kInvalid);
    }
    if (json.size() > analytics::kMaxUserProperties) {
      return fault(std::string(kPath), "At most 25 user properties are allowed.", kExceeded);
    }
    json.each_member([&](std::string_view name, JsonView property) {
      const std::string where = std::string(kPath) + "." + shown(name);
      const auto value = property.find("value");
      if (const auto bad = analytics::user_property_name_fault(name)) {
        name_fault(where, *bad);
      } else if (!value) {
        fault(where + ".value", "A value is required.", kRequired);
      } else if (property.size() > 1) {
        fault(where, "Only a value is passed on by this collector.", kInvalid);
      } else if (const auto text = value->as_string();
                 text && count_code_points(*text) > analytics::kMaxUserPropertyLength) {
        fault(where + ".value", "It is longer than 36 characters.", kOutOfBounds);
      } else if (auto taken = read_value(name, *value, where + ".value")) {
        into.emplace(std::string(name), std::move(*taken));
      }
      return into_.faults.size() < kMostFaults;
    });
  }

  void read_event(JsonView json, const std::string& path, CollectedEvent& collected) {
    if (json.kind() != JsonKind::object) return fault(path, "It is not an object.", kInvalid);
    json.each_member([&](std::string_view name, JsonView) {
      if (name != "name" && name != "params" && name != "timestamp_micros") {
        fault(path + "." + shown(name), "Unknown field.", kInvalid);
      }
      return into_.faults.size() < kMostFaults;
    });
    const auto name = json.find("name");
    const auto text = name ? name->as_string() : std::nullopt;
    if (!text) {
      fault(path + ".name", "A name is required.", name ? kInvalid : kRequired);
    } else if (const auto bad = analytics::event_name_fault(*text)) {
      name_fault(path + ".name", *bad);
    } else {
      collected.event.name = *text;
    }
    read_time(json, path + ".timestamp_micros", collected.event.time, collected.timed);
    if (const auto parameters = json.find("params")) {
      read_parameters(*parameters, path + ".params", collected);
    }
  }

  void name_fault(std::string path, const analytics::NameFault& bad) {
    fault(std::move(path), "Of its name: " + bad.rule + ".",
          bad.reserved ? "NAME_RESERVED" : "NAME_INVALID");
  }

  void read_parameters(JsonView json, const std::string& path, CollectedEvent& collected) {
    if (json.kind() != JsonKind::object) return fault(path, "It is not an object.", kInvalid);
    std::size_t count = 0;
    json.each_member([&](std::string_view name, JsonView value) {
      const std::string where = path + "." + shown(name);
      Event& event = collected.event;
      if (name == "items") {
        read_items(value, where, event.items);
      } else if (name == "session_id") {
        event.session_id = digits(value, where);
      } else if (name == "event_id") {
        read_event_id(value, where, collected);
      } else if (name == "tenant") {
        auto text = read_value(name, value, where);
        auto* tenant = text ? std::get_if<std::string>(&*text) : nullptr;
        if (tenant != nullptr) {
          event.tenant = std::move(*tenant);
        } else if (text) {
          fault(where, "It is not a string.", kInvalid);
        }
      } else if (++count <= analytics::kMaxParameters + 1) {
        read_parameter(name, value, where, event.parameters);
      }
      return into_.faults.size() < kMostFaults;
    });
    // 25 with those that are fields here. The time of engagement that a sink adds where there is
    // none is left to the next sink when there is no other room.
    auto& kept = collected.event.parameters;
    const auto engaged = kept.find("engagement_time_msec");
    if (count > analytics::kMaxParameters && engaged != kept.end() &&
        engaged->second == analytics::ParameterValue(std::int64_t{1})) {
      kept.erase(engaged);
      --count;
    }
    if (count > analytics::kMaxParameters) {
      fault(path,
            "At most 21 parameters are allowed beside session_id, event_id, tenant and items.",
            kExceeded);
    }
  }

  void read_parameter(std::string_view name, JsonView value, const std::string& where,
                      std::map<std::string, analytics::ParameterValue>& into) {
    if (const auto bad = analytics::parameter_name_fault(name)) return name_fault(where, *bad);
    auto taken = read_value(name, value, where);
    if (taken && name == analytics::kEngagementParameter) taken = as_number(std::move(*taken));
    if (taken && name == analytics::kEngagementParameter &&
        !analytics::is_engagement_time(*taken)) {
      fault(where, "It is not a whole number of milliseconds above zero.", kInvalid);
    } else if (taken) {
      into.emplace(std::string(name), std::move(*taken));
    }
  }

  /// Google's own examples send this number as text.
  static analytics::ParameterValue as_number(analytics::ParameterValue value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return value;
    std::int64_t number = 0;
    const char* end = text->data() + text->size();
    const auto [stopped, problem] = std::from_chars(text->data(), end, number);
    if (problem != std::errc() || stopped != end) return value;
    return number;
  }

  std::optional<analytics::ParameterValue> read_value(std::string_view name, JsonView value,
                                                      const std::string& where) {
    if (const auto text = value.as_string()) {
      const auto most = analytics::max_value_length(name);
      if (count_code_points(*text) <= most) return std::string(*text);
      fault(where, "It is longer than " + std::to_string(most) + " characters.", kOutOfBounds);
    } else if (const auto flag = value.as_bool()) {
      return *flag;
    } else if (value.kind() == JsonKind::integer) {
      if (const auto number = value.as_int64()) return *number;
      fault(where, "The number is out of range.", kOutOfBounds);
    } else if (const auto number = value.as_double()) {
      return *number;
    } else {
      fault(where, "It is neither a string nor a number nor a boolean.", kInvalid);
    }
    return std::nullopt;
  }

  /// A session's number, as text or as a number.
  std::string digits(JsonView value, const std::string& where) {
    std::string text;
    if (const auto given = value.as_string()) {
      text = *given;
    } else if (const auto number = value.as_uint64()) {
      text = std::to_string(*number);
    }
    if (text.empty() || text.size() > analytics::kMaxValueLength ||
        text.find_first_not_of("0123456789") != std::string::npos) {
      fault(where, "It is not 1 to 100 digits.", kInvalid);
      text.clear();
    }
    return text;
  }

  void read_event_id(JsonView value, const std::string& where, CollectedEvent& collected) {
    const auto text = value.as_string();
    const auto id = text ? Uuid::parse(*text) : Result<Uuid>(Error(Errc::invalid_argument, ""));
    if (!id || id->is_nil()) return fault(where, "It is not a UUID.", kInvalid);
    collected.event.id = *id;
    collected.identified = true;
  }

  void read_items(JsonView json, const std::string& path, std::vector<analytics::Item>& items) {
    if (json.kind() != JsonKind::array) return fault(path, "It is not an array.", kInvalid);
    if (json.size() > analytics::kMaxItems) {
      return fault(path, "At most 200 items are allowed.", kExceeded);
    }
    for (std::size_t i = 0; i < json.size() && into_.faults.size() < kMostFaults; ++i) {
      const std::string where = path + "[" + std::to_string(i) + "]";
      const auto item = json.at(i);
      if (item.kind() != JsonKind::object) {
        fault(where, "It is not an object.", kInvalid);
        continue;
      }
      analytics::Item read;
      std::size_t own = 0;
      item.each_member([&](std::string_view name, JsonView value) {
        if (!analytics::is_standard_item_parameter(name)) ++own;
        read_parameter(name, value, where + "." + shown(name), read);
        return into_.faults.size() < kMostFaults;
      });
      if (own > analytics::kMaxItemParameters) {
        fault(where, "At most 10 parameters of its own are allowed.", kExceeded);
      }
      items.push_back(std::move(read));
    }
  }

  const system_clock::time_point now_;
  Collection& into_;
  std::set<Uuid> ids_;
};

}  // namespace

Collection read_collection(std::string body, system_clock::time_point now) {
  Collection collection;
  auto text = JsonText::parse(std::move(body));
  if (!text) {
    CollectFault fault;
    fault.description =
        "Unable to parse the Measurement Protocol JSON payload: " + text.error().message() + ".";
    fault.code = "VALUE_INVALID";
    collection.faults.push_back(std::move(fault));
    return collection;
  }
  if (auto twice = duplicate_name(*text)) {
    CollectFault fault;
    fault.field_path = std::move(*twice);
    fault.description = "It stands twice.";
    fault.code = "NAME_DUPLICATED";
    collection.faults.push_back(std::move(fault));
    return collection;
  }
  const JsonDocument document(*text);
  CollectReader(now, collection).read(document.root());
  if (!collection.faults.empty()) collection.events.clear();
  return collection;
}

JsonText validation_messages_json(const std::vector<CollectFault>& faults) {
  JsonWriter out;
  out.begin_object().key("validationMessages").begin_array();
  for (const auto& fault : faults) {
    out.begin_object();
    if (!fault.field_path.empty()) out.member("fieldPath", fault.field_path);
    out.member("description", fault.description).member("validationCode", fault.code);
    out.end_object();
  }
  out.end_array().end_object();
  return out.finish();
}

}  // namespace rwp::pods
