#include "jobs_tiered/refill.hpp"

#include <algorithm>
#include <set>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;
using std::chrono::steady_clock;

constexpr std::size_t kTicketsAtOnce = 1'000;
constexpr std::size_t kBytesAtOnce = std::size_t{8} << 20U;
/// Between two looks for room while the window is full.
constexpr std::chrono::milliseconds kFullPause{20};
/// And so much more while turns come to nothing.
constexpr std::chrono::milliseconds kMostMorePause{180};
constexpr std::chrono::milliseconds kLookAtLeast{1'000};
/// Claims of this store that take a backlog from the record itself come more often than this.
constexpr std::chrono::milliseconds kTakenPause{50};
constexpr std::chrono::milliseconds kAfterFailure{500};

std::size_t room_in(const Parts& parts, LaneId lane, jobs::Priority priority) {
  const std::size_t room = parts.dispatch->window(lane, priority).room;
  const auto found = parts.under_way.find({lane, priority});
  const std::size_t taken = found == parts.under_way.end() ? 0 : found->second;
  return room - std::min(room, taken);
}

/// Some of one lane and priority. Answers how many are queued, and whether there are more.
awaitable<Result<std::pair<std::size_t, bool>>> refill_lane(std::shared_ptr<Parts> parts,
                                                            jobs::LaneBacklog from,
                                                            std::size_t room) {
  jobs::RefillRequest request;
  request.from = from;
  request.limit = std::min(room, kTicketsAtOnce);
  request.max_bytes = kBytesAtOnce;
  const std::size_t limit = request.limit;
  auto given = co_await parts->record->refill(request);
  if (!given) co_return given.error();
  std::vector<Ticket> tickets;
  tickets.reserve(given->size());
  for (const jobs::DispatchedJob& job : *given) tickets.push_back(ticket_of(job));
  const std::size_t queued = co_await give_out(parts, std::move(tickets));
  co_return std::pair(queued, given->size() >= limit);
}

/// So that submits do not overtake what waits.
awaitable<void> tell_backlog(std::shared_ptr<Parts> parts, jobs::LaneBacklog of, bool waits) {
  if (parts->dispatch->window(of.lane, of.priority).has_backlog == waits) co_return;
  (void)co_await parts->dispatch->set_backlog(of.lane, of.priority, waits);
}

awaitable<Result<std::size_t>> refill_round(std::shared_ptr<Parts> parts,
                                            std::vector<jobs::LaneBacklog> backlog, bool* is_full) {
  std::set<LaneId> lanes;
  for (const jobs::LaneBacklog& of : backlog) lanes.insert(of.lane);
  std::vector<LaneId> asked(lanes.begin(), lanes.end());
  auto read = co_await parts->dispatch->read_windows(std::move(asked));
  if (!read) co_return read.error();
  std::size_t queued = 0;
  for (const jobs::LaneBacklog& of : backlog) {
    const std::size_t room = room_in(*parts, of.lane, of.priority);
    // A few at a time would cost a round trip each.
    const std::size_t held = parts->dispatch->window(of.lane, of.priority).jobs;
    if (room == 0 || (room < kTicketsAtOnce && held > parts->options.window_jobs / 2)) {
      *is_full = true;
      co_await tell_backlog(parts, of, true);
      continue;
    }
    const auto done = co_await refill_lane(parts, of, room);
    if (!done) co_return done.error();
    queued += done->first;
    co_await tell_backlog(parts, of, done->second);
  }
  co_return queued;
}

awaitable<Result<ToppedUp>> top_up_now(std::shared_ptr<Parts> parts, int rounds) {
  ToppedUp topped;
  if (!parts->dispatch->is_open()) co_return topped;
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t seen = parts->record->backlog_changes();
    auto backlog = co_await parts->record->look_at_backlog();
    if (!backlog) co_return backlog.error();
    parts->next_due = backlog->next_due;
    parts->lapsed_parks += backlog->lapsed_parks;
    parts->backlog_seen = seen;
    topped.is_full = false;
    if (backlog->lanes.empty()) break;
    const auto queued = co_await refill_round(parts, std::move(backlog->lanes), &topped.is_full);
    if (!queued) co_return queued.error();
    topped.queued += *queued;
    if (*queued == 0) break;
  }
  co_return topped;
}

}  // namespace

bool has_room(const Parts& parts, LaneId lane, jobs::Priority priority, std::size_t wanted) {
  if (!parts.dispatches() || !parts.dispatch->is_open()) return false;
  if (lane == 0) return true;
  return !parts.dispatch->window(lane, priority).has_backlog &&
         room_in(parts, lane, priority) > wanted;
}

bool may_have_backlog(const Parts& parts) {
  return parts.record->backlog_changes() != parts.backlog_seen ||
         (parts.next_due && *parts.next_due <= parts.record->now());
}

awaitable<Result<ToppedUp>> top_up(std::shared_ptr<Parts> parts, int rounds) {
  while (parts->topping_up) {
    const Wake wake = co_await parts->topped_up.wait_until(SteadyTime::max());
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    // What has begun since then is looked for again.
    if (!parts->topping_up && !may_have_backlog(*parts)) co_return ToppedUp{.queued = 1};
  }
  parts->topping_up = true;
  struct Ending {
    Parts& of;
    explicit Ending(Parts& it) : of(it) {}
    ~Ending() {
      of.topping_up = false;
      of.topped_up.notify_all();
    }
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;
  };
  const Ending ending(*parts);
  co_return co_await top_up_now(parts, rounds);
}

namespace {

/// When the next job that waits becomes due, or it is time to look again.
SteadyTime next_look(const Parts& parts) {
  const SteadyTime latest = steady_clock::now() + kLookAtLeast;
  if (!parts.next_due) return latest;
  const auto ahead = std::max<std::chrono::nanoseconds>(*parts.next_due - parts.record->now(),
                                                        std::chrono::nanoseconds(0));
  return std::min(latest, steady_clock::now() + ahead + std::chrono::milliseconds(1));
}

/// One round: claims that found nothing wait for it. Ends when another may be due; an error ends
/// the loop.
awaitable<Result<void>> top_up_and_wait(std::shared_ptr<Parts> parts,
                                        std::chrono::milliseconds* more_pause) {
  const auto topped = co_await top_up(parts, 1);
  if (!topped && topped.error().code() == Errc::cancelled) co_return topped.error();
  if (!topped) co_return co_await sleep_for(kAfterFailure);
  if (topped->queued > 0) *more_pause = std::chrono::milliseconds(0);
  if (topped->is_full) {
    auto slept = co_await sleep_for(kFullPause);
    if (!slept) co_return slept;
    // Nobody may be taking from them; what comes to wait meanwhile is heard of.
    const SteadyTime until = steady_clock::now() + *more_pause;
    auto heard = co_await parts->record->wait_for_backlog(parts->backlog_seen, until);
    *more_pause = std::min(*more_pause + kFullPause, kMostMorePause);
    co_return heard;
  }
  if (topped->queued > 0) co_return Result<void>();
  co_return co_await parts->record->wait_for_backlog(parts->backlog_seen, next_look(*parts));
}

}  // namespace

awaitable<void> keep_topped_up(std::shared_ptr<Parts> parts, std::shared_ptr<const bool> leads) {
  std::chrono::milliseconds more_pause{0};
  while (!parts->closed) {
    Result<void> done;
    if (steady_clock::now() - parts->asked_for_many < kTakenPause) {
      done = co_await sleep_for(kTakenPause);
    } else if (*leads && parts->dispatches() && parts->dispatch->is_open()) {
      done = co_await top_up_and_wait(parts, &more_pause);
    } else {
      // Others see to it.
      done = co_await sleep_for(kAfterFailure);
    }
    if (!done) co_return;
  }
}

}  // namespace rwp::jobs_tiered
