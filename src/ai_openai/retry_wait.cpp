#include "ai_openai/retry_wait.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace rwp::ai_openai {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstWait{500};
constexpr milliseconds kLongestWait{8'000};
constexpr milliseconds kLongestTold{120'000};
constexpr double kSpread = 0.1;
/// What is kept of a longer wait, for the message.
constexpr double kMostSeconds = 30.0 * 86'400;

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, problem] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (problem != std::errc() || end != text.data() + text.size() || !(value >= 0)) {
    return std::nullopt;
  }
  return value;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  const char* begin = text.data() + at;
  const auto [end, problem] = std::from_chars(begin, begin + count, value);
  if (problem != std::errc() || end != begin + count || value < 0) return std::nullopt;
  return value;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT"; the two older forms are not understood.
std::optional<std::chrono::system_clock::time_point> http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || !text.ends_with(" GMT") || text.substr(3, 2) != ", ") {
    return std::nullopt;
  }
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  const auto day = digits(text, 5, 2);
  const auto year = digits(text, 12, 4);
  const auto hour = digits(text, 17, 2);
  const auto minute = digits(text, 20, 2);
  const auto second = digits(text, 23, 2);
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const auto number_of_month = static_cast<unsigned>(month - kMonths.begin()) + 1;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(number_of_month),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

milliseconds to_milliseconds(double seconds) {
  return milliseconds(static_cast<std::int64_t>(std::min(seconds, kMostSeconds) * 1'000));
}

}  // namespace

std::optional<milliseconds> told_wait(const net::HttpHeaders& headers,
                                      std::chrono::system_clock::time_point now) {
  if (const auto told = headers.find("retry-after-ms")) {
    if (const auto value = number(*told)) return to_milliseconds(*value / 1'000);
  }
  const auto told = headers.find("retry-after");
  if (!told) return std::nullopt;
  if (const auto seconds = number(*told)) return to_milliseconds(*seconds);
  const auto date = http_date(*told);
  if (!date || *date <= now) return std::nullopt;
  return to_milliseconds(std::chrono::duration<double>(*date - now).count());
}

std::optional<milliseconds> next_wait(const Error& error, int retries, double random) {
  if (const auto told = error.retry_after()) {
    if (*told > kLongestTold) return std::nullopt;
    const double more = static_cast<double>(told->count()) * kSpread * random;
    return *told + milliseconds(static_cast<std::int64_t>(more));
  }
  const auto most = std::min(kFirstWait * (1 << std::clamp(retries, 0, 10)), kLongestWait);
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(most.count()) * random));
}

}  // namespace rwp::ai_openai
