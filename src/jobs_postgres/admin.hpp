#pragma once

#include "jobs_postgres/session.hpp"
#include "jobs_postgres/transact.hpp"
#include <rwp/jobs/job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

/// What operators ask of the store.
namespace rwp::jobs_postgres {

Result<jobs::CancelOutcome> decide_cancel(const Uuid& id, StateRow* row, RowWriter& writer,
                                          bool in_doubt);

struct PriorityChange {
  Uuid id{};
  jobs::Priority priority = jobs::Priority::normal;
};
Result<JobState> decide_priority(const PriorityChange& change, StateRow* row, RowWriter& writer);

boost::asio::awaitable<Tried<Done<JobState>>> retry(std::shared_ptr<Session> session, Lease* lease,
                                                    std::vector<const Uuid*> ids, bool in_doubt,
                                                    SteadyTime deadline);

boost::asio::awaitable<Result<void>> set_paused(std::shared_ptr<Session> session, std::string queue,
                                                bool paused);

/// What one call of prune() leaves to the next.
struct PruneState {
  Uuid position{};  ///< Where the walk through all goes on.
  /// The payloads of jobs that may have been removed, or not: no answer came.
  std::unordered_map<Uuid, std::string> in_doubt{};
};
/// Removes what is past its retention.
/// One answer an id. `Errc::conflict`: has not ended.
boost::asio::awaitable<Result<std::vector<Result<jobs::Erased>>>> erase(
    std::shared_ptr<Session> session, std::vector<Uuid> ids);
boost::asio::awaitable<Result<jobs::Pruned>> prune(std::shared_ptr<Session> session,
                                                   jobs::Retention retention, PruneState* state);
/// Sums the changes of counts up, so that there are few; one store at a time does.
boost::asio::awaitable<Result<void>> fold_tally(std::shared_ptr<Session> session);

boost::asio::awaitable<jobs::PerItem<jobs::Job>> get(std::shared_ptr<Session> session,
                                                     std::vector<Uuid> ids);
boost::asio::awaitable<Result<jobs::JobPage>> list(std::shared_ptr<Session> session,
                                                   jobs::JobFilter filter, std::string cursor,
                                                   std::size_t limit);
/// Of one tenant's jobs alone, when it is named.
boost::asio::awaitable<Result<std::vector<jobs::QueueCounts>>> counts(
    std::shared_ptr<Session> session, std::string tenant);
/// Which of these have ended, or are not kept.
boost::asio::awaitable<Result<std::vector<Uuid>>> ended_of(std::shared_ptr<Session> session,
                                                           std::vector<Uuid> ids);

}  // namespace rwp::jobs_postgres
