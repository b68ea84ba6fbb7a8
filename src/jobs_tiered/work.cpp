#include "jobs_tiered/work.hpp"

#include "jobs_tiered/refill.hpp"
#include "jobs_tiered/ticket_body.hpp"
#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;
using jobs::ClaimedJob;
using jobs::LeaseState;
using jobs::PerItem;
using jobs::RunRef;
using std::chrono::steady_clock;

constexpr std::size_t kTicketsAtOnce = 1'000;
/// Leases beyond them lapse, and leave a mark.
constexpr std::size_t kMostUnused = 100'000;
/// A claim that wants so many of a backlog takes them from the record itself: to hand them out
/// first would write as much there, and have them go through Redis as well. Fewer wait for a
/// refill, which takes a thousand whatever is wanted.
constexpr std::size_t kTakenDirectly = 250;
/// Leases that are let go after the answer to their completions.
constexpr std::size_t kReleasedLater = 64;

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

/// The run is the record's own since this epoch: Redis knows nothing of it.
std::int64_t own_handle(const Parts& parts) { return -parts.role.epoch; }

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

namespace {

/// Runs that the dispatch gave, and those of the record itself, each asked where they are known.
template <class Answer>
using Ask = std::function<awaitable<PerItem<Answer>>(std::vector<RunRef>)>;

template <class Answer>
awaitable<PerItem<Answer>> ask_both(std::vector<RunRef> runs, Ask<Answer> dispatch,
                                    Ask<Answer> record) {
  std::vector<RunRef> given;
  std::vector<RunRef> own;
  for (const RunRef& run : runs) (run.handle > 0 ? given : own).push_back(run);
  if (own.empty()) co_return co_await dispatch(std::move(given));
  if (given.empty()) co_return co_await record(std::move(own));
  auto of_given = co_await dispatch(std::move(given));
  if (!of_given) co_return of_given.error();
  auto of_own = co_await record(std::move(own));
  if (!of_own) co_return of_own.error();
  std::vector<Result<Answer>> answers;
  answers.reserve(runs.size());
  std::size_t next_given = 0;
  std::size_t next_own = 0;
  for (const RunRef& run : runs) {
    answers.push_back(
        std::move(run.handle > 0 ? (*of_given)[next_given++] : (*of_own)[next_own++]));
  }
  co_return answers;
}

bool is_away(const Error& error) {
  return error.code() == Errc::unavailable || error.code() == Errc::deadline_exceeded;
}

/// The dispatch knows only that a run is not its job's; whether the job is kept at all, the record.
awaitable<PerItem<LeaseState>> tell_gone(std::shared_ptr<Parts> parts, std::vector<RunRef> runs,
                                         PerItem<LeaseState> answers) {
  if (!answers) co_return answers;
  std::vector<Uuid> refused;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& answer = (*answers)[i];
    if (answer || answer.error().code() != Errc::conflict) continue;
    refused.push_back(runs[i].id);
    places.push_back(i);
  }
  if (refused.empty()) co_return answers;
  const auto jobs = co_await parts->record->get(std::move(refused));
  if (!jobs) co_return answers;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& job = (*jobs)[i];
    if (!job && job.error().code() == Errc::not_found) (*answers)[places[i]] = job.error();
  }
  co_return answers;
}

awaitable<PerItem<LeaseState>> extend_given(std::shared_ptr<Parts> parts, std::vector<RunRef> runs,
                                            std::chrono::milliseconds lease) {
  if (!parts->dispatches()) co_return co_await parts->record->extend(std::move(runs), lease);
  auto extended = co_await parts->dispatch->extend(runs, lease);
  if (extended || !is_away(extended.error())) {
    co_return co_await tell_gone(parts, std::move(runs), std::move(extended));
  }
  co_return co_await parts->record->check_tickets(std::move(runs));
}

awaitable<PerItem<LeaseState>> start_given(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  auto started = co_await parts->dispatch->mark_started(runs);
  co_return co_await tell_gone(parts, std::move(runs), std::move(started));
}

/// Of runs without a handle, those that hold: the dispatch may have given them, too.
std::vector<RunRef> held_of(const std::vector<RunRef>& runs, const PerItem<LeaseState>& answers) {
  std::vector<RunRef> held;
  for (std::size_t i = 0; answers && i < runs.size(); ++i) {
    if ((*answers)[i]) held.push_back(runs[i]);
  }
  return held;
}

awaitable<PerItem<LeaseState>> extend_own(std::shared_ptr<Parts> parts, std::vector<RunRef> runs,
                                          std::chrono::milliseconds lease) {
  auto answers = co_await parts->record->extend(runs, lease);
  auto held = held_of(runs, answers);
  if (!held.empty() && parts->dispatches()) {
    (void)co_await parts->dispatch->extend(std::move(held), lease);
  }
  co_return answers;
}

awaitable<PerItem<LeaseState>> start_own(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  auto answers = co_await parts->record->mark_started(runs);
  auto held = held_of(runs, answers);
  if (!held.empty() && parts->dispatches()) {
    (void)co_await parts->dispatch->mark_started(std::move(held));
  }
  co_return answers;
}

/// Of runs whose completion was refused, those that the record has moved on from: a child's fault
/// leaves the run its job's.
awaitable<std::vector<RunRef>> stale_of(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  if (runs.empty()) co_return runs;
  const auto checked = co_await parts->record->check_tickets(runs);
  // The leases lapse.
  if (!checked) co_return std::vector<RunRef>();
  std::vector<RunRef> stale;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!(*checked)[i]) stale.push_back(runs[i]);
  }
  co_return stale;
}

awaitable<void> release_all(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  (void)co_await parts->releases->run(std::move(runs));
}

/// A completion that had been accepted before, and whose job has been given a new ticket at once:
/// until that is claimed, the answer is as it was.
awaitable<void> answer_repeated(std::shared_ptr<Parts> parts, const std::vector<RunRef>* runs,
                                std::vector<Result<jobs::JobState>>* answers) {
  std::vector<Uuid> ids;
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < runs->size(); ++i) {
    if ((*answers)[i] || (*answers)[i].error().code() != Errc::conflict) continue;
    ids.push_back((*runs)[i].id);
    at.push_back(i);
  }
  if (ids.empty()) co_return;
  const auto records = co_await parts->record->dispatch_records(ids);
  const auto places = co_await parts->dispatch->look(std::move(ids));
  if (!records || !places) co_return;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const jobs::DispatchRecord& record = (*records)[i];
    const bool leased =
        (*places)[i].where == TicketPlace::Where::leased && (*places)[i].token >= record.token;
    if (record.is_dispatched && !leased && record.finished_token == (*runs)[at[i]].token) {
      (*answers)[at[i]] = jobs::JobState::ready;
    }
  }
}

/// A lease that stays lapses, and is dropped then.
awaitable<void> release(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  if (runs.empty()) co_return;
  if (runs.size() < kReleasedLater || parts->closed) {
    (void)co_await parts->releases->run(std::move(runs));
    co_return;
  }
  // Nobody is kept from his next batch; until they are gone, the leases only count as such.
  ++parts->releasing;
  spawn(parts->runtime.executor(), release_all(parts, std::move(runs)),
        [parts](std::exception_ptr) {
          --parts->releasing;
          parts->closing.notify_all();
        });
}

}  // namespace

awaitable<PerItem<LeaseState>> mark_started(std::shared_ptr<Parts> parts,
                                            std::vector<RunRef> runs) {
  Ask<LeaseState> record = [parts](std::vector<RunRef> some) {
    return start_own(parts, std::move(some));
  };
  Ask<LeaseState> dispatch = record;
  if (parts->dispatches()) {
    dispatch = [parts](std::vector<RunRef> some) { return start_given(parts, std::move(some)); };
  }
  return ask_both<LeaseState>(std::move(runs), std::move(dispatch), std::move(record));
}

awaitable<PerItem<LeaseState>> extend(std::shared_ptr<Parts> parts, std::vector<RunRef> runs,
                                      std::chrono::milliseconds lease) {
  Ask<LeaseState> record = [parts, lease](std::vector<RunRef> some) {
    return extend_own(parts, std::move(some), lease);
  };
  Ask<LeaseState> dispatch = [parts, lease](std::vector<RunRef> some) {
    return extend_given(parts, std::move(some), lease);
  };
  return ask_both<LeaseState>(std::move(runs), std::move(dispatch), std::move(record));
}

awaitable<PerItem<jobs::JobState>> finish(std::shared_ptr<Parts> parts,
                                          std::vector<jobs::CheckedCompletion> completions) {
  std::vector<RunRef> runs;
  runs.reserve(completions.size());
  for (jobs::CheckedCompletion& completion : completions) {
    runs.push_back(completion.run);
    // The record has noted itself when such a run began.
    if (completion.run.handle < 0) completion.run.handle = 0;
  }
  auto answers = co_await parts->record->record_ends(std::move(completions));
  if (!answers) co_return answers;
  std::vector<RunRef> ended;
  std::vector<RunRef> refused;
  ended.reserve(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const bool ok = (*answers)[i].has_value();
    if (ok && runs[i].handle == own_handle(*parts)) continue;
    if (runs[i].handle > 0 || parts->dispatches()) (ok ? ended : refused).push_back(runs[i]);
  }
  auto stale = co_await stale_of(parts, std::move(refused));
  ended.insert(ended.end(), stale.begin(), stale.end());
  if (!stale.empty()) co_await answer_repeated(parts, &runs, &*answers);
  co_await release(parts, std::move(ended));
  co_return answers;
}

awaitable<void> hand_back_unused(std::shared_ptr<Parts> parts) {
  if (parts->unused.empty()) co_return;
  auto runs = std::exchange(parts->unused, {});
  const auto handed = co_await parts->dispatch->hand_back(runs);
  if (!handed) parts->unused.insert(parts->unused.end(), runs.begin(), runs.end());
}

awaitable<Result<jobs::Rescued>> rescue(std::shared_ptr<Parts> parts, std::size_t limit) {
  auto rescued = co_await parts->record->rescue(limit);
  if (!rescued || !parts->dispatches()) co_return rescued;
  while (parts->topping_up && !parts->closed) {
    const Wake wake = co_await parts->topped_up.wait_until(SteadyTime::max());
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
  }
  rescued->parks += std::exchange(parts->lapsed_parks, 0);
  co_await hand_back_unused(parts);
  auto lapsed = co_await parts->dispatch->expired(limit);
  // Redis away or closed: nobody can tell what has lapsed.
  if (!lapsed || lapsed->empty()) co_return rescued;
  std::vector<jobs::LostRun> lost;
  lost.reserve(lapsed->size());
  for (const LapsedLease& lease : *lapsed) {
    lost.push_back({.id = lease.id, .token = lease.token, .started = lease.started});
  }
  // The record first: from then on the old run is stale.
  auto taken = co_await parts->record->take_back(std::move(lost), std::nullopt);
  if (!taken) co_return taken.error();
  std::vector<RunRef> dropped;
  for (std::size_t i = 0; i < lapsed->size(); ++i) {
    const auto& answer = (*taken)[i];
    if (answer) {
      ++rescued->leases;
      rescued->quarantined += *answer == jobs::JobState::failed ? 1 : 0;
    } else if (answer.error().code() != Errc::conflict &&
               answer.error().code() != Errc::not_found) {
      continue;
    }
    dropped.push_back({.id = (*lapsed)[i].id, .token = (*lapsed)[i].token});
  }
  if (!dropped.empty()) (void)co_await parts->releases->run(std::move(dropped));
  co_return rescued;
}

}  // namespace rwp::jobs_tiered
