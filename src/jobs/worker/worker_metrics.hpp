#pragma once

#include "jobs/worker/run.hpp"
#include <rwp/jobs/requests.hpp>
#include <rwp/observability/metrics.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <vector>

namespace rwp::jobs {

/// The worker's series, looked up once. Every function does nothing when there are no metrics.
///
///     rwp_jobs_started_total{kind}            rwp_jobs_finished_total{kind,outcome}
///     rwp_job_run_seconds{kind}               rwp_job_wait_seconds{kind}: submit to claim
///     rwp_worker_running                      rwp_worker_prefetched
///     rwp_worker_claims_total                 rwp_worker_claim_seconds
///     rwp_worker_finish_batch_size            rwp_worker_refused_total
///     rwp_worker_lease_lost_total
class WorkerMetrics {
 public:
  WorkerMetrics(std::shared_ptr<observability::Metrics> metrics, const HandlerTable& handlers);

  void started(const Run& run);
  void ended(const Run& run);
  /// `state`: what the job became.
  void finished(const Run& run, const RunOutcome& outcome, JobState state);
  void claimed(std::chrono::nanoseconds took);
  void finish_batch(std::size_t size);
  void refused();
  void lease_lost();
  void holding(std::size_t running, std::size_t prefetched);

 private:
  struct Kind {
    observability::Counter* started = nullptr;
    observability::Histogram* run_seconds = nullptr;
    observability::Histogram* wait_seconds = nullptr;
    std::array<observability::Counter*, std::variant_size_v<RunOutcome>> finished{};
  };

  std::shared_ptr<observability::Metrics> metrics_;
  std::vector<Kind> kinds_;
  // Gauges are shared by the workers of a process: each adds its own part.
  std::size_t last_running_ = 0;
  std::size_t last_prefetched_ = 0;
  observability::Gauge* running_ = nullptr;
  observability::Gauge* prefetched_ = nullptr;
  observability::Counter* claims_ = nullptr;
  observability::Histogram* claim_seconds_ = nullptr;
  observability::Histogram* batch_size_ = nullptr;
  observability::Counter* refused_ = nullptr;
  observability::Counter* lease_lost_ = nullptr;
};

/// The outcome's name in metrics and spans: "succeeded", "retried", …
std::string_view outcome_name(const RunOutcome& outcome);

}  // namespace rwp::jobs
