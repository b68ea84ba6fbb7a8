#include "pods/time_text.hpp"

#include <array>
#include <cstdio>

namespace rwp::pods {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

Error broken() { return {Errc::invalid_argument, "must be a time such as 2026-01-31T12:00:00Z"}; }

/// Takes text from the front, piece by piece; once something is wrong, nothing is right.
class Taker {
 public:
  explicit Taker(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int number = 0;
    if (rest_.size() < count) good_ = false;
    for (std::size_t i = 0; good_ && i < count; ++i) {
      good_ = rest_[i] >= '0' && rest_[i] <= '9';
      number = number * 10 + (rest_[i] - '0');
    }
    if (good_) rest_.remove_prefix(count);
    return good_ ? number : 0;
  }
  bool take(char upper, char lower) {
    if (rest_.empty() || (rest_.front() != upper && rest_.front() != lower)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void need(char upper, char lower) { good_ = take(upper, lower) && good_; }
  void need(char c) { need(c, c); }
  nanoseconds fraction() {
    nanoseconds unit = seconds(1);
    nanoseconds sum{0};
    std::size_t count = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      unit /= 10;
      sum += unit * (rest_.front() - '0');
      rest_.remove_prefix(1);
      ++count;
    }
    if (count == 0 || count > 9) good_ = false;
    return sum;
  }
  bool whole() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::string to_rfc3339(system_clock::time_point time) {
  const auto since = std::chrono::floor<milliseconds>(time);
  const auto day = std::chrono::floor<days>(since);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(since - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

Result<system_clock::time_point> parse_rfc3339(std::string_view text) {
  Taker in(text);
  const int year = in.digits(4);
  in.need('-');
  const int month = in.digits(2);
  in.need('-');
  const int day = in.digits(2);
  in.need('T', 't');
  const int hour = in.digits(2);
  in.need(':');
  const int minute = in.digits(2);
  in.need(':');
  const int second = in.digits(2);
  nanoseconds fraction{0};
  if (in.take('.', '.')) fraction = in.fraction();
  seconds offset{0};
  const bool east = in.take('+', '+');
  if (east || in.take('-', '-')) {
    const int offset_hours = in.digits(2);
    in.need(':');
    const int offset_minutes = in.digits(2);
    if (offset_hours > 23 || offset_minutes > 59) return broken();
    offset = hours(offset_hours) + minutes(offset_minutes);
    if (!east) offset = -offset;
  } else {
    in.need('Z', 'z');
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // A leap second is the next minute's first; no clock here counts it.
  if (!in.whole() || !date.ok() || year < 1970 || hour > 23 || minute > 59 || second > 60) {
    return broken();
  }
  // Beyond 2262 nanoseconds would not hold it; nothing is that far ahead.
  if (year > 2200) return broken();
  return std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second) +
         std::chrono::duration_cast<system_clock::duration>(fraction) - offset;
}

}  // namespace rwp::pods
