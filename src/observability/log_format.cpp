#include "observability/log_format.hpp"

#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <variant>

namespace rwp::observability {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 4> kReserved = {"time", "level", "event", "cut"};
/// Time, level, the mark of a cut line, and their punctuation.
constexpr std::size_t kFrameBytes = 128;
/// Quotes, colon, comma, and the longest number.
constexpr std::size_t kMemberBytes = 40;

std::string_view name_of(LogLevel level) noexcept {
  return kLevelNames.at(static_cast<std::size_t>(level));
}

std::string format_time(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<milliseconds>(time - day));
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                                   int(date.year()), unsigned(date.month()), unsigned(date.day()),
                                   int(clock.hours().count()), int(clock.minutes().count()),
                                   int(clock.seconds().count()), int(clock.subseconds().count()));
  return std::string(text.data(), static_cast<std::size_t>(length));
}

std::size_t quoted_bytes(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  return quoted.size();
}

/// The longest beginning of `text` that takes at most `room` bytes once quoted; whole characters.
std::string_view shorten(std::string_view text, std::size_t room) {
  text = text.substr(0, room);
  for (std::size_t bytes = quoted_bytes(text); bytes > room; bytes = quoted_bytes(text)) {
    // A byte becomes six at most, so this many must go at least.
    const std::size_t excess = (bytes - room + 5) / 6;
    if (excess >= text.size()) return {};
    text.remove_suffix(excess);
  }
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) {
    text.remove_suffix(1);
  }
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0x80U) text.remove_suffix(1);
  return text;
}

/// What will stand in the line: names that are unique, strings that fit.
struct Line {
  std::string_view event{};
  std::vector<std::pair<std::string, LogField::Value>> fields{};
  bool cut = false;
};

std::string unique_name(const std::string& wanted, const Line& line) {
  std::string name = wanted;
  const auto taken = [&] {
    return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end() ||
           std::any_of(line.fields.begin(), line.fields.end(),
                       [&](const auto& field) { return field.first == name; });
  };
  while (taken()) name += '_';
  return name;
}

Line compose(std::string_view event, const std::vector<LogField>& fields) {
  Line line;
  std::size_t room = kMaxLineBytes - kFrameBytes;
  line.event = event;
  // Fields may be few and small even where the event is not.
  if (quoted_bytes(event) > room / 2) {
    line.event = shorten(event, room / 2);
    line.cut = true;
  }
  room -= quoted_bytes(line.event);
  for (const LogField& field : fields) {
    std::string name = unique_name(field.name(), line);
    const std::size_t fixed = quoted_bytes(name) + kMemberBytes;
    if (fixed > room) {
      line.cut = true;
      continue;
    }
    room -= fixed;
    LogField::Value value = field.value();
    if (auto* text = std::get_if<std::string>(&value)) {
      if (const std::size_t bytes = quoted_bytes(*text); bytes > room) {
        *text = std::string(shorten(*text, room));
        line.cut = true;
      }
      room -= std::min(room, quoted_bytes(*text));
    }
    line.fields.emplace_back(std::move(name), std::move(value));
  }
  return line;
}

std::string format_json(std::string_view time, LogLevel level, const Line& line) {
  JsonWriter out;
  out.begin_object().member("time", time).member("level", name_of(level));
  out.member("event", line.event);
  for (const auto& [name, value] : line.fields) {
    out.key(name);
    std::visit([&](const auto& thing) { out.value(thing); }, value);
  }
  if (line.cut) out.member("cut", true);
  out.end_object();
  return out.finish().release();
}

/// As it is where that can be read back, else quoted as in JSON.
void append_text(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
  });
  if (plain) {
    out += text;
  } else {
    append_json_string(out, text);
  }
}

/// The event reads as a sentence: no quotes, but control characters stay escaped.
void append_event(std::string& out, std::string_view event) {
  std::string quoted;
  append_json_string(quoted, event);
  out.append(quoted, 1, quoted.size() - 2);
}

std::string format_text(std::string_view time, LogLevel level, const Line& line) {
  std::string out(time);
  out += ' ';
  out += name_of(level);
  out.append(6 - name_of(level).size(), ' ');
  append_event(out, line.event);
  for (const auto& [name, value] : line.fields) {
    out += ' ';
    append_text(out, name);
    out += '=';
    if (const auto* text = std::get_if<std::string>(&value)) {
      append_text(out, *text);
    } else {
      JsonWriter number;
      std::visit([&](const auto& thing) { number.value(thing); }, value);
      out += number.finish().view();
    }
  }
  if (line.cut) out += " [cut]";
  return out;
}

}  // namespace

std::string format_log_line(LogFormat format, std::chrono::system_clock::time_point time,
                            LogLevel level, std::string_view event,
                            const std::vector<LogField>& fields) {
  const Line line = compose(event, fields);
  const std::string stamp = format_time(time);
  return format == LogFormat::json ? format_json(stamp, level, line)
                                   : format_text(stamp, level, line);
}

}  // namespace rwp::observability
