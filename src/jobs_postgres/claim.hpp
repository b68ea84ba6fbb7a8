#pragma once

#include "jobs_postgres/session.hpp"
#include <rwp/jobs/requests.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
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
  std::int64_t number = 0;
};

/// Reads id, lane, priority, attempt, max_attempts, marks, token, flags, more, created_at, timeout,
/// tenant, payload, payload_blob, rare; more may follow.
void read_claimed(const Rows& rows, Claimed& claimed);

/// The numbers that tell one store's claims apart, and which of them may have leased jobs that
/// nobody will run.
class ClaimNumbers {
 public:
  std::int64_t next() { return ++last_; }
  /// Its answer was lost, and nobody looks for it any more; the server may still be at it.
  void give_up(std::int64_t number);
  /// Those that have been given up and may still lease jobs.
  std::vector<std::int64_t> given_up() const;
  /// What they had leased at this time has been freed. Those that were given up so long before that
  /// the server has ended their statements are forgotten; while it is away, none is.
  void freed(SteadyTime at);

 private:
  std::int64_t last_ = 0;
  std::deque<std::pair<std::int64_t, SteadyTime>> given_up_;
};

/// One transaction. Where an earlier try may have been committed, `open` is its number, and what it
/// took is looked for first; 0: there was none. Sets it to this try's own until that is answered.
boost::asio::awaitable<Tried<Claimed>> claim(std::shared_ptr<Session> session, Lease* lease,
                                             jobs::ClaimRequest request,
                                             std::shared_ptr<ClaimNumbers> numbers,
                                             std::shared_ptr<std::int64_t> open,
                                             SteadyTime deadline);

/// Moves jobs whose time has come to ready, the parks past their deadline too; answers the lanes.
/// Adds the number of those to `parks`.
boost::asio::awaitable<Result<std::vector<std::int64_t>>> promote_due(
    std::shared_ptr<Session> session, std::size_t limit, std::size_t* parks = nullptr);

/// Whether a claim would find something now, and when the next job becomes due.
struct WorkOutlook {
  bool ready = false;
  std::optional<std::chrono::milliseconds> next_due_in{};
};
boost::asio::awaitable<Result<WorkOutlook>> look_for_work(std::shared_ptr<Session> session,
                                                          jobs::ClaimRequest request);

}  // namespace rwp::jobs_postgres
