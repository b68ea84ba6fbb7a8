#pragma once

#include "jobs_tiered/parts.hpp"
#include <rwp/jobs/job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

/// What workers ask of the store, while a dispatch hands jobs out. A run that the dispatch gave has
/// the time of its claim as handle; one that the record gave itself has none.
namespace rwp::jobs_tiered {

/// Of runs that the record itself has given since this epoch: Redis knows nothing of them.
inline std::int64_t own_handle(const Parts& parts) { return -parts.role.epoch; }

/// From the dispatch; tops the window up when it had too few.
boost::asio::awaitable<Result<std::vector<jobs::ClaimedJob>>> claim(std::shared_ptr<Parts> parts,
                                                                    jobs::ClaimRequest request);
boost::asio::awaitable<Result<void>> wait_for_work(std::shared_ptr<Parts> parts,
                                                   jobs::ClaimRequest request, SteadyTime deadline);
boost::asio::awaitable<jobs::PerItem<jobs::LeaseState>> mark_started(
    std::shared_ptr<Parts> parts, std::vector<jobs::RunRef> runs);
/// While Redis is away the record says whether a run still is its job's.
boost::asio::awaitable<jobs::PerItem<jobs::LeaseState>> extend(std::shared_ptr<Parts> parts,
                                                               std::vector<jobs::RunRef> runs,
                                                               std::chrono::milliseconds lease);
/// In the record; then the leases go.
boost::asio::awaitable<jobs::PerItem<jobs::JobState>> finish(
    std::shared_ptr<Parts> parts, std::vector<jobs::CheckedCompletion> completions);
/// What claims took and could not give to the worker goes back, unmarked.
boost::asio::awaitable<void> hand_back_unused(std::shared_ptr<Parts> parts);
boost::asio::awaitable<Result<jobs::Rescued>> rescue(std::shared_ptr<Parts> parts,
                                                     std::size_t limit);

}  // namespace rwp::jobs_tiered
