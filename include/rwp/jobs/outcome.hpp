#pragma once

#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/requests.hpp>
#include <rwp/jobs/worker.hpp>

#include <chrono>
#include <optional>

/// What a handler's end means for its job: pure rules, no clock and no store.
namespace rwp::jobs {

/// The wait after the `failed`-th failed attempt. `draw`: evenly from 0 to 1, the jitter.
std::chrono::milliseconds retry_delay(const Backoff& backoff, int failed, double draw,
                                      std::optional<std::chrono::milliseconds> at_least);

/// The error that JobContext::snooze() and its kin answer, for the handler to return.
Error asked_end_error(std::string_view what);

/// How a run's handler came to its end.
struct HandlerEnd {
  Result<JsonText> result{};
  /// What snooze(), park(), hand_back() or crash() asked for.
  std::optional<RunOutcome> asked{};
  StopReason stop = StopReason::none;
  /// Attempts that had failed before this run.
  int attempt = 0;
};

/// What a worker makes of it. A success is one, whatever the handler was told; `draw` as above.
RunOutcome outcome_of(HandlerEnd end, const Backoff& backoff, double draw);

/// For a handler that did not stop when it was told to; never asked with StopReason::none.
RunOutcome outcome_without(StopReason stop, int attempt, const Backoff& backoff, double draw);

/// What the handler threw, as a failure worth a retry. Call it inside a catch block.
Error thrown_error();

}  // namespace rwp::jobs
