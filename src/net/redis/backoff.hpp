#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

namespace rwp::net_redis {

/// How long to wait before the next attempt to connect: evenly between nothing and a bound that
/// doubles with each failure in a row.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest)
      : first_(first), longest_(longest) {}

  /// An attempt failed, or a connection ended that had lived for `lived`: one that lived long was
  /// none of the failures.
  std::chrono::milliseconds after(std::chrono::nanoseconds lived) {
    if (lived >= longest_) failures_ = 0;
    const unsigned doublings = std::min(failures_++, 20U);
    const auto bound = std::min(longest_, first_ * (1U << doublings));
    const double part = std::uniform_real_distribution<double>(0, 1)(random_);
    return std::chrono::milliseconds(
        std::llround(static_cast<double>(std::max(bound, first_).count()) * part));
  }

 private:
  const std::chrono::milliseconds first_;
  const std::chrono::milliseconds longest_;
  unsigned failures_ = 0;
  std::minstd_rand random_{std::random_device()()};
};

}  // namespace rwp::net_redis
