#pragma once

#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/typed_handler.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/observability/trace.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::jobs {

/// Exponential backoff with full jitter: a delay drawn evenly from 0 to min(cap, base · 2^(n-1))
/// after the n-th failed attempt. An error's own retry_after is waited for at least.
struct Backoff {
  std::chrono::milliseconds base{2'000};
  std::chrono::milliseconds cap{std::chrono::minutes(10)};
};

/// How jobs of one kind are run.
struct HandlerOptions {
  /// Versions of the payload that the handler reads; inclusive.
  int min_version = 1;
  int max_version = 1;
  Backoff backoff{};
  /// For jobs that state none; zero: no limit.
  std::chrono::milliseconds timeout{0};
  /// A run that reports no progress for so long is stopped as timed out; zero: no such rule.
  std::chrono::milliseconds progress_deadline{0};
  /// Most runs of this kind at once in this worker; 0: as the worker's.
  std::size_t max_concurrent = 0;
};

struct WorkerOptions {
  /// In listings and logs; empty: host name and process id.
  std::string name{};
  /// Empty: all queues.
  std::vector<std::string> queues{};
  /// Runs at once; 1 to 10,000.
  std::size_t concurrency = 16;
  /// Most jobs held beyond those that run, while handlers are quicker than claims; 0: none.
  std::size_t max_prefetch = 1'000;
  /// Ends unless a heartbeat extends it. 1 s to 1 h.
  std::chrono::milliseconds lease{30'000};
  /// How often heartbeats are sent, by which cancellations are learned of, too; 100 ms to a third
  /// of the lease. Zero: a third of it.
  std::chrono::milliseconds heartbeat_every{0};
  /// Completions are written when so many have gathered, or when the store is free.
  std::size_t completion_batch = 1'000;
  /// After stop(): how long runs may go on before they are told to stop, and how long after that
  /// before the worker gives their jobs back and ends without them.
  std::chrono::milliseconds drain_grace{25'000};
  std::chrono::milliseconds stop_grace{5'000};
  /// How often expired leases are looked for, jittered by a tenth; zero: never.
  std::chrono::milliseconds rescue_every{5'000};
  /// How often ended jobs past their retention are removed; zero: never.
  std::chrono::milliseconds prune_every{60'000};
  Retention retention{};
  /// What a thread of the pool holds while it runs blocking handlers one after another, such as an
  /// interpreter's lock: made on that thread before it takes its first run, dropped there once no
  /// other waits. May block; must not throw. Unset: nothing.
  std::function<std::shared_ptr<void>()> blocking_scope{};
  observability::Logger log{};
  /// May be null. Series: rwp_jobs_started_total{kind}, rwp_jobs_finished_total{kind,outcome},
  /// rwp_job_run_seconds{kind}, rwp_job_wait_seconds{kind} (submit to claim), rwp_worker_running,
  /// rwp_worker_prefetched, rwp_worker_claims_total, rwp_worker_claim_seconds,
  /// rwp_worker_finish_batch_size, rwp_worker_refused_total, rwp_worker_lease_lost_total.
  std::shared_ptr<observability::Metrics> metrics{};
  std::shared_ptr<observability::SpanExporter> spans{};
};

struct WorkerStatistics {
  std::uint64_t started = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;   ///< Attempts, and runs ended for good.
  std::uint64_t refused = 0;  ///< Completions that came too late.
  std::size_t running = 0;
  std::size_t prefetched = 0;
};

/// Takes jobs from a store and runs them.
///
/// Two runtimes: the store's own (control: claims, heartbeats, completions; no user code) and one
/// for handlers, so no handler can cost a lease by blocking. It claims when a slot frees or the
/// store tells of work, never on a timer alone.
///
/// Threads: register handlers before start(); all functions may be called from any thread but the
/// two runtimes' own. Lifetime: the destructor stops without grace and hands back; store and
/// handlers runtime outlive the worker.
class Worker {
 public:
  Worker(std::shared_ptr<JobStore> store, Runtime& handlers,
         WorkerOptions options = WorkerOptions());
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Registers what runs jobs of `kind`. Asserts: registered twice, or started.
  void handle(std::string kind, CoroutineHandler handler,
              HandlerOptions options = HandlerOptions());
  void handle_blocking(std::string kind, BlockingHandler handler,
                       HandlerOptions options = HandlerOptions());

  /// As handle(), with arguments and result as described structs. `function` is called as
  /// `Awaitable<Result<R>>(T arguments, JobContext& context)`. A payload that is no `T` fails the
  /// job for good; the error names the member and the rule.
  template <JobArguments T, class Function>
  void handle(Function function, HandlerOptions options = HandlerOptions()) {
    cover_version<T>(options);
    handle(std::string(T::job_kind), typed_handler<T>(std::move(function)), options);
  }
  /// As above; `function` is called as `Result<R>(T arguments, JobContext& context)`.
  template <JobArguments T, class Function>
  void handle_blocking(Function function, HandlerOptions options = HandlerOptions()) {
    cover_version<T>(options);
    handle_blocking(std::string(T::job_kind), typed_blocking_handler<T>(std::move(function)),
                    options);
  }

  /// Begins to take jobs.
  void start();
  /// Asks for the end and returns: no more claims, what runs may finish within the grace, what does
  /// not is handed back without burning an attempt. Again: at once, without grace.
  void stop();
  /// Blocks until a stop has been carried out; `Errc::deadline_exceeded` when it has not been by
  /// then.
  Result<void> wait_stopped(SteadyTime deadline = SteadyTime::max());

  WorkerStatistics statistics() const;

  /// The kinds with their versions, as a claim names them.
  std::vector<KindSupport> kinds() const;

 private:
  template <JobArguments T>
  static void cover_version(HandlerOptions& options) {
    if (options.max_version < job_version_of<T>()) options.max_version = job_version_of<T>();
  }

  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rwp::jobs
