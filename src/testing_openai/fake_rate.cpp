#include "testing_openai/fake_rate.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace rwp::testing {

using std::chrono::milliseconds;

void FakeRate::refill(Bucket& bucket, std::int64_t limit, double minutes) const {
  const auto most = static_cast<double>(limit);
  bucket.left = bucket.begun ? std::min(most, bucket.left + minutes * most) : most;
  bucket.begun = true;
}

std::optional<milliseconds> FakeRate::take(std::int64_t tokens, Time now) {
  const double minutes = std::chrono::duration<double>(now - refilled_at_) /
                         std::chrono::duration<double>(options_.minute);
  refilled_at_ = now;
  double wait_minutes = 0;
  const auto charge = [&](Bucket& bucket, std::int64_t limit, double amount) {
    if (limit <= 0) return;
    refill(bucket, limit, minutes);
    const auto most = static_cast<double>(limit);
    bucket.left = std::max(bucket.left - amount, -most);
    wait_minutes = std::max(wait_minutes, -bucket.left / most);
  };
  charge(requests_, options_.requests_per_minute, 1);
  charge(tokens_, options_.tokens_per_minute, static_cast<double>(tokens));
  if (wait_minutes <= 0) return std::nullopt;
  const double wait = wait_minutes * static_cast<double>(options_.minute.count());
  return milliseconds(std::max<std::int64_t>(1, std::llround(std::ceil(wait))));
}

void FakeRate::tell_one(net::HttpHeaders& headers, const char* what, const Bucket& bucket,
                        std::int64_t limit) const {
  if (limit <= 0) return;
  const auto most = static_cast<double>(limit);
  const std::string name(what);
  headers.set("x-ratelimit-limit-" + name, std::to_string(limit));
  headers.set("x-ratelimit-remaining-" + name,
              std::to_string(std::max<std::int64_t>(0, std::llround(std::floor(bucket.left)))));
  const double full_in = (most - bucket.left) / most * static_cast<double>(options_.minute.count());
  headers.set("x-ratelimit-reset-" + name, std::to_string(std::llround(full_in)) + "ms");
}

void FakeRate::tell(net::HttpHeaders& headers) const {
  tell_one(headers, "requests", requests_, options_.requests_per_minute);
  tell_one(headers, "tokens", tokens_, options_.tokens_per_minute);
}

}  // namespace rwp::testing
