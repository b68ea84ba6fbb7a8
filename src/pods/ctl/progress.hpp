#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace rwp::pods::ctl {

/// "submitting [####····]  42 %  840 of 2,000  610/s". `share` below 0: unknown. Pure.
std::string bar_line(std::string_view label, double share, std::size_t done, std::size_t total,
                     double per_second, std::size_t width);

/// A bar on standard error for work that takes long; nothing where that is no terminal, and gone
/// once the work has ended. Threads: one at a time.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `total` 0: unknown; `share` 0 to 1, below 0: that of the counts.
  void show(std::size_t done, std::size_t total, double share = -1);
  /// Makes room for a message.
  void clear();

 private:
  const std::string label_;
  const bool shown_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_{};
  bool on_line_ = false;
};

}  // namespace rwp::pods::ctl
