#pragma once

#include "jobs_sqlite/transaction.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/checked_job.hpp>
#include <rwp/jobs/stored_text.hpp>

namespace rwp::jobs_sqlite {

using jobs::ledger_key;
using jobs::unique_row_key;

/// Inserts one job, or finds the one that stands in its place.
Result<jobs::Inserted> submit(Transaction& transaction, const jobs::CheckedJob& checked);

}  // namespace rwp::jobs_sqlite
