#include <rwp/analytics/event.hpp>
#include <rwp/core/json_writer.hpp>

#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::analytics {
namespace {

using std::chrono::system_clock;

std::string time_text(system_clock::time_point time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<microseconds>(time - day));
  std::array<char, 64> buffer{};
  const int length = std::snprintf(
      buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
      static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
      static_cast<int>(clock.subseconds().count()));
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

/// Digits only, all of them.
std::optional<int> number(std::string_view digits) {
  int value = 0;
  const char* end = digits.data() + digits.size();
  if (digits.empty() || digits.front() == '-') return std::nullopt;
  const auto [stopped, problem] = std::from_chars(digits.data(), end, value);
  if (problem != std::errc() || stopped != end) return std::nullopt;
  return value;
}

/// "2026-01-31T09:30:00Z", with 1 to 9 decimals or none.
std::optional<system_clock::time_point> parse_time(std::string_view text) {
  using namespace std::chrono;
  if (text.size() < 20 || text.back() != 'Z') return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const auto year_number = number(text.substr(0, 4));
  const auto month_number = number(text.substr(5, 2));
  const auto day_number = number(text.substr(8, 2));
  const auto hour = number(text.substr(11, 2));
  const auto minute = number(text.substr(14, 2));
  const auto second = number(text.substr(17, 2));
  if (!year_number || !month_number || !day_number || !hour || !minute || !second) {
    return std::nullopt;
  }
  const year_month_day date(year(*year_number), month(static_cast<unsigned>(*month_number)),
                            day(static_cast<unsigned>(*day_number)));
  // Nanoseconds in 64 bits reach from 1678 to 2261.
  if (!date.ok() || *year_number < 1678 || *year_number > 2261) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 59) return std::nullopt;

  nanoseconds fraction{0};
  const std::string_view rest = text.substr(19, text.size() - 20);
  if (!rest.empty()) {
    if (rest.front() != '.' || rest.size() > 10) return std::nullopt;
    std::string decimals(rest.substr(1));
    if (decimals.empty()) return std::nullopt;
    decimals.resize(9, '0');
    const auto value = number(decimals);
    if (!value) return std::nullopt;
    fraction = nanoseconds(*value);
  }
  return system_clock::time_point(sys_days(date)) + hours(*hour) + minutes(*minute) +
         seconds(*second) + fraction;
}

/// Keeps a fraction, even ".0", so that a number read back is the kind of number that it was.
JsonText real_text(double value) {
  JsonWriter out;
  std::string text = out.value(value).finish().release();
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return JsonText::trusted(std::move(text));
}

void write_value(JsonWriter& out, const ParameterValue& value) {
  if (const auto* real = std::get_if<double>(&value)) {
    out.value(real_text(*real));
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    out.value(*integer);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out.value(*flag);
  } else {
    out.value(std::get<std::string>(value));
  }
}

void write_values(JsonWriter& out, const std::map<std::string, ParameterValue>& values) {
  out.begin_object();
  for (const auto& [name, value] : values) {
    out.key(name);
    write_value(out, value);
  }
  out.end_object();
}

Error wrong(std::string_view member, std::string_view rule) {
  return Error(Errc::invalid_argument,
               "event member " + std::string(member) + ": " + std::string(rule));
}

std::optional<ParameterValue> read_value(JsonView json) {
  switch (json.kind()) {
    case JsonKind::string:
      return std::string(*json.as_string());
    case JsonKind::boolean:
      return *json.as_bool();
    case JsonKind::integer:
      if (const auto value = json.as_int64()) return *value;
      return std::nullopt;
    case JsonKind::real:
      return *json.as_double();
    default:
      return std::nullopt;
  }
}

/// Reads a text member; one that is absent leaves `out` empty.
Result<void> read_text(JsonView json, std::string_view name, std::string& out) {
  const auto member = json.find(name);
  if (!member) return {};
  const auto text = member->as_string();
  if (!text) return wrong(name, "is not a string");
  out = *text;
  return {};
}

/// Reads a truth value; one that is absent leaves `out` unset.
Result<void> read_flag(JsonView json, std::string_view name, std::optional<bool>& out) {
  const auto member = json.find(name);
  if (!member) return {};
  out = member->as_bool();
  if (!out) return wrong(name, "is neither true nor false");
  return {};
}

Result<void> read_values(JsonView json, std::string_view name,
                         std::map<std::string, ParameterValue>& out) {
  if (json.kind() != JsonKind::object) return wrong(name, "is not an object");
  Result<void> read;
  json.each_member([&](std::string_view key, JsonView member) {
    auto value = read_value(member);
    if (value) {
      out.insert_or_assign(std::string(key), std::move(*value));
    } else {
      read = wrong(name, "a value is neither string, boolean nor number in range");
    }
    return value.has_value();
  });
  return read;
}

}  // namespace

JsonText to_json(const Event& event) {
  JsonWriter out;
  out.begin_object();
  out.member("id", event.id.to_string());
  out.member("name", event.name);
  out.member("time", time_text(event.time));
  const auto unless_empty = [&out](std::string_view name, const std::string& text) {
    if (!text.empty()) out.member(name, text);
  };
  unless_empty("client_id", event.client_id);
  unless_empty("user_id", event.user_id);
  unless_empty("session_id", event.session_id);
  unless_empty("tenant", event.tenant);
  if (!event.parameters.empty()) {
    out.key("parameters");
    write_values(out, event.parameters);
  }
  if (!event.items.empty()) {
    out.key("items").begin_array();
    for (const Item& item : event.items) write_values(out, item);
    out.end_array();
  }
  if (!event.user_properties.empty()) {
    out.key("user_properties");
    write_values(out, event.user_properties);
  }
  if (!event.consent.is_unset()) {
    out.key("consent").begin_object();
    if (event.consent.ad_user_data) out.member("ad_user_data", *event.consent.ad_user_data);
    if (event.consent.ad_personalization) {
      out.member("ad_personalization", *event.consent.ad_personalization);
    }
    out.end_object();
  }
  out.end_object();
  return out.finish();
}

Result<Event> event_from_json(JsonView json) {
  if (json.kind() != JsonKind::object) {
    return Error(Errc::invalid_argument, "an event is a JSON object");
  }
  Event event;
  std::string id;
  std::string time;
  const std::array<std::pair<std::string_view, std::string*>, 7> texts = {{
      {"id", &id},
      {"name", &event.name},
      {"time", &time},
      {"client_id", &event.client_id},
      {"user_id", &event.user_id},
      {"session_id", &event.session_id},
      {"tenant", &event.tenant},
  }};
  for (const auto& [name, out] : texts) {
    if (auto read = read_text(json, name, *out); !read) return read.error();
  }
  const auto parsed_id = Uuid::parse(id);
  if (!parsed_id) return wrong("id", "is not a UUID");
  event.id = *parsed_id;
  const auto parsed_time = parse_time(time);
  if (!parsed_time) return wrong("time", "is not of the form 2026-01-31T09:30:00.000000Z");
  event.time = *parsed_time;

  if (const auto parameters = json.find("parameters")) {
    if (auto read = read_values(*parameters, "parameters", event.parameters); !read) {
      return read.error();
    }
  }
  if (const auto items = json.find("items")) {
    if (items->kind() != JsonKind::array) return wrong("items", "is not an array");
    event.items.resize(items->size());
    for (std::size_t i = 0; i < items->size(); ++i) {
      if (auto read = read_values(items->at(i), "items", event.items[i]); !read) {
        return read.error();
      }
    }
  }
  if (const auto properties = json.find("user_properties")) {
    if (auto read = read_values(*properties, "user_properties", event.user_properties); !read) {
      return read.error();
    }
  }
  if (const auto consent = json.find("consent")) {
    if (consent->kind() != JsonKind::object) return wrong("consent", "is not an object");
    if (auto read = read_flag(*consent, "ad_user_data", event.consent.ad_user_data); !read) {
      return read.error();
    }
    auto read = read_flag(*consent, "ad_personalization", event.consent.ad_personalization);
    if (!read) return read.error();
  }
  return event;
}

Result<Event> event_from_json(const JsonText& json) {
  const JsonDocument document(json);
  return event_from_json(document.root());
}

}  // namespace rwp::analytics
