#pragma once

#include "jobs_sqlite/connection_queue.hpp"
#include <rwp/core/usage_ledger.hpp>

#include <memory>

namespace rwp::jobs_sqlite {

/// Money beside the jobs, in the same file and the same groups of commits. Sums, which may take
/// long, are read by `reader`.
std::unique_ptr<UsageLedger> make_usage_ledger(std::shared_ptr<ConnectionQueue> writer,
                                               std::shared_ptr<ConnectionQueue> reader);

}  // namespace rwp::jobs_sqlite
