#include "jobs/worker/prefetch_policy.hpp"

#include <algorithm>

namespace rwp::jobs {
namespace {

/// What is handed over ahead should begin within this time: a death meanwhile makes suspects of it.
constexpr double kAheadNanoseconds = 4e6;
/// A start recorded with the claim costs nothing, one recorded later a write of its own: with 256
/// here, jobs that do nothing cost half as much again.
constexpr std::size_t kMostAhead = 1'024;
/// How many claim round trips' worth of jobs to hold.
constexpr double kRoundTripsHeld = 2;
/// Samples that the averages remember, about.
constexpr double kMemory = 32;

}  // namespace

PrefetchPolicy::PrefetchPolicy(std::size_t concurrency, std::size_t max_prefetch)
    : concurrency_(std::max<std::size_t>(concurrency, 1)), max_prefetch_(max_prefetch) {}

void PrefetchPolicy::ran(std::size_t jobs, std::chrono::nanoseconds total) {
  if (jobs == 0) return;
  const double count = static_cast<double>(jobs);
  const double sample = std::max(static_cast<double>(total.count()) / count, 100.0);
  run_ns_ = run_ns_ < 0 ? sample : run_ns_ + (sample - run_ns_) * (count / (count + kMemory));
  decide();
}

void PrefetchPolicy::claimed(std::chrono::nanoseconds round_trip) {
  claim_ns_ += (static_cast<double>(round_trip.count()) - claim_ns_) / 8;
  decide();
}

void PrefetchPolicy::decide() {
  if (run_ns_ < 0) return;
  const double most = static_cast<double>(max_prefetch_);
  ahead_ =
      std::min(kMostAhead, static_cast<std::size_t>(std::min(kAheadNanoseconds / run_ns_, most)));
  const double consumed = kRoundTripsHeld * claim_ns_ * static_cast<double>(concurrency_) / run_ns_;
  prefetch_ = std::min(static_cast<std::size_t>(std::min(consumed, most)), max_prefetch_ - ahead_);
}

}  // namespace rwp::jobs
