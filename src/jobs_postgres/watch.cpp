#include "jobs_postgres/watch.hpp"

#include "jobs_postgres/admin.hpp"
#include "jobs_postgres/claim.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kQuickestLook{5};
constexpr milliseconds kSlowestLook{100};
constexpr milliseconds kLookWhileListening{1'000};
constexpr milliseconds kQuickestEndLook{2};
/// What comes within this time of a notification goes with the next.
constexpr milliseconds kGathering{2};
constexpr milliseconds kTellPatience{2'000};
/// Others hear of what a worker here is about to claim so much later: the server does one at a
/// time.
constexpr milliseconds kOwnWorkersFirst{1};
constexpr std::chrono::seconds kListenPatience{30};
/// After the listener's connection broke.
constexpr milliseconds kListenAgainAfter{100};
/// Ids that one look asks for.
constexpr std::size_t kIdsPerLook = 1'000;
/// A notification holds less than 8,000 bytes.
constexpr std::size_t kMostLanesTold = 500;

/// Those who wait for ends say so this often; who hears it tells ends for a while longer.
constexpr std::chrono::seconds kAskForEndsEvery{10};
constexpr std::chrono::seconds kTellEndsFor{25};
/// While ends are told, looks are for what somebody who does not listen has ended.
constexpr milliseconds kLookForEndsWhileTold{500};
constexpr std::chrono::seconds kToldOfLate{5};
constexpr std::size_t kMostEndsTold = 200;
constexpr char kEndsMark = '!';
constexpr std::string_view kEndsWanted = "?";

constexpr Statement kListen{.name = "rwp_listen", .sql = "LISTEN rwp"};
// Apart: programs of before do not know what is said there.
constexpr Statement kListenToEnds{.name = "rwp_listen_ends", .sql = "LISTEN rwp_ends"};
constexpr Statement kNotifyEnds{.name = "rwp_notify_ends",
                                .sql = "SELECT pg_notify('rwp_ends', $1::text)"};
constexpr Statement kNotifyLazily{.name = "rwp_notify_lazily",
                                  .sql = "SELECT set_config('synchronous_commit', 'off', true)"};
constexpr Statement kNotify{.name = "rwp_notify", .sql = "SELECT pg_notify('rwp', $1::text)"};

}  // namespace

/// Enters a waiter's ids, and takes out what is left of them when the wait ends, however it ends.
class Watch::EndRegistration {
 public:
  EndRegistration(Watch& watch, EndWaiter& waiter, std::vector<Uuid> ids)
      : watch_(watch), waiter_(waiter), ids_(std::move(ids)) {
    for (const Uuid& id : ids_) watch_.open_.emplace(id, &waiter_);
    waiter_.open = ids_.size();
  }
  ~EndRegistration() {
    if (waiter_.open == 0) return;
    for (const Uuid& id : ids_) {
      const auto [first, last] = watch_.open_.equal_range(id);
      for (auto it = first; it != last;) {
        it = it->second == &waiter_ ? watch_.open_.erase(it) : std::next(it);
      }
    }
  }
  EndRegistration(const EndRegistration&) = delete;
  EndRegistration& operator=(const EndRegistration&) = delete;

 private:
  Watch& watch_;
  EndWaiter& waiter_;
  const std::vector<Uuid> ids_;
};

/// Enters a waiter for as long as its coroutine's frame lives, however that ends.
class Watch::WorkRegistration {
 public:
  WorkRegistration(std::list<WorkWaiter*>& waiters, WorkWaiter& waiter)
      : waiters_(waiters), place_(waiters.insert(waiters.end(), &waiter)) {}
  ~WorkRegistration() { waiters_.erase(place_); }
  WorkRegistration(const WorkRegistration&) = delete;
  WorkRegistration& operator=(const WorkRegistration&) = delete;

 private:
  std::list<WorkWaiter*>& waiters_;
  const std::list<WorkWaiter*>::iterator place_;
};

Watch::Watch(std::shared_ptr<Session> session, bool listens)
    : session_(std::move(session)), listens_(listens) {}

bool Watch::tell_here(const Effects& effects) {
  bool is_wanted = false;
  if (effects.look_again || !effects.ready_lanes.empty()) {
    ++changes_;
    changed_.notify_all();
  }
  for (WorkWaiter* waiter : work_waiters_) {
    const bool there =
        std::any_of(effects.ready_lanes.begin(), effects.ready_lanes.end(), [&](std::int64_t id) {
          const Lane* lane = session_->find_lane(id);
          return lane == nullptr || supports(waiter->request, *lane);
        });
    if (there) waiter->there = true;
    is_wanted = is_wanted || there;
    if (effects.look_again) waiter->look = true;
    if (there || effects.look_again) waiter->changed.notify_all();
  }
  if (!open_.empty()) note_ended(effects.ended);
  return is_wanted;
}

void Watch::on_committed(Effects effects) {
  if (effects.empty() || closed_) return;
  own_workers_first_ = tell_here(effects);
  if (!effects.ended.empty()) tell_ends(effects.ended);
  if (effects.ready_lanes.empty() && !effects.look_again) return;
  lanes_to_tell_.insert(effects.ready_lanes.begin(), effects.ready_lanes.end());
  look_to_tell_ = look_to_tell_ || effects.look_again;
  start_telling();
}

void Watch::tell_ends(const std::vector<Uuid>& ids) {
  if (steady_clock::now() >= ends_wanted_until_) return;
  // Beyond the bound they are too many to be named: whoever waits looks for himself.
  for (const Uuid& id : ids) {
    if (ends_to_tell_.size() > kMostEndsTold) break;
    ends_to_tell_.push_back(id);
  }
  start_telling();
}

void Watch::ask_for_ends() {
  const SteadyTime now = steady_clock::now();
  if (!listens_ || now - asked_for_ends_ < kAskForEndsEvery) return;
  asked_for_ends_ = now;
  asks_for_ends_ = true;
  start_telling();
}

void Watch::start_telling() {
  if (telling_) return;
  telling_ = true;
  auto self = shared_from_this();
  spawn(session_->runtime().executor(), tell_others(),
        [self](std::exception_ptr) { self->telling_ = false; });
}

std::vector<Command> Watch::take_what_is_to_tell() {
  std::vector<Command> commands;
  const auto say = [&](const Statement& statement, std::string payload) {
    if (commands.empty()) commands.push_back(command(kNotifyLazily));
    commands.push_back(command(statement));
    commands.back().parameters.text(std::move(payload));
  };
  if (look_to_tell_ || lanes_to_tell_.size() > kMostLanesTold) {
    say(kNotify, "*");
  } else if (!lanes_to_tell_.empty()) {
    std::string payload;
    for (const std::int64_t lane : lanes_to_tell_) payload += std::to_string(lane) + ' ';
    say(kNotify, std::move(payload));
  }
  lanes_to_tell_.clear();
  look_to_tell_ = false;
  if (std::exchange(asks_for_ends_, false)) say(kNotifyEnds, std::string(kEndsWanted));
  if (!ends_to_tell_.empty()) {
    std::string payload(1, kEndsMark);
    if (ends_to_tell_.size() <= kMostEndsTold) {
      for (const Uuid& id : ends_to_tell_) payload += id.to_string() + ' ';
    }
    say(kNotifyEnds, std::move(payload));
    ends_to_tell_.clear();
  }
  return commands;
}

awaitable<void> Watch::tell_others() {
  const auto self = shared_from_this();
  if (std::exchange(own_workers_first_, false)) (void)co_await sleep_for(kOwnWorkersFirst);
  while (!closed_) {
    auto commands = take_what_is_to_tell();
    if (commands.empty()) break;
    const auto deadline = steady_clock::now() + kTellPatience;
    {
      auto lease = co_await session_->pool().acquire(deadline);
      // Nobody hears of it then; they look.
      if (!lease) continue;
      (void)co_await lease->run(std::move(commands), deadline);
    }
    (void)co_await sleep_for(kGathering);
  }
  telling_ = false;
}

void Watch::note_ended(const std::vector<Uuid>& ids) {
  for (const Uuid& id : ids) {
    const auto [first, last] = open_.equal_range(id);
    for (auto it = first; it != last; it = open_.erase(it)) {
      if (--it->second->open == 0) it->second->all_ended.notify_all();
    }
  }
}

void Watch::start_listening() {
  if (!listens_ || listening_ || closed_) return;
  listening_ = true;
  std::weak_ptr<Watch> weak = weak_from_this();
  listener_ = Task(session_->runtime().executor(), listen(), [weak](std::exception_ptr) {
    if (const auto self = weak.lock()) {
      self->listening_ = false;
      self->hears_ = false;
    }
  });
}

awaitable<void> Watch::listen() {
  const auto self = shared_from_this();
  // Goes on a while after the last waiter has left: workers wait again and again.
  while (!closed_) {
    auto opened = co_await session_->pool().open_apart(steady_clock::now() + kListenPatience);
    if (!opened) {
      if (opened.error().code() == Errc::cancelled) co_return;
      continue;
    }
    net_postgres::Connection& connection = **opened;
    std::vector<Command> commands;
    commands.push_back(command(kListen));
    commands.push_back(command(kListenToEnds));
    const auto listens =
        co_await connection.run(std::move(commands), steady_clock::now() + kListenPatience);
    if (!listens) {
      // A standby refuses it, as often as it is asked.
      if (!co_await sleep_for(kListenAgainAfter)) co_return;
      continue;
    }
    hears_ = true;
    // What was told before this connection listened has to be looked for.
    hear(std::vector<std::string>(1, "*"));
    while (!closed_) {
      const auto heard = co_await connection.notifications(steady_clock::now() + kListenPatience);
      if (!heard) {
        if (heard.error().code() == Errc::cancelled) co_return;
        break;
      }
      hear(*heard);
      if (!heard->empty()) continue;
      // Quiet for long: is anybody there, and does anybody want to know?
      if (work_waiters_.empty() && change_waiters_ == 0 && open_.empty()) co_return;
      std::vector<Command> again(1, command(kListen));
      if (!co_await connection.run(std::move(again), steady_clock::now() + kListenPatience)) break;
    }
    hears_ = false;
    if (!co_await sleep_for(kListenAgainAfter)) co_return;
  }
}

void Watch::hear(const std::vector<std::string>& payloads) {
  Effects effects;
  for (const std::string& payload : payloads) {
    if (payload == "*") effects.look_again = true;
    if (payload == kEndsWanted) ends_wanted_until_ = steady_clock::now() + kTellEndsFor;
    if (payload == kEndsWanted || hear_of_ends(payload)) continue;
    const char* at = payload.data();
    const char* const end = at + payload.size();
    while (at < end) {
      std::int64_t lane = 0;
      const auto [after, problem] = std::from_chars(at, end, lane);
      if (problem == std::errc()) effects.made_ready(lane);
      at = after + 1;
    }
  }
  tell_here(effects);
}

bool Watch::hear_of_ends(std::string_view payload) {
  constexpr std::size_t kIdBytes = 36;
  if (payload.empty() || payload.front() != kEndsMark) return false;
  heard_of_ends_ = steady_clock::now();
  if (payload.size() == 1) {
    look_quickly_ = true;
    look_sooner_.notify_all();
  }
  std::vector<Uuid> ids;
  for (payload.remove_prefix(1); payload.size() > kIdBytes; payload.remove_prefix(kIdBytes + 1)) {
    if (const auto id = Uuid::parse(payload.substr(0, kIdBytes))) ids.push_back(*id);
  }
  note_ended(ids);
  return true;
}

milliseconds Watch::look_interval(int looks) const {
  if (hears_) return kLookWhileListening;
  return std::min(kQuickestLook * (1 << std::min(looks, 6)), kSlowestLook);
}

awaitable<Result<void>> Watch::wait_for_work(jobs::ClaimRequest request, SteadyTime deadline) {
  const auto self = shared_from_this();
  WorkWaiter waiter{.request = request};
  const WorkRegistration registration(work_waiters_, waiter);
  start_listening();
  for (int looks = 0; !waiter.there && !closed_; ++looks) {
    waiter.look = false;
    const auto outlook = co_await look_for_work(session_, request);
    if (!outlook) co_return outlook.error();
    if (outlook->ready || waiter.there || session_->options().handovers->has_any(request)) break;
    if (waiter.look) continue;
    const SteadyTime now = steady_clock::now();
    SteadyTime until = std::min(deadline, now + look_interval(looks));
    if (outlook->next_due_in) {
      // A little after: the store's clock counts milliseconds.
      until = std::min(until, now + *outlook->next_due_in + milliseconds(1));
    }
    // Nothing stands before what a submit brings from now on.
    const auto offer = session_->options().handovers->offer(request, [&waiter] {
      waiter.there = true;
      waiter.changed.notify_all();
    });
    const Wake wake = co_await waiter.changed.wait_until(until);
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    if (wake == Wake::notified) looks = 0;
    if (wake == Wake::timed_out && steady_clock::now() >= deadline) break;
  }
  co_return Result<void>();
}

awaitable<Result<void>> Watch::wait_for_change(std::uint64_t seen, SteadyTime deadline) {
  const auto self = shared_from_this();
  struct Counted {
    std::size_t& waiters;
    explicit Counted(std::size_t& count) : waiters(count) { ++waiters; }
    ~Counted() { --waiters; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
  };
  const Counted counted(change_waiters_);
  start_listening();
  while (changes_ == seen && !closed_) {
    const Wake wake = co_await changed_.wait_until(deadline);
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    if (wake == Wake::timed_out) break;
  }
  co_return Result<void>();
}

awaitable<Result<void>> Watch::check_ended(std::vector<Uuid> ids) {
  for (std::size_t from = 0; from < ids.size(); from += kIdsPerLook) {
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end =
        ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), from + kIdsPerLook));
    std::vector<Uuid> some(begin, end);
    auto ended = co_await ended_of(session_, std::move(some));
    if (!ended) co_return ended.error();
    note_ended(*ended);
  }
  co_return Result<void>();
}

void Watch::start_looking_for_ends() {
  look_quickly_ = true;
  if (looking_for_ends_) {
    look_sooner_.notify_all();
    return;
  }
  looking_for_ends_ = true;
  auto self = shared_from_this();
  spawn(session_->runtime().executor(), look_for_ends(),
        [self](std::exception_ptr) { self->looking_for_ends_ = false; });
}

awaitable<void> Watch::look_for_ends() {
  const auto self = shared_from_this();
  std::chrono::nanoseconds delay = kQuickestEndLook;
  while (!open_.empty() && !closed_) {
    if (std::exchange(look_quickly_, false)) delay = kQuickestEndLook;
    (void)co_await look_sooner_.wait_until(steady_clock::now() + delay);
    ask_for_ends();
    const bool told = hears_ && steady_clock::now() - heard_of_ends_ < kToldOfLate;
    delay = std::min<std::chrono::nanoseconds>(delay * 3 / 2,
                                               told ? kLookForEndsWhileTold : kSlowestLook);
    std::vector<Uuid> ids;
    ids.reserve(open_.size());
    for (const auto& [id, waiter] : open_) ids.push_back(id);
    (void)co_await check_ended(std::move(ids));
  }
}

awaitable<Result<void>> Watch::wait_for_end(std::vector<Uuid> ids, SteadyTime deadline) {
  const auto self = shared_from_this();
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  EndWaiter waiter;
  const EndRegistration registration(*this, waiter, ids);
  // First the entry, then the look: an end in between is not missed.
  auto looked = co_await check_ended(std::move(ids));
  if (!looked) co_return looked.error();
  if (waiter.open > 0) {
    start_listening();
    ask_for_ends();
    start_looking_for_ends();
  }
  while (waiter.open > 0 && !closed_) {
    const Wake wake = co_await waiter.all_ended.wait_until(deadline);
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    if (wake == Wake::timed_out) break;
  }
  co_return Result<void>();
}

void Watch::close() {
  closed_ = true;
  listener_.cancel();
  for (WorkWaiter* waiter : work_waiters_) waiter->changed.notify_all();
  for (const auto& [id, waiter] : open_) waiter->all_ended.notify_all();
  look_sooner_.notify_all();
  changed_.notify_all();
}

}  // namespace rwp::jobs_postgres
