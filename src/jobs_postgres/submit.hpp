#pragma once

#include "jobs_postgres/session.hpp"
#include "jobs_postgres/transact.hpp"
#include <rwp/jobs/checked_job.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <vector>

namespace rwp::jobs_postgres {

/// What a job needs besides its body: has it keys, which the server's function must look at?
inline bool has_keys(const jobs::CheckedJob& checked) {
  return !checked.job.idempotency_key.empty() || !checked.job.unique.key.empty();
}

/// Makes the lanes of these jobs known. `invalid_argument`: there are too many.
boost::asio::awaitable<Result<void>> ensure_lanes(std::shared_ptr<Session> session,
                                                  std::vector<const jobs::CheckedJob*> jobs);

/// $1 to $12 of the statements that insert: the time, and the columns of these jobs' bodies.
void add_columns(Parameters& parameters, const Session& session,
                 const std::vector<const jobs::CheckedJob*>& jobs);
/// The oldest of their ids' times, in milliseconds.
std::int64_t oldest_id(const std::vector<const jobs::CheckedJob*>& jobs);
/// After a statement that inserts: has its transaction fail as one that is to be tried again, when
/// a prune of the same ids was committed beside it.
Command refuse_pruned(const Session& session, const std::vector<const jobs::CheckedJob*>& jobs);

/// One transaction, or part of one that is open: inserts the jobs, or finds those that stand in
/// their place. Their lanes are known.
boost::asio::awaitable<Tried<Done<jobs::Inserted>>> insert_plain(
    std::shared_ptr<Session> session, Lease* lease, std::vector<const jobs::CheckedJob*> jobs,
    bool in_doubt, SteadyTime deadline);
/// One transaction of its own. As above, and quicker for jobs that are ready at once and new.
boost::asio::awaitable<Tried<Done<jobs::Inserted>>> insert_in_bulk(
    std::shared_ptr<Session> session, Lease* lease, std::vector<const jobs::CheckedJob*> jobs,
    bool in_doubt, SteadyTime deadline);
/// As above, by the server's function, one by one: for jobs with keys.
boost::asio::awaitable<Tried<Done<jobs::Inserted>>> insert_by_function(
    std::shared_ptr<Session> session, Lease* lease, std::vector<const jobs::CheckedJob*> jobs,
    bool in_doubt, SteadyTime deadline);

}  // namespace rwp::jobs_postgres
