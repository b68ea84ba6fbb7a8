#pragma once

#include "jobs_sqlite/transaction.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/checked_job.hpp>

#include <string>

namespace rwp::jobs_sqlite {

/// Inserts one job, or finds the one that stands in its place.
Result<jobs::Inserted> submit(Transaction& transaction, const jobs::CheckedJob& checked);

/// The row of unique_key.
std::string unique_row_key(const std::string& tenant, const std::string& key);

/// The ledger's key for an idempotency key.
Sha256 ledger_key(const std::string& tenant, const std::string& idempotency_key);

}  // namespace rwp::jobs_sqlite
