#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/outbox.hpp>
#include <rwp/jobs/requests.hpp>
#include <rwp/jobs/typed.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/trace.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rwp::jobs {

/// Why a handler is asked to stop.
enum class StopReason : std::uint8_t {
  none,
  cancelled,   ///< Somebody cancelled the job.
  timed_out,   ///< Its timeout, or its progress deadline, has passed.
  lease_lost,  ///< Another run may have begun; nothing of this one will be accepted.
  drain,       ///< The worker is to end; save a cursor and give the job back.
};

/// What a handler sees of its job, and says about it.
///
/// Threads: safe to share between the handler's own threads; every call returns at once.
/// Lifetime: to the end of the handler's call, not beyond.
class JobContext {
 public:
  virtual ~JobContext() = default;
  JobContext(const JobContext&) = delete;
  JobContext& operator=(const JobContext&) = delete;

  /// The job as claimed; the payload is loaded, wherever it lay.
  virtual const ClaimedJob& job() const = 0;
  const Uuid& id() const { return job().run.id; }
  /// From 1.
  int attempt_number() const { return job().attempt + 1; }
  /// Raised with every dispatch of the job: use it in conditions and idempotency headers, so that
  /// an older run that still lives cannot overwrite this one's effects.
  std::uint64_t run_token() const { return job().run.token; }

  /// The payload as `T`. `Errc::invalid_argument` names the member and the rule.
  template <class T>
  Result<T> payload() const {
    return decode<T>(job().payload);
  }

  /// When the run is stopped; time_point::max(): never.
  virtual std::chrono::steady_clock::time_point deadline() const = 0;
  virtual StopReason stop_reason() const = 0;
  bool stop_requested() const { return stop_reason() != StopReason::none; }

  /// Says how far the work is (0 to 1) and counts as a sign of life for the progress deadline.
  /// Written with the next batch; the last of several wins.
  virtual void progress(double fraction, std::string note = std::string()) = 0;
  /// Saves what a later run of this job continues from (`job().cursor`), durably with the next
  /// batch; it is also written when the run ends in any way but success.
  virtual void save_cursor(JsonText cursor) = 0;

  /// Adds a job to be inserted with this run's completion, as one unit with it; nothing is inserted
  /// when the run fails or is refused. Gives the id that the job will have.
  virtual Uuid submit(NewJob job) = 0;
  template <class T>
  requires JobArguments<T> Uuid submit(const T& arguments) { return submit(to_new_job(arguments)); }
  /// Adds a message to be delivered after this run's completion, at least once, recognisable by its
  /// id.
  virtual void emit(OutboxMessage message) = 0;

  /// Ends this run with something other than success or failure; return what they answer:
  ///
  ///     if (!ready) co_return context.snooze(5min);
  ///
  /// The job comes back after `delay`; no attempt is burned.
  virtual Error snooze(std::chrono::milliseconds delay) = 0;
  /// The job waits for unpark(id, key, value); the next run finds the value in `job().resume`.
  virtual Error park(std::string key, std::chrono::milliseconds timeout) = 0;
  /// The job goes back to ready, no attempt burned: the answer to a stop for `drain`.
  virtual Error hand_back() = 0;
  /// For those who run handlers in processes of their own (rwp/jobs/isolated.hpp): this run's died.
  /// Counts against the job's crash budget, burns no attempt; again after a backoff.
  virtual Error crash(Error error) = 0;

  /// Has the job's id, kind and attempt on each line.
  virtual const observability::Logger& log() const = 0;
  /// The span of this run, a child of the submitter's.
  virtual const observability::TraceContext& trace() const = 0;

 protected:
  JobContext() = default;
};

}  // namespace rwp::jobs
