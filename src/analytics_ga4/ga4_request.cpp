#include "analytics_ga4/ga4_request.hpp"

#include "analytics_ga4/ga4_mapping.hpp"
#include <rwp/core/json_writer.hpp>

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <variant>

namespace rwp::analytics {
namespace {

using std::chrono::system_clock;

constexpr std::size_t kMaxEvents = 25;
/// Google takes less than 130 kB.
constexpr std::size_t kMaxBodyBytes = 120'000;
/// Google takes 72 hours; the rest is for the way there.
constexpr std::chrono::minutes kMaxAge = std::chrono::hours(72) - std::chrono::minutes(10);

/// With a fraction also where it is whole, so that it is read as what it was.
JsonText real_text(double value) {
  JsonWriter json;
  std::string text = json.value(value).finish().release();
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return JsonText::trusted(std::move(text));
}

void write_value(JsonWriter& json, const ParameterValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    json.value(*flag ? "true" : "false");
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    json.value(std::string_view(*text));
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    json.value(*number);
  } else {
    json.value(real_text(std::get<double>(value)));
  }
}

std::string event_body(const Event& event, system_clock::time_point now) {
  JsonWriter json;
  json.begin_object().member("name", std::string_view(event.name));
  if (event.time <= now) {
    const auto since_1970 =
        std::chrono::floor<std::chrono::microseconds>(event.time.time_since_epoch());
    json.member("timestamp_micros", static_cast<std::int64_t>(since_1970.count()));
  }
  json.key("params").begin_object();
  for (const auto& [name, value] : event.parameters) {
    json.key(name);
    write_value(json, value);
  }
  json.member("event_id", std::string_view(event.id.to_string()));
  if (!event.session_id.empty()) {
    json.member("session_id", std::string_view(event.session_id));
    const bool has_room = event.parameters.size() < kMaxParameters &&
                          !event.parameters.contains(std::string(kEngagementParameter));
    if (has_room) json.member(kEngagementParameter, std::int64_t{1});
  }
  if (!event.tenant.empty()) json.member("tenant", std::string_view(event.tenant));
  if (!event.items.empty()) {
    json.key("items").begin_array();
    for (const Item& item : event.items) {
      json.begin_object();
      for (const auto& [name, value] : item) {
        json.key(name);
        write_value(json, value);
      }
      json.end_object();
    }
    json.end_array();
  }
  json.end_object().end_object();
  return json.finish().release();
}

/// What comes before the events of a request.
std::string head_of(const Event& event, bool enforce) {
  JsonWriter json;
  json.begin_object().member("client_id", std::string_view(event.client_id));
  if (!event.user_id.empty()) json.member("user_id", std::string_view(event.user_id));
  if (!event.user_properties.empty()) {
    json.key("user_properties").begin_object();
    for (const auto& [name, value] : event.user_properties) {
      json.key(name).begin_object().key("value");
      write_value(json, value);
      json.end_object();
    }
    json.end_object();
  }
  if (!event.consent.is_unset()) {
    const auto choice = [&json](std::string_view name, std::optional<bool> granted) {
      if (granted) json.member(name, *granted ? "GRANTED" : "DENIED");
    };
    json.key("consent").begin_object();
    choice("ad_user_data", event.consent.ad_user_data);
    choice("ad_personalization", event.consent.ad_personalization);
    json.end_object();
  }
  if (enforce) json.member("validation_behavior", "ENFORCE_RECOMMENDATIONS");
  json.end_object();
  std::string head = json.finish().release();
  head.pop_back();
  return head + ",\"events\":[";
}

/// Gathers the events of one client, in their order.
class Group {
 public:
  /// False: it fits no request.
  bool add(std::string head, const std::string& event) {
    if (head.size() + event.size() + kTail.size() > kMaxBodyBytes) return false;
    if (head != head_) {
      if (open_.events > 0) close();
      head_ = std::move(head);
    }
    const std::size_t with_it = open_.body.size() + event.size() + 1 + kTail.size();
    if (open_.events == kMaxEvents || (open_.events > 0 && with_it > kMaxBodyBytes)) close();
    open_.body += open_.events == 0 ? head_ : ",";
    open_.body += event;
    ++open_.events;
    return true;
  }

  std::vector<Ga4Request> finish() {
    close();
    return std::move(closed_);
  }

 private:
  static constexpr std::string_view kTail = "]}";

  void close() {
    open_.body += kTail;
    closed_.push_back(std::exchange(open_, Ga4Request()));
  }

  std::string head_;
  Ga4Request open_;
  std::vector<Ga4Request> closed_;
};

}  // namespace

Result<Ga4Plan> plan_ga4_requests(const std::vector<Event>& events, Ga4PlanOptions options) {
  Ga4Plan plan;
  // Not of a client and a user: somebody who signs in goes on where he was.
  std::map<std::string_view, std::size_t> places;
  std::vector<Group> groups;
  for (const Event& event : events) {
    if (event.time < options.now - kMaxAge) {
      ++plan.too_old;
      continue;
    }
    const auto [place, is_new] = places.try_emplace(event.client_id, groups.size());
    if (is_new) groups.emplace_back();
    std::string body = options.google_names ? event_body(to_google_names(event), options.now)
                                            : event_body(event, options.now);
    if (!groups[place->second].add(head_of(event, options.enforce), body)) {
      return Error(Errc::invalid_argument,
                   "event \"" + event.name + "\": has more than 120 kB as a request");
    }
  }
  for (Group& group : groups) plan.groups.push_back(group.finish());
  return plan;
}

}  // namespace rwp::analytics
