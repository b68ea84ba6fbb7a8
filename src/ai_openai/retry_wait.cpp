#include "ai_openai/retry_wait.hpp"

#include <rwp/net/retry.hpp>

#include <charconv>

namespace rwp::ai_openai {

using std::chrono::milliseconds;

std::optional<milliseconds> told_wait(const net::HttpHeaders& headers,
                                      std::chrono::system_clock::time_point now) {
  constexpr std::int64_t kMost = 30LL * 86'400'000;
  if (const auto told = headers.find("retry-after-ms")) {
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(told->data(), told->data() + told->size(), value);
    const bool whole = problem == std::errc() && end == told->data() + told->size();
    if (whole && value >= 0 && value <= kMost) return milliseconds(value);
  }
  return net::retry_after(headers, now);
}

std::optional<milliseconds> wait_after(const Error& error, unsigned attempts, double random) {
  net::RetryOptions options;
  options.max_attempts = attempts + 1;  // Counted by the caller.
  options.first_wait = milliseconds(500);
  options.longest_wait = milliseconds(8'000);
  options.longest_told_wait = milliseconds(120'000);
  return net::next_wait(options, attempts, error.retry_after(), random);
}

}  // namespace rwp::ai_openai
