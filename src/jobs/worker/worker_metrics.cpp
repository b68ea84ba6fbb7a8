#include "jobs/worker/worker_metrics.hpp"

#include <utility>

namespace rwp::jobs {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<RunOutcome>> kOutcomeNames = {
    "succeeded", "retried", "failed", "snoozed", "parked", "handed_back", "cancelled", "crashed"};
constexpr std::size_t kFailed = 2;
static_assert(std::is_same_v<std::variant_alternative_t<kFailed, RunOutcome>, Fail>);

const std::vector<double>& batch_buckets() {
  static const std::vector<double> bounds{1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000};
  return bounds;
}

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::string_view outcome_name(const RunOutcome& outcome) { return kOutcomeNames[outcome.index()]; }

WorkerMetrics::WorkerMetrics(std::shared_ptr<observability::Metrics> metrics,
                             const HandlerTable& handlers)
    : metrics_(std::move(metrics)) {
  if (!metrics_) return;
  const auto& times = observability::seconds_buckets();
  kinds_.resize(handlers.size());
  for (const auto& [kind, handler] : handlers) {
    Kind& series = kinds_[handler.index];
    const observability::Labels labels{{"kind", kind}};
    series.started =
        &metrics_->counter("rwp_jobs_started_total", "Runs whose handler began.", labels);
    series.run_seconds = &metrics_->histogram(
        "rwp_job_run_seconds", "Time from a handler's begin to its end.", times, labels);
    series.wait_seconds = &metrics_->histogram(
        "rwp_job_wait_seconds", "Time from a job's submit to the claim of its run.", times, labels);
    for (std::size_t i = 0; i < kOutcomeNames.size(); ++i) {
      series.finished[i] = &metrics_->counter(
          "rwp_jobs_finished_total", "Runs whose end was recorded, by what became of them.",
          {{"kind", kind}, {"outcome", std::string(kOutcomeNames[i])}});
    }
  }
  running_ = &metrics_->gauge("rwp_worker_running", "Handlers that run.");
  prefetched_ =
      &metrics_->gauge("rwp_worker_prefetched", "Jobs held whose handlers have not begun.");
  claims_ = &metrics_->counter("rwp_worker_claims_total", "Claims answered by the store.");
  claim_seconds_ =
      &metrics_->histogram("rwp_worker_claim_seconds", "Round trip of a claim.", times);
  batch_size_ = &metrics_->histogram("rwp_worker_finish_batch_size",
                                     "Completions written with one call.", batch_buckets());
  refused_ = &metrics_->counter("rwp_worker_refused_total",
                                "Completions refused because the run was stale.");
  lease_lost_ = &metrics_->counter("rwp_worker_lease_lost_total",
                                   "Runs stopped because their lease was lost.");
}

void WorkerMetrics::started(const Run& run) {
  if (!metrics_) return;
  Kind& series = kinds_[run.handler().index];
  series.started->add();
  series.wait_seconds->observe(seconds(run.job().claimed_at - run.job().created_at));
}

void WorkerMetrics::ended(const Run& run) {
  if (metrics_) kinds_[run.handler().index].run_seconds->observe(seconds(run.took()));
}

void WorkerMetrics::finished(const Run& run, const RunOutcome& outcome, JobState state) {
  if (!metrics_) return;
  const bool last_attempt = std::holds_alternative<Retry>(outcome) && state == JobState::failed;
  kinds_[run.handler().index].finished[last_attempt ? kFailed : outcome.index()]->add();
}

void WorkerMetrics::claimed(std::chrono::nanoseconds took) {
  if (!metrics_) return;
  claims_->add();
  claim_seconds_->observe(seconds(took));
}

void WorkerMetrics::finish_batch(std::size_t size) {
  if (metrics_) batch_size_->observe(static_cast<double>(size));
}

void WorkerMetrics::refused() {
  if (metrics_) refused_->add();
}

void WorkerMetrics::lease_lost() {
  if (metrics_) lease_lost_->add();
}

void WorkerMetrics::holding(std::size_t running, std::size_t prefetched) {
  if (!metrics_) return;
  running_->add(static_cast<double>(running) - static_cast<double>(last_running_));
  prefetched_->add(static_cast<double>(prefetched) - static_cast<double>(last_prefetched_));
  last_running_ = running;
  last_prefetched_ = prefetched;
}

}  // namespace rwp::jobs
