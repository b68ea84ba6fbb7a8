#pragma once

#include "jobs_postgres/session.hpp"
#include "jobs_postgres/transact.hpp"
#include <rwp/jobs/record_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

/// Jobs that a dispatch beside the record hands out: docs/decisions/0012.
namespace rwp::jobs_postgres {

/// One transaction: inserts jobs without keys, those that are due as dispatched, or finds those
/// that stand in their place. Their lanes are known.
boost::asio::awaitable<Tried<Done<jobs::RecordInserted>>> insert_dispatched(
    std::shared_ptr<Session> session, Lease* lease, std::vector<const jobs::CheckedJob*> jobs,
    bool in_doubt, SteadyTime deadline);

/// Asks for what read_record() reads, of the jobs that are running.
Command look_at_records(const std::vector<Uuid>& ids);
jobs::DispatchRecord read_record(const Rows& rows, std::size_t row);

/// Which lanes have ready jobs, those of paused queues left out; what is due is moved first.
boost::asio::awaitable<Result<jobs::Backlog>> look_at_backlog(std::shared_ptr<Session> session);
/// One transaction: the first ready jobs of a lane and priority become dispatched. Their lanes are
/// not named yet.
boost::asio::awaitable<Tried<std::vector<jobs::DispatchedJob>>> refill(
    std::shared_ptr<Session> session, Lease* lease, jobs::RefillRequest request,
    SteadyTime deadline);

/// One transaction; see RecordStore.
boost::asio::awaitable<Tried<Done<JobState>>> take_back(std::shared_ptr<Session> session,
                                                        Lease* lease,
                                                        std::vector<jobs::LostRun> runs,
                                                        std::optional<std::int64_t> term,
                                                        SteadyTime deadline);

boost::asio::awaitable<jobs::PerItem<jobs::LeaseState>> confirm_tickets(
    std::shared_ptr<Session> session, std::vector<jobs::RunRef> runs);
boost::asio::awaitable<jobs::PerItem<jobs::LeaseState>> check_tickets(
    std::shared_ptr<Session> session, std::vector<jobs::RunRef> runs);
boost::asio::awaitable<jobs::PerItem<jobs::DispatchedJob>> load_tickets(
    std::shared_ptr<Session> session, std::vector<jobs::RunRef> runs);
boost::asio::awaitable<Result<std::vector<jobs::DispatchRecord>>> dispatch_records(
    std::shared_ptr<Session> session, std::vector<Uuid> ids);
boost::asio::awaitable<Result<std::vector<jobs::DispatchRecord>>> dispatched_after(
    std::shared_ptr<Session> session, Uuid after, std::size_t limit);
boost::asio::awaitable<Result<std::vector<std::pair<jobs::RecordLane, std::size_t>>>>
dispatched_counts(std::shared_ptr<Session> session);
boost::asio::awaitable<Result<std::int64_t>> last_stamp(std::shared_ptr<Session> session);

}  // namespace rwp::jobs_postgres
