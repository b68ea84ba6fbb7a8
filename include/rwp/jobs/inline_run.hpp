#pragma once

#include <rwp/core/error.hpp>
#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/requests.hpp>
#include <rwp/jobs/typed_handler.hpp>
#include <rwp/jobs/worker.hpp>

#include <optional>

/// Runs without a Worker, in the calling thread, for tests and tools.
namespace rwp::jobs {

/// Runs the handler to its end; a coroutine on an executor that this call drives. What it throws is
/// a retryable Error with its text.
Result<JsonText> run_here(const CoroutineHandler& handler, JobContext& context);
Result<JsonText> run_here(const BlockingHandler& handler, JobContext& context);

/// How one job is run; exactly one of the functions is set.
struct InlineHandler {
  CoroutineHandler coroutine{};
  BlockingHandler blocking{};
  HandlerOptions options{};
};

/// What a run has to tell its store: the progress first, when there is any.
struct InlineRun {
  std::optional<ProgressUpdate> progress{};
  Completion completion{};
};

/// Runs a claimed job whose payload is loaded, with the context and by the rules of a Worker, but
/// for stops and timeouts. `draw`: evenly from 0 to 1, the jitter of a retry's backoff.
InlineRun run_inline(ClaimedJob job, const InlineHandler& handler, double draw);

}  // namespace rwp::jobs
