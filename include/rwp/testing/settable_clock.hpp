#pragma once

#include <rwp/core/clock.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace rwp::testing {

/// A clock that stands still until a test moves it: hand it to a store, and delays, backoffs and
/// leases pass without waiting.
///
///     auto clock = std::make_shared<testing::SettableClock>();
///     options.clock = clock;
///     …
///     clock->advance(1h);
///
/// A store looks at its clock when it is called; nobody is woken by an advance.
/// Threads: safe to share.
class SettableClock final : public Clock {
 public:
  using Wall = std::chrono::system_clock::time_point;

  /// Starts at `start`, by default the present to the millisecond, a day after the machine's start.
  explicit SettableClock(
      Wall start = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()))
      : now_(start) {}

  Wall now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  std::chrono::nanoseconds since_boot() const override {
    const std::lock_guard lock(mutex_);
    return since_boot_;
  }
  std::string boot_id() const override {
    const std::lock_guard lock(mutex_);
    return boot_id_;
  }

  /// Lets time pass: the wall clock and the time since boot together.
  void advance(std::chrono::nanoseconds by) {
    const std::lock_guard lock(mutex_);
    now_ += std::chrono::duration_cast<Wall::duration>(by);
    since_boot_ += by;
  }
  /// Sets the wall clock alone, as an operator or a time server does, forwards or back.
  void step_wall(std::chrono::nanoseconds by) {
    const std::lock_guard lock(mutex_);
    now_ += std::chrono::duration_cast<Wall::duration>(by);
  }
  /// The machine starts anew, under another boot id.
  void reboot(std::string boot_id) {
    const std::lock_guard lock(mutex_);
    boot_id_ = std::move(boot_id);
    since_boot_ = std::chrono::seconds(10);
  }

 private:
  mutable std::mutex mutex_;
  Wall now_;
  std::chrono::nanoseconds since_boot_ = std::chrono::hours(24);
  std::string boot_id_ = "first-boot";
};

}  // namespace rwp::testing
