#pragma once

#include <chrono>
#include <cstddef>

namespace rwp::jobs {

/// Decides how many jobs a worker holds beyond those that run: enough that handlers never wait for
/// a claim, no more than that, since what one worker holds another cannot run.
class PrefetchPolicy {
 public:
  PrefetchPolicy(std::size_t concurrency, std::size_t max_prefetch);

  /// `jobs` handlers took `total` together.
  void ran(std::size_t jobs, std::chrono::nanoseconds total);
  /// A claim was answered after `round_trip`.
  void claimed(std::chrono::nanoseconds round_trip);

  /// Jobs worth handing to the handlers beyond the slots, recorded as started: those that begin
  /// within a few milliseconds, so that a thread switch does not leave the slots empty.
  std::size_t ahead() const { return ahead_; }
  /// Jobs worth holding, leased and not started, beyond these.
  std::size_t prefetch() const { return prefetch_; }

 private:
  void decide();

  const std::size_t concurrency_;
  const std::size_t max_prefetch_;
  double run_ns_ = -1;  // Negative: not known yet.
  double claim_ns_ = 2e6;
  std::size_t ahead_ = 0;
  std::size_t prefetch_ = 0;
};

}  // namespace rwp::jobs
