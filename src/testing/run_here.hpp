#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/typed_handler.hpp>

namespace rwp::testing {

/// Runs the handler to its end on an executor of the calling thread; what it throws is an Error.
Result<JsonText> run_here(const jobs::CoroutineHandler& handler, jobs::JobContext& context);
Result<JsonText> run_here(const jobs::BlockingHandler& handler, jobs::JobContext& context);

}  // namespace rwp::testing
