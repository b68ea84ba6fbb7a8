#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace rwp {

/// Tells a store the time, so that a test can set it.
///
/// Threads: safe to share.
class Clock {
 public:
  virtual ~Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  /// Wall time: due times, ages, what people read.
  virtual std::chrono::system_clock::time_point now() const = 0;

  /// Time since the machine started, sleep included (CLOCK_BOOTTIME): leases. No step of the wall
  /// clock moves it.
  virtual std::chrono::nanoseconds since_boot() const = 0;

  /// Names this start of the machine; another name means that all leases have ended.
  virtual std::string boot_id() const = 0;

 protected:
  Clock() = default;
};

/// The machine's clocks.
std::shared_ptr<const Clock> system_clock();

}  // namespace rwp
