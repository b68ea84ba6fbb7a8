#include <rwp/net/retry.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>

namespace rwp::net {
namespace {

using std::chrono::milliseconds;

// What a clock that counts nanoseconds can tell; 9999 is said for never.
constexpr int kFirstYear = 1900;
constexpr int kLastYear = 2200;

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_http_date(const std::string& text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  std::array<char, 4> month{};
  unsigned day = 0;
  int year = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  int length = 0;
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  const int found = std::sscanf(  // NOLINT(cert-err34-c): bounded fields, checked below.
      text.c_str(), "%*3[A-Za-z], %2u %3s %4d %2u:%2u:%2u GMT%n", &day, month.data(), &year, &hour,
      &minute, &second, &length);
  const std::size_t at = kMonths.find(month.data());
  if (found != 6 || static_cast<std::size_t>(length) != text.size() ||
      at == std::string_view::npos || at % 3 != 0 || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(at / 3 + 1)),
                            std::chrono::day(day)};
  if (!date.ok() || year < kFirstYear) return std::nullopt;
  if (year > kLastYear) return sys_days(std::chrono::year(kLastYear) / 12 / 31);
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

std::optional<milliseconds> next_wait(const RetryOptions& options, unsigned attempts,
                                      std::optional<milliseconds> told, double random) {
  if (attempts >= std::clamp(options.max_attempts, 1U, 20U)) return std::nullopt;
  const auto part = [random](milliseconds whole) {
    return milliseconds(std::llround(static_cast<double>(whole.count()) * random));
  };
  if (told) {
    if (*told > options.longest_told_wait) return std::nullopt;
    return *told + part(*told / 10);
  }
  const unsigned doublings = attempts == 0 ? 0 : attempts - 1;
  const milliseconds bound = std::min(options.longest_wait, options.first_wait * (1U << doublings));
  return part(bound);
}

std::optional<milliseconds> retry_after(const HttpHeaders& headers,
                                        std::chrono::system_clock::time_point now) {
  const auto value = headers.find("retry-after");
  if (!value) return std::nullopt;
  std::uint32_t seconds = 0;
  const char* end = value->data() + value->size();
  const auto [stopped, problem] = std::from_chars(value->data(), end, seconds);
  if (stopped == end && problem == std::errc()) return std::chrono::seconds(seconds);
  // More than fits is no less of a wait.
  if (stopped == end && problem == std::errc::result_out_of_range) {
    return std::chrono::seconds(std::numeric_limits<std::uint32_t>::max());
  }
  const auto date = parse_http_date(std::string(*value));
  if (!date) return std::nullopt;
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*date - now));
}

bool is_repeatable(const HttpRequest& request) {
  constexpr std::array<std::string_view, 6> kIdempotent = {"GET", "HEAD",   "OPTIONS",
                                                           "PUT", "DELETE", "TRACE"};
  if (request.body_source) return false;
  return request.headers.contains("idempotency-key") ||
         std::find(kIdempotent.begin(), kIdempotent.end(), request.method) != kIdempotent.end();
}

}  // namespace rwp::net
