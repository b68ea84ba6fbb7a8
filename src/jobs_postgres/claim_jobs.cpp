#include "jobs_postgres/claim.hpp"
#include "jobs_postgres/dispatched.hpp"
#include "jobs_postgres/store_parts.hpp"
#include "jobs_postgres/upkeep.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using std::chrono::steady_clock;

/// A claim whose answer may be lost: given up however its call ends, by a cancellation too.
class OpenClaim {
 public:
  OpenClaim(std::shared_ptr<ClaimNumbers> numbers, std::shared_ptr<const std::int64_t> open)
      : numbers_(std::move(numbers)), open_(std::move(open)) {}
  ~OpenClaim() {
    if (*open_ != 0) numbers_->give_up(*open_);
  }
  OpenClaim(const OpenClaim&) = delete;
  OpenClaim& operator=(const OpenClaim&) = delete;

 private:
  const std::shared_ptr<ClaimNumbers> numbers_;
  const std::shared_ptr<const std::int64_t> open_;
};

awaitable<Result<Claimed>> claim_once(std::shared_ptr<Parts> parts, jobs::ClaimRequest request) {
  parts->has_claimed = true;
  auto open = std::make_shared<std::int64_t>(0);
  const OpenClaim giving_up(parts->claims, open);
  std::function<awaitable<Tried<Claimed>>(Lease*, bool, SteadyTime)> work =
      [session = parts->session, numbers = parts->claims, request, open](
          Lease* lease, bool /*in_doubt*/, SteadyTime deadline) {
        return claim(session, lease, request, numbers, open, deadline);
      };
  co_return co_await parts->session->attempt(std::move(work));
}

/// Names the jobs' lanes, those that others have just made, too.
awaitable<Result<void>> name_lanes(std::shared_ptr<Session> session, Claimed* claimed) {
  const bool all_known =
      std::all_of(claimed->lanes.begin(), claimed->lanes.end(),
                  [&](std::int64_t lane) { return session->find_lane(lane) != nullptr; });
  if (!all_known) {
    auto refreshed = co_await session->refresh_lanes();
    if (!refreshed) co_return refreshed.error();
  }
  for (std::size_t i = 0; i < claimed->jobs.size(); ++i) {
    const Lane* lane = session->find_lane(claimed->lanes[i]);
    if (lane == nullptr) co_return Error(Errc::corrupt, "a job is in a lane that is not there");
    claimed->jobs[i].kind = lane->kind;
    claimed->jobs[i].version = lane->version;
    claimed->jobs[i].queue = lane->queue;
  }
  co_return Result<void>();
}

}  // namespace

awaitable<std::vector<jobs::ClaimedJob>> take_handed(std::shared_ptr<Parts> parts,
                                                     jobs::ClaimRequest request) {
  std::vector<jobs::ClaimedJob> jobs;
  // Until they are extended they are nobody's, also when this is cancelled.
  std::vector<Handovers::Handed> others;
  std::vector<Heartbeat> beats;
  for (auto& handed : parts->session->options().handovers->take(request)) {
    if (handed.lease == request.lease) {
      handed.reserved.taken();
      jobs.push_back(std::move(handed.job));
    } else {
      beats.push_back({.run = handed.job.run, .lease = request.lease});
      others.push_back(std::move(handed));
    }
  }
  if (beats.empty()) co_return jobs;
  const auto extended = co_await parts->heartbeats->run(std::move(beats));
  if (!extended) co_return jobs;
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (!(*extended)[i]) continue;
    others[i].reserved.taken();
    jobs.push_back(std::move(others[i].job));
  }
  co_return jobs;
}

awaitable<Result<std::vector<jobs::ClaimedJob>>> claim_jobs(std::shared_ptr<Parts> parts,
                                                            jobs::ClaimRequest request) {
  auto handed = co_await take_handed(parts, request);
  if (!handed.empty()) co_return handed;
  const auto begun = steady_clock::now();
  auto claimed = co_await claim_once(parts, request);
  if (!claimed) co_return claimed.error();
  auto named = co_await name_lanes(parts->session, &*claimed);
  if (!named) {
    parts->claims->give_up(claimed->number);
    co_return named.error();
  }
  std::vector<jobs::ClaimedJob> jobs = std::move(claimed->jobs);
  vacuum_when_dry(*parts, jobs.size(), request.limit);
  if (claimed->next_due && *claimed->next_due <= claimed->now) {
    auto promoted = co_await promote_due(parts->session, std::max<std::size_t>(request.limit, 100));
    const bool full = jobs.size() >= request.limit || (!jobs.empty() && jobs.back().alone);
    if (promoted && !full) {
      const std::size_t begun_with = jobs.size();
      request.limit -= begun_with;
      request.start -= std::min(request.start, begun_with);
      auto more = co_await claim_once(parts, request);
      if (more) named = co_await name_lanes(parts->session, &*more);
      if (more && !named) parts->claims->give_up(more->number);
      if (more && named) {
        std::move(more->jobs.begin(), more->jobs.end(), std::back_inserter(jobs));
      }
    }
    if (promoted) {
      Effects effects;
      effects.look_again = true;
      for (const std::int64_t lane : *promoted) effects.made_ready(lane);
      parts->watch->on_committed(std::move(effects));
    }
  }
  if (parts->claim_seconds != nullptr) {
    parts->claim_seconds->observe(
        std::chrono::duration<double>(steady_clock::now() - begun).count());
  }
  co_return jobs;
}

awaitable<Result<std::vector<jobs::DispatchedJob>>> refill_jobs(std::shared_ptr<Parts> parts,
                                                                jobs::RefillRequest request) {
  // An answer that is lost leaves jobs dispatched of which nobody knows: they are found as any
  // ticket that is lost.
  std::function<awaitable<Tried<std::vector<jobs::DispatchedJob>>>(Lease*, bool, SteadyTime)> work =
      [session = parts->session, request](Lease* lease, bool /*in_doubt*/, SteadyTime deadline) {
        return refill(session, lease, request, deadline);
      };
  co_return co_await parts->session->attempt(std::move(work));
}

}  // namespace rwp::jobs_postgres
