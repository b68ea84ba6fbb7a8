#pragma once

#include "jobs_postgres/session.hpp"
#include <rwp/jobs/record_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

/// The one row that says who hands jobs out, and who reconciles; see RecordStore.
namespace rwp::jobs_postgres {

boost::asio::awaitable<Result<jobs::DispatchRole>> dispatch_role(std::shared_ptr<Session> session);
boost::asio::awaitable<Result<jobs::DispatchRole>> set_dispatch_mode(
    std::shared_ptr<Session> session, jobs::DispatchMode mode, std::chrono::milliseconds grace);
boost::asio::awaitable<Result<void>> note_longest_lease(std::shared_ptr<Session> session,
                                                        std::chrono::milliseconds lease);
boost::asio::awaitable<Result<jobs::Leadership>> lead(std::shared_ptr<Session> session,
                                                      std::chrono::milliseconds time);
boost::asio::awaitable<Result<void>> stop_leading(std::shared_ptr<Session> session);

/// In mode `record`: gives what is still dispatched a lease, so that it can lapse.
boost::asio::awaitable<Result<void>> lease_what_is_dispatched(std::shared_ptr<Session> session);

boost::asio::awaitable<Result<std::vector<std::string>>> paused_queues(
    std::shared_ptr<Session> session);

}  // namespace rwp::jobs_postgres
