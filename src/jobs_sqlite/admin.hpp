#pragma once

#include "jobs_sqlite/transaction.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/requests.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// What operators ask of the store, each within one transaction.
namespace rwp::jobs_sqlite {

Result<jobs::CancelOutcome> cancel(Transaction& transaction, const Uuid& id);
Result<JobState> retry(Transaction& transaction, const Uuid& id);
Result<JobState> set_priority(Transaction& transaction, const Uuid& id, jobs::Priority priority);
void set_paused(Transaction& transaction, const std::string& queue, bool paused);
/// Where a walk through the ended jobs, oldest submit first, has come to.
struct PruneWalk {
  std::int64_t position = 0;
  /// Starts again where it meets many succeeded jobs that are to be kept: what follows is mostly
  /// younger, and a walk through all would take longer than new ones take to fall due.
  bool turns_back = false;
  std::size_t kept_in_a_row = 0;
  /// Rows looked at, by all transactions of one call.
  std::size_t looks = 0;
  /// The call ended because it had taken enough at once; others may follow at once.
  bool more = false;
};
/// Goes on from where the last call ended, so that calls walk through all jobs in turn.
jobs::Pruned prune(Transaction& transaction, const jobs::Retention& retention, PruneWalk& walk);

/// `Errc::conflict`: has not ended.
Result<jobs::Erased> erase(Transaction& transaction, const Uuid& id);

Result<jobs::Job> get(Transaction& transaction, const Uuid& id);
Result<jobs::JobPage> list(Transaction& transaction, const jobs::JobFilter& filter,
                           const std::string& cursor, std::size_t limit);
std::vector<jobs::QueueCounts> counts(Transaction& transaction);
/// Of one tenant's jobs alone.
std::vector<jobs::QueueCounts> counts_of(Transaction& transaction, const std::string& tenant);
/// Which of these have ended, or are not kept.
std::vector<Uuid> ended_of(Transaction& transaction, const std::vector<Uuid>& ids);

}  // namespace rwp::jobs_sqlite
