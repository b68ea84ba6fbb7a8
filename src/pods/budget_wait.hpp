#pragma once

#include "pods/trouble.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/job_context.hpp>

namespace rwp::pods {

/// What a handler returns when the model has not answered. A job whose budget is spent burns no
/// attempt: it comes back when the next day or month begins, but within the hour, as other calls
/// may release what they had reserved. `trouble` is told.
Error end_without_answer(jobs::JobContext& context, const Error& error, Trouble& trouble);

}  // namespace rwp::pods
