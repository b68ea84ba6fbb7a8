#include <rwp/jobadder/records.hpp>

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <system_error>

namespace rwp::jobadder {
namespace {

/// Reads exactly `digits` digits and moves on.
bool read_number(std::string_view& text, std::size_t digits, int& out) {
  if (text.size() < digits) return false;
  const auto read = std::from_chars(text.data(), text.data() + digits, out);
  if (read.ec != std::errc() || read.ptr != text.data() + digits || text.front() == '-') {
    return false;
  }
  text.remove_prefix(digits);
  return true;
}

bool skip(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

/// Of ".123"; digits beyond milliseconds count for nothing.
std::chrono::milliseconds read_fraction(std::string_view& text) {
  if (!skip(text, '.')) return std::chrono::milliseconds(0);
  int value = 0;
  int weight = 100;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    value += (text.front() - '0') * weight;
    weight /= 10;
    text.remove_prefix(1);
  }
  return std::chrono::milliseconds(value);
}

}  // namespace

std::optional<TimePoint> parse_time(std::string_view text) {
  using namespace std::chrono;
  int y = 0;
  int mo = 0;
  int d = 0;
  int h = 0;
  int mi = 0;
  int s = 0;
  const bool date = read_number(text, 4, y) && skip(text, '-') && read_number(text, 2, mo) &&
                    skip(text, '-') && read_number(text, 2, d);
  const year_month_day day{year(y), month(static_cast<unsigned>(mo)),
                           std::chrono::day(static_cast<unsigned>(d))};
  if (!date || !day.ok() || y < 1970 || y > 2200) return std::nullopt;
  TimePoint time = sys_days(day);
  if (text.empty()) return time;
  const bool clock = (skip(text, 'T') || skip(text, ' ')) && read_number(text, 2, h) &&
                     skip(text, ':') && read_number(text, 2, mi) && skip(text, ':') &&
                     read_number(text, 2, s);
  if (!clock || h > 23 || mi > 59 || s > 60) return std::nullopt;
  time += hours(h) + minutes(mi) + seconds(s) + read_fraction(text);
  if (text.empty() || text == "Z" || text == "z") return time;
  const bool west = text.front() == '-';
  if (!skip(text, '+') && !skip(text, '-')) return std::nullopt;
  const bool offset = read_number(text, 2, h) && skip(text, ':') && read_number(text, 2, mi);
  if (!offset || !text.empty() || h > 15 || mi > 59) return std::nullopt;
  const minutes east = hours(h) + minutes(mi);
  return west ? time + east : time - east;
}

std::string format_time(TimePoint time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(
          std::chrono::floor<std::chrono::seconds>(time)));
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

}  // namespace rwp::jobadder
