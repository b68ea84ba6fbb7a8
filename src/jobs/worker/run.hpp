#pragma once

#include "jobs/worker/deadline_heap.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/outcome.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/observability/trace.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace rwp::jobs {

class Run;
using RunPtr = std::shared_ptr<Run>;

/// One registered kind. Exactly one of the functions is set.
struct Handler {
  std::string kind{};
  CoroutineHandler coroutine{};
  BlockingHandler blocking{};
  HandlerOptions options{};
  /// Numbers the handlers of a worker, from 0.
  std::size_t index = 0;

  /// Whether it may be handed over beyond the slots: see WorkerLoop::has_room().
  bool takes_slot_strictly() const { return !coroutine || options.max_concurrent > 0; }
};

using HandlerTable = std::map<std::string, Handler, std::less<>>;

/// What all runs of a worker share; it lives as long as the last of them, which may be a handler
/// that its worker has given up.
struct RunSetup {
  HandlerTable handlers{};
  observability::Logger log{};
  std::shared_ptr<observability::SpanExporter> spans{};
  /// Called, from any thread, when a run has something new for the store; may be empty.
  std::function<void(RunPtr)> on_progress{};
};

/// Where a run stands, as its worker sees it.
enum class RunPhase : std::uint8_t {
  loading,     ///< Its payload is being read from the BlobStore.
  buffered,    ///< Leased, not recorded as started.
  marking,     ///< Being recorded as started.
  ready,       ///< May begin once there is a slot.
  held_back,   ///< As ready, but as many of its kind run as may.
  dispatched,  ///< With the handlers.
  completing,  ///< Its outcome waits for the store.
  ended,       ///< Nothing more is sent about it.
};
constexpr std::size_t kRunPhases = 8;

/// One run of one job: the context that its handler sees, and the worker's record of it.
///
/// Threads: the JobContext part is safe to share; `begin` and `end` are called by whoever runs the
/// handler; `control` is confined to the worker's control thread.
class Run final : public JobContext, public std::enable_shared_from_this<Run> {
 public:
  Run(ClaimedJob job, const Handler* handler, std::shared_ptr<const RunSetup> setup);

  // What the handler sees.
  const ClaimedJob& job() const override { return job_; }
  std::chrono::steady_clock::time_point deadline() const override { return deadline_; }
  StopReason stop_reason() const override { return stop_.load(std::memory_order_acquire); }
  void progress(double fraction, std::string note) override;
  void save_cursor(JsonText cursor) override;
  using JobContext::submit;
  Uuid submit(NewJob job) override;
  void emit(OutboxMessage message) override;
  Error snooze(std::chrono::milliseconds delay) override;
  Error park(std::string key, std::chrono::milliseconds timeout) override;
  Error hand_back() override;
  Error crash(Error error) override;
  const observability::Logger& log() const override;
  const observability::TraceContext& trace() const override;

  // Who runs the handler.
  const Handler& handler() const { return *handler_; }
  /// The handler is about to begin. False: it must not, the run has been stopped.
  bool begin(SteadyTime now);
  void end(Result<JsonText> result, SteadyTime now);

  // The worker.
  std::chrono::milliseconds timeout() const;
  void set_payload(JsonText payload) { job_.payload = std::move(payload); }
  /// Records why the handler should stop; false when an earlier reason stands.
  bool request_stop(StopReason reason);
  /// When the handler began; unset while it has not.
  std::optional<SteadyTime> began_at() const;
  SteadyTime last_sign_of_life() const;
  /// How long the handler took; zero when it never began. After end().
  std::chrono::nanoseconds took() const;

  /// What the handler's end means; after end(), once.
  RunOutcome take_outcome(double draw);
  /// With the children and messages that go with such an outcome. A message that makes no job turns
  /// it into a failure.
  Completion completion(RunOutcome outcome);
  /// What is to be written about progress, if anything is new; the run's ref is set.
  std::optional<ProgressUpdate> take_progress();
  bool has_new_cursor() const;
  /// After a failed write: keeps what has not been replaced since.
  void restore_progress(ProgressUpdate update);
  /// Sends the spans of the claim and of the run to the exporter, when there is one and the trace
  /// is sampled.
  void export_spans(std::string_view outcome, bool failed) const;

  /// The worker's own notes.
  struct Control {
    RunPhase phase = RunPhase::ended;
    /// By the worker's clock; judged from before the call, so never too late.
    SteadyTime lease_until{};
    std::size_t held_place = 0;
    DeadlineHook deadline{};
    /// With the handlers, which have not reported its end.
    bool with_handlers = false;
    /// Another run has the job, or it is gone: nothing of this one can be accepted.
    bool stale = false;
    /// How often the store refused this completion for what it carries.
    int rewritten = 0;
  } control;
  DeadlineHook& deadline_hook() { return control.deadline; }

  /// The runner that executes the coroutine; confined to the handlers' I/O thread.
  void* runner = nullptr;

 private:
  void tell_progress(std::unique_lock<std::mutex>& lock);
  TimePoint store_time() const;
  const observability::TraceContext& trace_locked() const;
  observability::SpanRecord span_of_claim() const;
  Error ask(RunOutcome outcome, std::string_view what);

  ClaimedJob job_;
  const SteadyTime made_at_ = std::chrono::steady_clock::now();
  const Handler* const handler_;
  const std::shared_ptr<const RunSetup> setup_;
  std::atomic<StopReason> stop_{StopReason::none};
  SteadyTime deadline_ = SteadyTime::max();
  std::atomic<SteadyTime::duration> began_{SteadyTime::duration::zero()};
  std::atomic<SteadyTime::duration> alive_at_{SteadyTime::duration::zero()};
  SteadyTime ended_at_{};
  std::optional<Result<JsonText>> result_;

  mutable std::mutex mutex_;  // What follows.
  ProgressUpdate pending_;
  bool progress_told_ = false;
  bool closed_ = false;
  std::vector<NewJob> children_;
  std::vector<OutboxMessage> messages_;
  std::optional<RunOutcome> asked_;
  mutable std::optional<observability::Logger> log_;
  mutable std::optional<observability::TraceContext> trace_;
  mutable std::array<std::uint8_t, 8> parent_span_{};
  /// The claim's, the run's parent where spans are kept.
  mutable std::optional<observability::TraceContext> claim_;
};

}  // namespace rwp::jobs
