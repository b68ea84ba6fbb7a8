#include "jobs_tiered/refill.hpp"
#include "jobs_tiered/ticket_body.hpp"
#include "jobs_tiered/work.hpp"
#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;
using jobs::ClaimedJob;
using jobs::RunRef;
using std::chrono::steady_clock;

constexpr std::size_t kTicketsAtOnce = 1'000;
/// Leases beyond them lapse, and leave a mark.
constexpr std::size_t kMostUnused = 100'000;
/// A claim that wants so many of a backlog takes them from the record itself: to hand them out
/// first would write as much there, and have them go through Redis as well. Fewer wait for a
/// refill, which takes a thousand whatever is wanted.
constexpr std::size_t kTakenDirectly = 250;

/// A ticket on its way to a job, and what is still to be asked of the record.
struct Reading {
  ClaimedJob job{};
  LaneId lane = 0;
  bool must_check = false;
  bool must_load = false;
  bool is_refused = false;
  bool is_cancelled = false;
};

Reading read_ticket(const ClaimedTicket& ticket, jobs::TimePoint now) {
  Reading reading;
  reading.lane = ticket.lane;
  const BodyRead body = read_body(ticket.body, reading.job);
  reading.job.run = RunRef{.id = ticket.id, .token = ticket.token, .handle = jobs::to_ms(now)};
  reading.job.priority = ticket.priority;
  reading.job.alone = ticket.alone;
  reading.job.started = ticket.started;
  reading.job.claimed_at = now;
  reading.must_check = ticket.must_check;
  // A body of another program's making, too, is looked up where it is known to be right.
  reading.must_load = !body.is_intact || body.is_elsewhere;
  return reading;
}

awaitable<Result<void>> ask_the_record(std::shared_ptr<Parts> parts,
                                       std::vector<Reading>* readings) {
  std::vector<RunRef> to_check;
  std::vector<RunRef> to_load;
  std::vector<Reading*> checked;
  std::vector<Reading*> loaded;
  for (Reading& reading : *readings) {
    if (reading.must_check) {
      to_check.push_back(reading.job.run);
      checked.push_back(&reading);
    }
    if (reading.must_load) {
      to_load.push_back(reading.job.run);
      loaded.push_back(&reading);
    }
  }
  if (!to_check.empty()) {
    // By a write, so that whoever has missed them before they were claimed leaves them alone.
    auto answers = co_await parts->record->confirm_tickets(std::move(to_check));
    if (!answers) co_return answers.error();
    for (std::size_t i = 0; i < checked.size(); ++i) {
      const auto& answer = (*answers)[i];
      checked[i]->is_cancelled = answer && answer->cancel_requested;
      checked[i]->is_refused = !answer || answer->cancel_requested;
      Series::count(checked[i]->is_refused ? parts->series.check_refused : parts->series.checked,
                    1);
    }
  }
  if (!to_load.empty()) {
    auto answers = co_await parts->record->load_tickets(std::move(to_load));
    if (!answers) co_return answers.error();
    for (std::size_t i = 0; i < loaded.size(); ++i) {
      auto& answer = (*answers)[i];
      if (!answer) {
        loaded[i]->is_refused = true;
        continue;
      }
      ClaimedJob& job = loaded[i]->job;
      answer->job.run = job.run;
      answer->job.alone = job.alone;
      answer->job.started = job.started;
      answer->job.claimed_at = job.claimed_at;
      job = std::move(answer->job);
    }
  }
  co_return Result<void>();
}

/// Names the jobs' lanes, those that others have just made, too.
awaitable<Result<void>> name_lanes(std::shared_ptr<Parts> parts, std::vector<Reading>* readings) {
  bool refreshed = false;
  for (Reading& reading : *readings) {
    if (parts->record->name_lane(reading.lane, reading.job)) continue;
    if (!refreshed) {
      auto done = co_await parts->record->refresh_lanes();
      if (!done) co_return done.error();
      refreshed = true;
    }
    if (!parts->record->name_lane(reading.lane, reading.job)) reading.is_refused = true;
  }
  co_return Result<void>();
}

/// Tickets that must not run: their leases go; those whose cancellation was asked for end.
awaitable<void> drop_refused(std::shared_ptr<Parts> parts, std::vector<Reading>* readings) {
  std::vector<RunRef> stale;
  std::vector<jobs::LostRun> cancelled;
  for (const Reading& reading : *readings) {
    if (!reading.is_refused) continue;
    stale.push_back(reading.job.run);
    if (reading.is_cancelled) {
      cancelled.push_back({.id = reading.job.run.id, .token = reading.job.run.token});
    }
  }
  if (stale.empty()) co_return;
  // What fails here is done by the reconciler.
  if (!cancelled.empty()) {
    (void)co_await parts->record->take_back(std::move(cancelled), std::nullopt);
  }
  (void)co_await parts->releases->run(std::move(stale));
  std::erase_if(*readings, [](const Reading& reading) { return reading.is_refused; });
}

TicketClaim ticket_claim(const Parts& parts, const jobs::ClaimRequest& request) {
  TicketClaim claiming;
  for (jobs::RecordLane& lane : parts.record->lanes_of(request)) {
    claiming.lanes.push_back({.lane = lane.lane, .queue = std::move(lane.queue)});
  }
  claiming.limit = request.limit;
  claiming.start = request.start;
  claiming.lease = request.lease;
  return claiming;
}

/// One script gives some thousand at most.
awaitable<Result<std::vector<ClaimedTicket>>> claim_in_turns(std::shared_ptr<Parts> parts,
                                                             TicketClaim wanted) {
  std::vector<ClaimedTicket> all;
  while (all.size() < wanted.limit) {
    TicketClaim some = wanted;
    some.limit = std::min(wanted.limit - all.size(), kTicketsAtOnce);
    some.start = wanted.start - std::min(wanted.start, all.size());
    const std::size_t limit = some.limit;
    auto claimed = co_await parts->dispatch->claim(std::move(some));
    // What has been claimed is to be run.
    if (!claimed && all.empty()) co_return claimed.error();
    if (!claimed) break;
    const bool last = claimed->size() < limit || claimed->back().alone;
    std::move(claimed->begin(), claimed->end(), std::back_inserter(all));
    if (last) break;
  }
  co_return all;
}

/// No handler will begin. What Redis cannot be told now is told with the next rescue.
awaitable<void> leave_unused(std::shared_ptr<Parts> parts, const std::vector<Reading>* readings,
                             Error why) {
  for (const Reading& reading : *readings) {
    if (parts->unused.size() < kMostUnused) parts->unused.push_back(reading.job.run);
  }
  if (why.code() != Errc::cancelled) co_await hand_back_unused(std::move(parts));
}

awaitable<Result<std::vector<ClaimedJob>>> claim_tickets(std::shared_ptr<Parts> parts,
                                                         jobs::ClaimRequest request) {
  std::vector<ClaimedJob> claimed;
  TicketClaim claiming = ticket_claim(*parts, request);
  if (claiming.lanes.empty()) co_return claimed;
  const SteadyTime asked = steady_clock::now();
  auto tickets = co_await claim_in_turns(parts, std::move(claiming));
  if (!tickets) co_return tickets.error();
  const jobs::TimePoint now = parts->record->now();
  std::vector<Reading> readings;
  readings.reserve(tickets->size());
  for (const ClaimedTicket& ticket : *tickets) readings.push_back(read_ticket(ticket, now));
  auto asked_of_record = co_await ask_the_record(parts, &readings);
  if (!asked_of_record) {
    co_await leave_unused(parts, &readings, asked_of_record.error());
    co_return asked_of_record.error();
  }
  auto named = co_await name_lanes(parts, &readings);
  if (!named) {
    co_await leave_unused(parts, &readings, named.error());
    co_return named.error();
  }
  co_await drop_refused(parts, &readings);
  // No run begins whose lease may have lapsed while the record was asked.
  if (steady_clock::now() - asked > request.lease / 2) {
    co_await leave_unused(parts, &readings, Error());
    co_return claimed;
  }
  claimed.reserve(readings.size());
  for (Reading& reading : readings) claimed.push_back(std::move(reading.job));
  co_return claimed;
}

bool is_full(const jobs::ClaimRequest& request, const std::vector<ClaimedJob>& claimed) {
  return claimed.size() >= request.limit || (!claimed.empty() && claimed.back().alone);
}

bool has_backlog(const Parts& parts, const jobs::ClaimRequest& request) {
  const auto lanes = parts.record->lanes_of(request);
  return std::any_of(lanes.begin(), lanes.end(), [&](const jobs::RecordLane& lane) {
    for (std::size_t p = 0; p < jobs::kPriorityCount; ++p) {
      if (parts.dispatch->window(lane.lane, static_cast<jobs::Priority>(p)).has_backlog)
        return true;
    }
    return false;
  });
}

/// Of what waits beyond the windows, when those have run dry.
awaitable<Result<std::vector<ClaimedJob>>> claim_directly(std::shared_ptr<Parts> parts,
                                                          jobs::ClaimRequest request) {
  const std::int64_t handle = own_handle(*parts);
  auto claimed = co_await parts->record->claim(std::move(request));
  if (!claimed || claimed->empty()) co_return claimed;
  for (ClaimedJob& job : *claimed) job.run.handle = handle;
  Series::count(parts->series.taken, claimed->size());
  co_return claimed;
}

void append(std::vector<ClaimedJob>& to, std::vector<ClaimedJob> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// What a claim has come to while it goes on. When it is cancelled its answer is not read: its
/// leases in Redis are given back with the next rescue, since no handler will begin.
class Gathered {
 public:
  explicit Gathered(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}
  ~Gathered() {
    for (const ClaimedJob& job : jobs) {
      if (job.run.handle > 0 && parts_->unused.size() < kMostUnused)
        parts_->unused.push_back(job.run);
    }
  }
  Gathered(const Gathered&) = delete;
  Gathered& operator=(const Gathered&) = delete;

  /// With what was found so far nothing else matters, unless nobody reads it.
  bool must_tell(const Error& error) const {
    return jobs.empty() || error.code() == Errc::cancelled;
  }
  std::vector<ClaimedJob> answer() { return std::exchange(jobs, {}); }

  std::vector<ClaimedJob> jobs{};

 private:
  const std::shared_ptr<Parts> parts_;
};

/// Before the first run under such a lease: after a loss, leases are waited for as long.
awaitable<Result<void>> note_lease(std::shared_ptr<Parts> parts, std::chrono::milliseconds lease) {
  if (lease <= parts->role.longest_lease) co_return Result<void>();
  auto noted = co_await parts->record->note_longest_lease(lease);
  if (noted) parts->role.longest_lease = std::max(parts->role.longest_lease, lease);
  co_return noted;
}

}  // namespace

awaitable<Result<std::vector<ClaimedJob>>> claim(std::shared_ptr<Parts> parts,
                                                 jobs::ClaimRequest request) {
  const auto role = co_await current_role(parts);
  if (!role) co_return role.error();
  if (role->mode == jobs::DispatchMode::record) co_return co_await parts->record->claim(request);
  auto noted = co_await note_lease(parts, request.lease);
  if (!noted) co_return noted.error();
  auto handed = co_await parts->record->take_handed(request);
  if (!handed.empty()) {
    for (ClaimedJob& job : handed) job.run.handle = own_handle(*parts);
    co_return handed;
  }
  const bool second = std::exchange(parts->woken_by_push, false);
  const bool directly = request.limit >= kTakenDirectly && has_backlog(*parts, request);
  if (directly) parts->asked_for_many = steady_clock::now();
  auto claimed = co_await claim_tickets(parts, request);
  if (!claimed || is_full(request, *claimed)) co_return claimed;
  Gathered gathered(parts);
  gathered.jobs = std::move(*claimed);
  request.limit -= gathered.jobs.size();
  request.start -= std::min(request.start, gathered.jobs.size());
  if (directly) {
    // All that was asked for: who is given less waits to be told of more.
    auto direct = co_await claim_directly(parts, request);
    if (!direct && gathered.must_tell(direct.error())) co_return direct;
    if (direct) append(gathered.jobs, std::move(*direct));
    if (!gathered.jobs.empty()) co_return gathered.answer();
  }
  const bool found = !gathered.jobs.empty();
  if (!may_have_backlog(*parts) && (found || second)) co_return gathered.answer();

  auto refreshed = co_await parts->record->refresh_lanes();
  if (!refreshed && gathered.must_tell(refreshed.error())) co_return refreshed.error();
  const auto topped = co_await top_up(parts, 1);
  if (!topped && gathered.must_tell(topped.error())) co_return topped.error();
  auto more = co_await claim_tickets(parts, request);
  if (!more && gathered.must_tell(more.error())) co_return more.error();
  if (more) append(gathered.jobs, std::move(*more));
  co_return gathered.answer();
}

awaitable<Result<void>> wait_for_work(std::shared_ptr<Parts> parts, jobs::ClaimRequest request,
                                      SteadyTime deadline) {
  const auto role = co_await current_role(parts);
  if (role && role->mode == jobs::DispatchMode::record) {
    co_return co_await parts->record->wait_for_work(request, deadline);
  }
  if (parts->closed || may_have_backlog(*parts) || parts->record->has_handed(request)) {
    co_return Result<void>();
  }
  SteadyTime until = deadline;
  if (parts->next_due) {
    const auto ahead = std::chrono::duration_cast<std::chrono::nanoseconds>(*parts->next_due -
                                                                            parts->record->now());
    until = std::min(until, steady_clock::now() + ahead + std::chrono::milliseconds(1));
  }
  std::vector<LaneId> lanes;
  for (const jobs::RecordLane& lane : parts->record->lanes_of(request)) lanes.push_back(lane.lane);
  // Lanes may be made by others meanwhile.
  until = std::min(until, steady_clock::now() + std::chrono::seconds(1));
  // The windows were found empty, and nothing waits beyond them. All who wait here are woken; one
  // of them finds the job.
  const auto offer =
      parts->record->offer_to_run(request, [dispatch = parts->dispatch] { dispatch->wake(); });
  auto waited = co_await parts->dispatch->wait_for_work(std::move(lanes), until);
  parts->woken_by_push = waited.has_value() && steady_clock::now() < until;
  co_return waited;
}

awaitable<void> hand_back_unused(std::shared_ptr<Parts> parts) {
  if (parts->unused.empty()) co_return;
  auto runs = std::exchange(parts->unused, {});
  const auto handed = co_await parts->dispatch->hand_back(runs);
  if (!handed) parts->unused.insert(parts->unused.end(), runs.begin(), runs.end());
}

}  // namespace rwp::jobs_tiered
