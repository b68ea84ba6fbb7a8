#pragma once

#include <rwp/core/async.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace rwp::ai {

/// How much slower than its limit an upstream wants to be called, after it has said that traffic
/// grew too fast: half as fast each time it says so (an eighth at the least), and back by half as
/// much again every five minutes.
///
/// A value; owns no clock.
class SlowedPace {
 public:
  /// What a token counts: 1 unless it has been slowed.
  double factor(SteadyTime now) const {
    if (slowed_ <= 1) return 1;
    const std::chrono::duration<double, std::ratio<300>> passed = now - at_;
    return std::max(slowed_ / std::pow(1.5, passed.count()), 1.0);
  }
  void slow_down(SteadyTime now) {
    // Calls that were under way together are told the same.
    if (slowed_ > 1 && now - at_ < std::chrono::seconds(10)) return;
    slowed_ = std::min(factor(now) * 2, 8.0);
    at_ = now;
  }

  static std::int64_t times(std::int64_t tokens, double factor) {
    return factor <= 1 ? tokens : std::llround(static_cast<double>(tokens) * factor);
  }

 private:
  double slowed_ = 1;
  SteadyTime at_{};
};

}  // namespace rwp::ai
