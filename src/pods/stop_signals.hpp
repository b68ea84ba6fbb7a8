#pragma once

#include <chrono>

namespace rwp::pods {

/// Counts SIGTERM and SIGINT, and lets the main thread wait for them. Made before other threads are
/// started, as they inherit that the signals are blocked. SIGPIPE is ignored, so that a closed pipe
/// is an error of the write. Threads: the main thread.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// How many have come so far.
  int count();
  /// Waits for one more, at most so long; answers count().
  int wait(std::chrono::milliseconds most);

 private:
  int descriptor_ = -1;
  int count_ = 0;
};

}  // namespace rwp::pods
