#pragma once

#include <rwp/core/async.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/observability/metrics.hpp>

#include <future>
#include <memory>

namespace rwp::pods {

/// Looks at the queues every five seconds for as long as it lives, and shows them:
/// rwp_queue_jobs{queue,state}, rwp_queue_oldest_ready_seconds{queue} (0: none is ready),
/// rwp_queue_paused{queue}. All that look at one store show the same; while the store does not
/// answer they show NaN, not what was.
///
/// Lifetime: the store, and its runtime, outlive it; it is not destroyed on the runtime's I/O
/// thread, whose last look it awaits.
class QueueGauges {
 public:
  QueueGauges(jobs::JobStore& store, std::shared_ptr<observability::Metrics> metrics);
  ~QueueGauges();
  QueueGauges(const QueueGauges&) = delete;
  QueueGauges& operator=(const QueueGauges&) = delete;

 private:
  Task looking_;
  std::future<void> ended_;
};

}  // namespace rwp::pods
