#pragma once

#include "jobs/worker/deadline_heap.hpp"
#include "jobs/worker/handler_lane.hpp"
#include "jobs/worker/mailbox.hpp"
#include "jobs/worker/prefetch_policy.hpp"
#include "jobs/worker/run.hpp"
#include "jobs/worker/worker_metrics.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/worker.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

namespace rwp::jobs {

/// The worker at work: its state and the coroutines that drive it, all on the store's I/O thread.
///
/// A job's way: claimed, (payload loaded,) buffered or ready, dispatched to the HandlerLane, ended,
/// its completion written. `held_` has every run that the store leases to this worker.
///
/// worker_loop.cpp: life, dispatch, ends. worker_claims.cpp: claims and starts.
/// worker_finishes.cpp: completions and progress. worker_leases.cpp: heartbeats and deadlines.
/// worker_upkeep.cpp: rescue, prune, the watch on the handlers' thread. worker_drain.cpp: the end.
class WorkerLoop : public std::enable_shared_from_this<WorkerLoop> {
 public:
  WorkerLoop(std::shared_ptr<JobStore> store, Runtime& handlers, WorkerOptions options,
             HandlerTable table);

  // From any thread.
  void start();
  void stop();
  /// False: not stopped by the deadline.
  bool wait_stopped(SteadyTime deadline);
  /// Releases the handlers here and now: what still names this loop on its own thread may outlive
  /// their runtime. Once stopped.
  void release_handlers();
  WorkerStatistics statistics() const;

 private:
  struct Kind {
    std::size_t running = 0;
    std::deque<RunPtr> held_back{};
  };
  struct Pending {
    RunPtr run{};
    Completion completion{};
  };

  // Life: every coroutine and call in flight is counted in live_; the last one ends the worker.
  void begin();
  void launch(Awaitable<void> operation);
  void left();
  void end();

  // Runs.
  void hold(const RunPtr& run);
  void set_phase(Run& run, RunPhase phase);
  /// Takes the run off the books; nothing more is sent about it.
  void forget(Run& run);
  std::size_t count(RunPhase phase) const { return counts_[static_cast<std::size_t>(phase)]; }
  /// Runs that are on their way to, or with, the handlers.
  std::size_t load() const;
  void make_ready(RunPtr run);
  void release_suspect(const Run& run);

  // Dispatch.
  void pump();
  std::size_t capacity() const { return options_.concurrency + policy_.ahead(); }
  bool has_room(const Handler& handler) const;
  void begin_suspect();
  void note_holding();
  void handlers_ended();
  void complete(const RunPtr& run, RunOutcome outcome);

  // Claims and starts.
  Awaitable<void> claim_loop();
  std::size_t claim_size() const;
  ClaimRequest claim_request(std::size_t limit) const;
  void wait_for_work();
  /// A kind that was left out of claims may be claimed again.
  void widen_claims();
  void take(std::vector<ClaimedJob> jobs, SteadyTime asked_at);
  Awaitable<void> load(RunPtr run);
  Awaitable<void> mark_loop();
  std::vector<RunPtr> take_for_marking();
  void marked(std::vector<RunPtr> runs, PerItem<LeaseState> answers);

  // Completions and progress.
  Awaitable<void> finish_loop();
  Awaitable<Result<void>> write_cursors(std::vector<RunPtr> runs);
  std::vector<Pending> take_pending();
  void put_back(std::vector<Pending> batch);
  bool may_finish() const;
  /// A batch is no longer on its way.
  void finished(std::size_t size);
  void settle(Pending done, Result<JobState> answer);
  static bool rewrite(Pending& done, const Error& error);
  /// A store that does not come back before the end; answers whether the batch was given up.
  bool give_up(const std::vector<Pending>& batch);
  void progress_arrived();
  Awaitable<void> progress_loop();

  // Leases and deadlines.
  Awaitable<void> heartbeat_loop();
  void heard(std::vector<RunPtr> runs, PerItem<LeaseState> answers, SteadyTime asked_at);
  void apply(const RunPtr& run, const Result<LeaseState>& answer);
  void check_lapsed();
  void lose(const RunPtr& run);
  void stop_run(const RunPtr& run, StopReason reason);
  void watch(Run& run, SteadyTime from);
  Awaitable<void> deadline_loop();
  void deadline_came(const RunPtr& run, SteadyTime now);
  /// The handler does not stop: its outcome is recorded without it, its slot stays taken.
  void abandon(const RunPtr& run);

  // Upkeep.
  Awaitable<void> rescue_loop();
  Awaitable<void> prune_loop();
  Awaitable<void> watch_loop();
  /// Gives jobs back that were held for handlers which turn out to be slow.
  void shed_surplus();
  SteadyTime jittered(std::chrono::milliseconds every);

  // Drain.
  void begin_drain();
  Awaitable<void> drain_loop();
  bool drained() const;
  void hand_back_unstarted();
  template <class Act>
  void each_dispatched(Act act);

  double draw() { return std::uniform_real_distribution<double>()(random_); }

  const std::shared_ptr<JobStore> store_;
  const WorkerOptions options_;
  const boost::asio::any_io_executor control_;
  Runtime& handlers_;
  std::shared_ptr<RunSetup> setup_;
  std::shared_ptr<Mailbox<RunPtr>> ended_mail_;
  std::shared_ptr<Mailbox<RunPtr>> progress_mail_;
  std::shared_ptr<HandlerLane> lane_;
  WorkerMetrics metrics_;
  const observability::Logger log_;

  // Confined to the control thread.
  std::size_t live_ = 0;
  bool stopping_ = false;
  bool hurried_ = false;
  bool ended_ = false;
  std::vector<RunPtr> held_;
  std::array<std::size_t, kRunPhases> counts_{};
  std::deque<RunPtr> buffer_;
  std::deque<RunPtr> ready_;
  std::vector<Kind> kinds_;
  std::size_t dispatched_ = 0;
  /// Of these, runs that may only begin in a slot of their own.
  std::size_t strict_ = 0;
  RunPtr suspect_;
  bool suspect_begun_ = false;
  PrefetchPolicy policy_;
  std::size_t begun_since_watch_ = 0;
  std::mt19937_64 random_{std::random_device{}()};

  std::size_t claims_ = 0;     ///< Under way, two at most.
  std::size_t asked_ = 0;      ///< Jobs that these ask for.
  bool found_enough_ = false;  ///< The last was answered in full.
  bool nothing_there_ = false;
  bool waiting_for_work_ = false;
  Task work_wait_;
  SteadyTime claim_after_{};
  int claim_failures_ = 0;
  Signal claim_signal_;
  SteadyTime mark_after_{};
  int mark_failures_ = 0;
  Signal mark_signal_;

  std::deque<Pending> pending_;
  std::size_t finishing_ = 0;  ///< Completions on their way,
  std::size_t finishes_ = 0;   ///< and batches of them.
  SteadyTime finish_after_{};
  int finish_failures_ = 0;
  Signal finish_signal_;
  std::vector<RunPtr> progress_;
  Signal progress_signal_;

  DeadlineHeap<Run> deadlines_;
  Signal deadline_signal_;
  Signal heartbeat_signal_;
  Signal upkeep_signal_;
  Signal drain_signal_;

  // Read by statistics().
  std::atomic<std::uint64_t> started_{0};
  std::atomic<std::uint64_t> succeeded_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::size_t> running_{0};
  std::atomic<std::size_t> prefetched_{0};

  std::mutex stopped_mutex_;
  std::condition_variable stopped_changed_;
  bool stopped_ = true;  // Not started yet.
};

}  // namespace rwp::jobs
