#pragma once

#include <rwp/core/error.hpp>
#include <rwp/jobs/job.hpp>
#include <rwp/jobs/requests.hpp>

#include <cstdint>
#include <optional>
#include <string>

/// The life of one job as pure code, the same for every backend: state and command in, the next
/// state and what the store must do out. No I/O, no clock, no store.
namespace rwp::jobs {

/// What decides about a job's next step.
struct Lifecycle {
  JobState state = JobState::ready;
  EndReason end_reason = EndReason::none;
  int attempt = 0;
  int max_attempts = 20;
  int suspect_marks = 0;
  int crashes = 0;
  /// Of the latest dispatch, or raised past it by a rescue; 0: never dispatched.
  std::uint64_t run_token = 0;
  /// The token of the completion that was accepted last; equal to `run_token` until the next
  /// dispatch.
  std::uint64_t finished_token = 0;
  /// While running: its handler may have begun.
  bool started = false;
  bool cancel_requested = false;
  /// While scheduled: due; while parked: the deadline.
  TimePoint run_at{};
  std::string park_key{};

  friend bool operator==(const Lifecycle&, const Lifecycle&) = default;
};

/// Deaths of its process that make a job run alone, and deaths while alone that fail it.
constexpr int kMarksToRunAlone = 2;
constexpr int kCrashBudget = 3;

/// Whether the job must run with nothing else in its process.
constexpr bool runs_alone(const Lifecycle& job) { return job.suspect_marks >= kMarksToRunAlone; }

struct Transition {
  Lifecycle next{};
  /// False: the command had taken effect before; there is nothing to write.
  bool changed = true;
  /// An attempt failed, or a run died, with this; to be kept in the job's errors.
  std::optional<Error> error{};
};

namespace machine {

/// A new job, due at `run_at`.
Lifecycle submit(const NewJob& job, TimePoint run_at, TimePoint now);

/// scheduled → ready once `run_at` has come. `conflict`: not scheduled, or not due.
Result<Transition> become_due(const Lifecycle& job, TimePoint now);

/// ready → running under a token above the last one and not below `token_floor`.
Result<Transition> claim(const Lifecycle& job, std::uint64_t token_floor, bool started);

/// running → running, its handler may begin. `conflict`: stale token.
Result<Transition> start(const Lifecycle& job, std::uint64_t token);

/// Whether this run still is the job's: for heartbeats and progress. `conflict`: stale token.
Result<void> holds(const Lifecycle& job, std::uint64_t token);

/// running → what the outcome says. Repeated with the token that was accepted: unchanged.
Result<Transition> finish(const Lifecycle& job, std::uint64_t token, const RunOutcome& outcome,
                          TimePoint now);

/// running → ready (or failed as crashed, or cancelled), the token raised so that the old run is
/// stale: its lease lapsed or its process died.
Result<Transition> lose(const Lifecycle& job);

/// parked → ready: with the key it waits for, or past its deadline.
Result<Transition> unpark(const Lifecycle& job, const std::string& key);
Result<Transition> park_deadline(const Lifecycle& job, TimePoint now);

/// → cancelled, or running with the request noted, or unchanged at an end.
Transition cancel(const Lifecycle& job);

/// failed, cancelled, scheduled → ready, counters at zero; ready: unchanged. `conflict`: other
/// states.
Result<Transition> retry(const Lifecycle& job, TimePoint now);

}  // namespace machine
}  // namespace rwp::jobs
