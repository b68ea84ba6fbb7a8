#pragma once

#include "jobs_sqlite/deaths.hpp"
#include "jobs_sqlite/transaction.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/checked_job.hpp>

#include <chrono>
#include <string>
#include <vector>

/// What workers ask of the store, each within one transaction.
namespace rwp::jobs_sqlite {

/// Whether a claim may take jobs of this lane.
bool supports(const jobs::ClaimRequest& request, const Lane& lane);

std::vector<jobs::ClaimedJob> claim(Transaction& transaction, const jobs::ClaimRequest& request);

/// Whether a claim would find something now, and when the next job becomes due.
struct WorkOutlook {
  bool ready = false;
  std::optional<TimePoint> next_due{};
};
WorkOutlook look_for_work(Transaction& transaction, const jobs::ClaimRequest& request);

Result<jobs::LeaseState> mark_started(Transaction& transaction, const jobs::RunRef& run);
Result<jobs::LeaseState> extend(Transaction& transaction, const jobs::RunRef& run,
                                std::chrono::milliseconds lease);
Result<jobs::LeaseState> progress(Transaction& transaction, const jobs::ProgressUpdate& update);
Result<JobState> finish(Transaction& transaction, const jobs::CheckedCompletion& completion);
Result<JobState> unpark(Transaction& transaction, const jobs::UnparkRequest& request);
jobs::Rescued rescue(Transaction& transaction, const HolderJudge& judge, std::size_t limit);

}  // namespace rwp::jobs_sqlite
