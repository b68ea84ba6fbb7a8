#pragma once

#include "jobs_postgres/session.hpp"
#include <rwp/jobs/requests.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace rwp::jobs_postgres {

/// Whether a claim may take jobs of this lane.
bool supports(const jobs::ClaimRequest& request, const Lane& lane);

/// Jobs as a claim's rows give them; their lanes are named later.
struct Claimed {
  std::vector<jobs::ClaimedJob> jobs{};
  std::vector<std::int64_t> lanes{};
  /// When the next job that waits becomes due, or has.
  std::optional<TimePoint> next_due{};
  TimePoint now{};
};

/// Reads id, lane, priority, attempt, max_attempts, marks, token, flags, more, created_at, timeout,
/// tenant, payload, payload_blob, rare.
void read_claimed(const Rows& rows, Claimed& claimed);

/// One transaction. `number` tells this claim from the store's others: one whose answer was lost is
/// found again by it.
boost::asio::awaitable<Tried<Claimed>> claim(std::shared_ptr<Session> session, Lease* lease,
                                             jobs::ClaimRequest request, std::int64_t number,
                                             bool in_doubt, SteadyTime deadline);

/// Moves jobs whose time has come to ready, the parks past their deadline too; answers the lanes.
boost::asio::awaitable<Result<std::vector<std::int64_t>>> promote_due(
    std::shared_ptr<Session> session, std::size_t limit);

/// Whether a claim would find something now, and when the next job becomes due.
struct WorkOutlook {
  bool ready = false;
  std::optional<std::chrono::milliseconds> next_due_in{};
};
boost::asio::awaitable<Result<WorkOutlook>> look_for_work(std::shared_ptr<Session> session,
                                                          jobs::ClaimRequest request);

}  // namespace rwp::jobs_postgres
