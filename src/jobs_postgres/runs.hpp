#pragma once

#include "jobs_postgres/session.hpp"
#include "jobs_postgres/transact.hpp"
#include <rwp/jobs/checked_job.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

/// What workers ask of the store about runs, each a transaction of its own for many items.
namespace rwp::jobs_postgres {

/// A heartbeat: what extend() is given for one run.
struct Heartbeat {
  jobs::RunRef run{};
  std::chrono::milliseconds lease{};
};

boost::asio::awaitable<Tried<Done<jobs::LeaseState>>> extend(std::shared_ptr<Session> session,
                                                             Lease* lease,
                                                             std::vector<const Heartbeat*> beats,
                                                             SteadyTime deadline);
boost::asio::awaitable<Tried<Done<jobs::LeaseState>>> mark_started(
    std::shared_ptr<Session> session, Lease* lease, std::vector<const jobs::RunRef*> runs,
    SteadyTime deadline);
boost::asio::awaitable<Tried<Done<jobs::LeaseState>>> progress(
    std::shared_ptr<Session> session, Lease* lease,
    std::vector<const jobs::ProgressUpdate*> updates, SteadyTime deadline);

/// The lanes of the children are known.
boost::asio::awaitable<Tried<Done<JobState>>> finish(
    std::shared_ptr<Session> session, Lease* lease,
    std::vector<const jobs::CheckedCompletion*> completions, bool in_doubt, SteadyTime deadline);

Result<JobState> decide_unpark(const jobs::UnparkRequest& request, StateRow* row,
                               RowWriter& writer);

/// Gives back what nobody holds any more. Leases that lapsed while this store could not be sure
/// that their holders reached the server, get their length once more.
boost::asio::awaitable<Result<jobs::Rescued>> rescue(std::shared_ptr<Session> session,
                                                     std::size_t limit,
                                                     std::vector<std::int64_t> given_up_claims,
                                                     Effects* effects);

/// The first look at the leases' clock.
boost::asio::awaitable<Result<void>> look_at_clock(std::shared_ptr<Session> session);

/// Gives up all leases of this store; those of claims that are given up as if they had not been.
boost::asio::awaitable<Result<void>> release_leases(std::shared_ptr<Session> session,
                                                    std::vector<std::int64_t> given_up_claims);

}  // namespace rwp::jobs_postgres
