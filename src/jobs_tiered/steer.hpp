#pragma once

#include "jobs_tiered/parts.hpp"
#include <rwp/jobs/job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

/// What operators ask of the store: the record first, then the dispatch.
namespace rwp::jobs_tiered {

/// A job that was ready is told as cancelled only when it can start no more. While Redis cannot be
/// asked it is told as requested, and the reconciler ends it.
boost::asio::awaitable<jobs::PerItem<jobs::CancelOutcome>> cancel(std::shared_ptr<Parts> parts,
                                                                  std::vector<Uuid> ids);
/// A ticket is taken back first, since it stands in the order of its old priority.
boost::asio::awaitable<jobs::PerItem<jobs::JobState>> set_priority(std::shared_ptr<Parts> parts,
                                                                   std::vector<Uuid> ids,
                                                                   jobs::Priority priority);
/// What the record takes for running, and waits in Redis, is ready.
boost::asio::awaitable<jobs::PerItem<jobs::JobState>> retry(std::shared_ptr<Parts> parts,
                                                            std::vector<Uuid> ids);
boost::asio::awaitable<jobs::PerItem<jobs::JobState>> unpark(
    std::shared_ptr<Parts> parts, std::vector<jobs::UnparkRequest> requests);
boost::asio::awaitable<Result<void>> set_paused(std::shared_ptr<Parts> parts, std::string queue,
                                                bool paused);

}  // namespace rwp::jobs_tiered
