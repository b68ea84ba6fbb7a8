#pragma once

#include <rwp/pods/configuration.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace rwp::pods {

/// How far a run is.
struct RunProgress {
  std::size_t read = 0;
  std::size_t rejected = 0;
  /// Adverts accepted from the input so far, and how many of them have ended.
  std::size_t submitted = 0;
  std::size_t succeeded = 0;
  std::size_t failed = 0;
  std::size_t running = 0;
  /// The whole input has been read.
  bool all_read = false;
  /// 0 to 1: of the input's bytes; below 0: unknown.
  double read_share = -1;
};

/// The line that tells of it: "[####····]  42 %  840 of 2,000 …". Pure.
std::string progress_line(const RunProgress& progress, double seconds, double recent_rate,
                          std::size_t width, bool with_bar);

/// Shows progress as a bar that is drawn again in place, or as a line every few seconds.
///
/// Threads: one at a time.
class ProgressDisplay {
 public:
  ProgressDisplay(Progress kind, std::FILE* out);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const RunProgress& progress);
  /// Draws the last state and leaves the bar's line.
  void finish(const RunProgress& progress);

 private:
  void draw(const RunProgress& progress);

  Progress kind_;
  std::FILE* const out_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_{};
  std::size_t ended_before_ = 0;
  std::chrono::steady_clock::time_point rated_at_ = start_;
  double rate_ = 0;
  bool on_line_ = false;
};

}  // namespace rwp::pods
