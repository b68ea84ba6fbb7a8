#include "observability/log_format.hpp"

#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
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

void append_digits(std::string& out, unsigned number, unsigned width) {
  const std::size_t end = out.size() + width;
  out.append(width, '0');
  for (std::size_t at = end; width > 0; --width, number /= 10) {
    out[--at] = static_cast<char>('0' + number % 10);
  }
}

/// RFC 3339, to the millisecond.
void append_time(std::string& out, std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<milliseconds>(time - day));
  append_digits(out, static_cast<unsigned>(int(date.year())), 4);
  out += '-';
  append_digits(out, unsigned(date.month()), 2);
  out += '-';
  append_digits(out, unsigned(date.day()), 2);
  out += 'T';
  append_digits(out, static_cast<unsigned>(clock.hours().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned>(clock.minutes().count()), 2);
  out += ':';
  append_digits(out, static_cast<unsigned>(clock.seconds().count()), 2);
  out += '.';
  append_digits(out, static_cast<unsigned>(clock.subseconds().count()), 3);
  out += 'Z';
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
  std::vector<LogField> fields{};
  bool cut = false;
};

bool is_taken(const std::string& name, const std::vector<LogField>& fields, std::size_t count) {
  const auto end = fields.begin() + static_cast<std::ptrdiff_t>(count);
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end() ||
         std::any_of(fields.begin(), end,
                     [&](const LogField& field) { return field.name() == name; });
}

LogField renamed(const std::string& name, const LogField::Value& value) {
  return std::visit([&name](const auto& thing) { return LogField(name, thing); }, value);
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
    std::string name = field.name();
    while (is_taken(name, line.fields, line.fields.size())) name += '_';
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
    line.fields.push_back(renamed(name, value));
  }
  return line;
}

/// Whether nothing has to be renamed and nothing can have to be cut: so it is with nearly all.
bool is_fit(std::string_view event, const std::vector<LogField>& fields) {
  std::size_t characters = event.size();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (is_taken(fields[i].name(), fields, i)) return false;
    const auto* text = std::get_if<std::string>(&fields[i].value());
    characters += fields[i].name().size() + (text == nullptr ? 0 : text->size());
  }
  // A byte becomes six at most.
  return 6 * characters + fields.size() * kMemberBytes + kFrameBytes <= kMaxLineBytes;
}

void append_value(std::string& out, std::int64_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}
void append_value(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}
void append_value(std::string& out, bool flag) { out += flag ? "true" : "false"; }
void append_value(std::string& out, const std::string& text) { append_json_string(out, text); }

void append_value(std::string& out, const LogField::Value& value) {
  std::visit([&out](const auto& thing) { append_value(out, thing); }, value);
}

void append_json(std::string& out, std::chrono::system_clock::time_point time, LogLevel level,
                 std::string_view event, const std::vector<LogField>& fields) {
  out += R"({"time":")";
  append_time(out, time);
  out += R"(","level":")";
  out += name_of(level);
  out += R"(","event":)";
  append_json_string(out, event);
  for (const LogField& field : fields) {
    out += ',';
    append_json_string(out, field.name());
    out += ':';
    append_value(out, field.value());
  }
}

/// Characters that can be read back without quotes.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = '!'; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\' && c != '=';
  return plain;
}();

/// As it is where that can be read back, else quoted as in JSON.
void append_text(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kPlain[static_cast<unsigned char>(c)];
  });
  if (plain) {
    out += text;
  } else {
    append_json_string(out, text);
  }
}

/// The event reads as a sentence: no quotes, but control characters stay escaped.
void append_event(std::string& out, std::string_view event) {
  const std::size_t begin = out.size();
  append_json_string(out, event);
  out.pop_back();
  out.erase(begin, 1);
}

void append_plain(std::string& out, std::chrono::system_clock::time_point time, LogLevel level,
                  std::string_view event, const std::vector<LogField>& fields) {
  append_time(out, time);
  out += ' ';
  out += name_of(level);
  out.append(6 - name_of(level).size(), ' ');
  append_event(out, event);
  for (const LogField& field : fields) {
    out += ' ';
    append_text(out, field.name());
    out += '=';
    if (const auto* text = std::get_if<std::string>(&field.value())) {
      append_text(out, *text);
    } else {
      append_value(out, field.value());
    }
  }
}

void append_line(std::string& out, LogFormat format, std::chrono::system_clock::time_point time,
                 LogLevel level, std::string_view event, const std::vector<LogField>& fields,
                 bool cut) {
  if (format == LogFormat::json) {
    append_json(out, time, level, event, fields);
    if (cut) out += R"(,"cut":true)";
    out += '}';
  } else {
    append_plain(out, time, level, event, fields);
    if (cut) out += " [cut]";
  }
  out += '\n';
}

}  // namespace

void append_log_line(std::string& out, LogFormat format, std::chrono::system_clock::time_point time,
                     LogLevel level, std::string_view event, const std::vector<LogField>& fields) {
  if (is_fit(event, fields)) {
    append_line(out, format, time, level, event, fields, false);
    return;
  }
  const Line line = compose(event, fields);
  append_line(out, format, time, level, line.event, line.fields, line.cut);
}

}  // namespace rwp::observability
