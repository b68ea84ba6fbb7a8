#include "jobs_sqlite/watch.hpp"

#include "jobs_sqlite/admin.hpp"
#include "jobs_sqlite/runs.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <utility>

namespace rwp::jobs_sqlite {
namespace {

using boost::asio::awaitable;
using Mode = ConnectionQueue::Mode;

constexpr std::chrono::milliseconds kQuickest{1};
constexpr std::chrono::milliseconds kSlowest{100};
/// Ids that one look asks for.
constexpr std::size_t kIdsPerLook = 1'000;

std::int64_t data_version(Transaction& transaction) {
  auto query = transaction.database.query("PRAGMA data_version");
  return query.step() ? query.integer(0) : 0;
}

}  // namespace

/// Enters a waiter's ids, and takes out what is left of them when the wait ends, however it ends.
class Watch::Registration {
 public:
  Registration(Watch& watch, EndWaiter& waiter, std::vector<Uuid> ids)
      : watch_(watch), waiter_(waiter), ids_(std::move(ids)) {
    for (const Uuid& id : ids_) watch_.open_.emplace(id, &waiter_);
    waiter_.open = ids_.size();
  }
  ~Registration() {
    if (waiter_.open == 0) return;
    for (const Uuid& id : ids_) {
      const auto [first, last] = watch_.open_.equal_range(id);
      for (auto it = first; it != last;) {
        it = it->second == &waiter_ ? watch_.open_.erase(it) : std::next(it);
      }
    }
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

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

Watch::Watch(Runtime& runtime, std::shared_ptr<ConnectionQueue> reader,
             std::shared_ptr<const Clock> clock, bool shared_file)
    : runtime_(runtime),
      reader_(std::move(reader)),
      clock_(std::move(clock)),
      shared_file_(shared_file) {}

void Watch::on_committed(const Effects& effects) {
  if (effects.look_again) look_again();
  if (!effects.ready.empty()) ++work_epoch_;
  for (WorkWaiter* waiter : work_waiters_) {
    const bool there =
        std::any_of(effects.ready.begin(), effects.ready.end(),
                    [waiter](const Lane& lane) { return supports(waiter->request, lane); });
    if (!there) continue;
    waiter->there = true;
    waiter->changed.notify_all();
  }
  if (!open_.empty()) note_ended(effects.ended);
}

void Watch::look_again() {
  ++work_epoch_;
  for (WorkWaiter* waiter : work_waiters_) waiter->changed.notify_all();
}

void Watch::note_ended(const std::vector<Uuid>& ids) {
  for (const Uuid& id : ids) {
    const auto [first, last] = open_.equal_range(id);
    for (auto it = first; it != last; it = open_.erase(it)) {
      if (--it->second->open == 0) it->second->all_ended.notify_all();
    }
  }
}

void Watch::start_polling() {
  if (!shared_file_) return;
  poll_quickly_ = true;
  if (polling_) {
    poll_sooner_.notify_all();
    return;
  }
  polling_ = true;
  spawn(runtime_.executor(), poll(),
        [self = shared_from_this()](std::exception_ptr) { self->polling_ = false; });
}

awaitable<void> Watch::poll() {
  const auto self = shared_from_this();
  std::chrono::nanoseconds delay = kQuickest;
  while (anybody_waits()) {
    std::function<std::int64_t(Transaction&)> look = &data_version;
    const auto version = co_await reader_->run(Mode::read, std::move(look));
    // Kept from one polling to the next: what was committed since the last look counts as new.
    if (version && *version != seen_version_) {
      seen_version_ = *version;
      delay = kQuickest;
      look_again();
      std::vector<Uuid> ids;
      ids.reserve(open_.size());
      for (const auto& [id, waiter] : open_) ids.push_back(id);
      (void)co_await check_ended(std::move(ids));
    }
    if (std::exchange(poll_quickly_, false)) delay = kQuickest;
    (void)co_await poll_sooner_.wait_until(std::chrono::steady_clock::now() + delay);
    delay = std::min<std::chrono::nanoseconds>(delay * 3 / 2, kSlowest);
  }
}

awaitable<Result<void>> Watch::check_ended(std::vector<Uuid> ids) {
  for (std::size_t from = 0; from < ids.size(); from += kIdsPerLook) {
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end =
        ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), from + kIdsPerLook));
    std::function<std::vector<Uuid>(Transaction&)> look =
        [some = std::vector<Uuid>(begin, end)](Transaction& transaction) {
          return ended_of(transaction, some);
        };
    auto ended = co_await reader_->run(Mode::read, std::move(look));
    if (!ended) co_return ended.error();
    note_ended(*ended);
  }
  co_return Result<void>();
}

awaitable<Result<void>> Watch::wait_for_work(jobs::ClaimRequest request, SteadyTime deadline) {
  const auto self = shared_from_this();
  WorkWaiter waiter{.request = request};
  const WorkRegistration registration(work_waiters_, waiter);
  start_polling();
  while (!waiter.there) {
    const std::uint64_t epoch = work_epoch_;
    std::function<WorkOutlook(Transaction&)> look = [request](Transaction& transaction) {
      return look_for_work(transaction, request);
    };
    const auto outlook = co_await reader_->run(Mode::read, std::move(look));
    if (!outlook) co_return outlook.error();
    if (outlook->ready || waiter.there) break;
    SteadyTime until = deadline;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (outlook->next_due) {
      // A little after: the store's clock counts milliseconds.
      const auto ahead = *outlook->next_due - clock_->now() + std::chrono::milliseconds(1);
      if (ahead < deadline - now) until = now + ahead;
    }
    if (epoch != work_epoch_) continue;
    const Wake wake = co_await waiter.changed.wait_until(until);
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    if (wake == Wake::timed_out && std::chrono::steady_clock::now() >= deadline) break;
  }
  co_return Result<void>();
}

awaitable<Result<void>> Watch::wait_for_end(std::vector<Uuid> ids, SteadyTime deadline) {
  const auto self = shared_from_this();
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  EndWaiter waiter;
  const Registration registration(*this, waiter, ids);
  // First the entry, then the look: an end in between is not missed.
  auto looked = co_await check_ended(std::move(ids));
  if (!looked) co_return looked.error();
  if (waiter.open > 0) start_polling();
  while (waiter.open > 0) {
    const Wake wake = co_await waiter.all_ended.wait_until(deadline);
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    if (wake == Wake::timed_out) break;
  }
  co_return Result<void>();
}

}  // namespace rwp::jobs_sqlite
