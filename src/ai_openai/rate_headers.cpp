#include "ai_openai/rate_headers.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

namespace rwp::ai_openai {
namespace {

using std::chrono::milliseconds;

std::optional<std::int64_t> read_count(const net::HttpHeaders& headers, const std::string& name) {
  const auto text = headers.find(name);
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), value);
  // Azure says -1 for what it does not tell.
  if (problem != std::errc() || end != text->data() + text->size() || value < 0) {
    return std::nullopt;
  }
  return value;
}

ai::RateReport::Window read_window(const net::HttpHeaders& headers, const std::string& of) {
  ai::RateReport::Window window;
  window.limit = read_count(headers, "x-ratelimit-limit-" + of);
  window.remaining = read_count(headers, "x-ratelimit-remaining-" + of);
  if (const auto reset = headers.find("x-ratelimit-reset-" + of)) window.reset = read_reset(*reset);
  return window;
}

}  // namespace

std::optional<milliseconds> read_reset(std::string_view text) {
  constexpr double kMost = 86'400e3;
  double sum = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || !(number >= 0)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    double unit = 1'000;
    std::size_t letters = 1;
    if (text.starts_with("ms")) {
      unit = 1;
      letters = 2;
    } else if (text.starts_with('h')) {
      unit = 3'600'000;
    } else if (text.starts_with('m')) {
      unit = 60'000;
    } else if (text.empty()) {
      letters = 0;
    } else if (!text.starts_with('s')) {
      return std::nullopt;
    }
    text.remove_prefix(letters);
    sum += number * unit;
  }
  if (sum > kMost) return std::nullopt;
  return milliseconds(std::llround(std::ceil(sum)));
}

ai::RateReport read_rate_headers(const net::HttpHeaders& headers) {
  ai::RateReport report;
  report.requests = read_window(headers, "requests");
  report.tokens = read_window(headers, "tokens");
  return report;
}

}  // namespace rwp::ai_openai
