#pragma once

#include <rwp/core/clock.hpp>

#include <atomic>
#include <chrono>
#include <string>

namespace rwp::tests {

/// A clock that stands until it is told to go on. Threads: safe to share.
class ManualClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now() const override {
    return std::chrono::system_clock::time_point(std::chrono::milliseconds(wall_ms_.load()));
  }
  std::chrono::nanoseconds since_boot() const override {
    return std::chrono::milliseconds(boot_ms_.load());
  }
  std::string boot_id() const override { return "boot-" + std::to_string(boots_.load()); }

  void pass(std::chrono::milliseconds time) {
    wall_ms_ += time.count();
    boot_ms_ += time.count();
  }
  /// As an operator, or a time server, sets the clock.
  void step_wall(std::chrono::milliseconds by) { wall_ms_ += by.count(); }
  void reboot() {
    boot_ms_ = 1'000;
    ++boots_;
  }

 private:
  /// 1 June 2026, and a machine that has been up for a day.
  std::atomic<std::int64_t> wall_ms_{1'780'272'000'000};
  std::atomic<std::int64_t> boot_ms_{86'400'000};
  std::atomic<int> boots_{1};
};

}  // namespace rwp::tests
