#include "recruitment/work_time.hpp"

#include "recruitment/plain_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace rwp::recruitment {
namespace {

constexpr int kEarliestYear = 1940;
constexpr int kLatestYear = 2100;
constexpr int kMidYear = 6;
constexpr int kShortestGap = 3;
/// A post without an end, followed by others: it is not taken to have lasted until today.
constexpr int kUnknownEnd = 1;

std::optional<int> number(std::string_view text, std::size_t from, std::size_t digits) {
  if (text.size() < from + digits) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(from, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// Half-open, in months from year 0.
struct Span {
  int begin = 0;
  int end = 0;
};

bool has_month(std::string_view date) { return date.size() > 4; }

int month_index(std::string_view date) {
  const int year = *number(date, 0, 4);
  return has_month(date) ? year * 12 + *number(date, 5, 2) - 1 : year * 12 + kMidYear;
}

std::optional<Span> span_of(const Position& position, int today) {
  if (position.start.empty()) return std::nullopt;
  Span span;
  span.begin = month_index(position.start);
  if (position.current) {
    span.end = today + 1;
  } else if (position.end.empty()) {
    span.end = span.begin + kUnknownEnd;
  } else {
    span.end = month_index(position.end) + (has_month(position.end) ? 1 : 0);
    // "2015 - 2015", or "03/2015 - 2015": some part of that year.
    const bool within_year = position.start.substr(0, 4) == position.end.substr(0, 4);
    if (span.end <= span.begin && within_year) span.end = span.begin + kMidYear;
  }
  span.end = std::min(span.end, today + 1);
  if (span.end <= span.begin) return std::nullopt;
  return span;
}

std::string month_text(int index) {
  const int month = index % 12 + 1;
  return std::to_string(index / 12) + (month < 10 ? "-0" : "-") + std::to_string(month);
}

}  // namespace

std::string settle_month(std::string_view text) {
  text = trim(text);
  const auto year = number(text, 0, 4);
  if (!year || *year < kEarliestYear || *year > kLatestYear) return {};
  if (text.size() == 4) return std::string(text);
  const auto month = number(text, 5, 2);
  const bool day = text.size() == 10 && text[7] == '-' && number(text, 8, 2);
  if (text[4] != '-' || !month || *month < 1 || *month > 12 || (text.size() != 7 && !day))
    return {};
  return std::string(text.substr(0, 7));
}

std::optional<int> month_of_day(std::string_view day) {
  if (day.size() != 10 || settle_month(day).size() != 7) return std::nullopt;
  const auto number_of_day = number(day, 8, 2);
  if (*number_of_day < 1 || *number_of_day > 31) return std::nullopt;
  return month_index(day.substr(0, 7));
}

WorkTime work_time(const std::vector<Position>& positions, int today) {
  std::vector<Span> spans;
  for (const auto& position : positions) {
    if (auto span = span_of(position, today)) spans.push_back(*span);
  }
  WorkTime time;
  if (spans.empty()) return time;
  std::sort(spans.begin(), spans.end(),
            [](const Span& left, const Span& right) { return left.begin < right.begin; });
  int months = 0;
  Span run = spans.front();
  for (const auto& span : spans) {
    if (span.begin <= run.end) {
      run.end = std::max(run.end, span.end);
      continue;
    }
    months += run.end - run.begin;
    const int missing = span.begin - run.end;
    if (missing >= kShortestGap) {
      time.gaps.push_back({month_text(run.end), month_text(span.begin - 1), missing});
    }
    run = span;
  }
  months += run.end - run.begin;
  constexpr double kTenths = 10.0;
  time.years = std::round(months / 12.0 * kTenths) / kTenths;
  return time;
}

}  // namespace rwp::recruitment
