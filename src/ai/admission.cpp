#include "ai/admission.hpp"

#include <algorithm>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

/// What a call that found no place is told to wait; nobody knows when one is free.
constexpr std::chrono::milliseconds kRetryAfter{1'000};
/// Tenants that are remembered though they ask for nothing.
constexpr std::size_t kMostRemembered = 1'000;

Error full(const char* why) { return Error(Errc::rate_limited, why).with_retry_after(kRetryAfter); }

}  // namespace

/// Stands in the waiting room; leaves it in whatever way the wait ends.
class Admission::Wait {
 public:
  Wait(Admission& room, std::string tenant, CallPriority priority)
      : room_(room), tenant_(std::move(tenant)) {
    Tenant& mine = room_.tenants_[tenant_];
    // Who comes from idleness is not owed the time when it asked for nothing.
    if (mine.waiting == 0) mine.tag = std::max(mine.tag, room_.virtual_time_);
    const auto row =
        static_cast<std::size_t>(CallPriority::urgent) - static_cast<std::size_t>(priority);
    list_ = &mine.waiters.at(row);
    place_ = list_->insert(list_->end(), &waiter_);
    ++mine.waiting;
    ++room_.waiting_;
  }
  ~Wait() {
    if (taken_over_) return;
    if (waiter_.let_in) {
      room_.leave(tenant_);
      return;
    }
    list_->erase(place_);
    --room_.tenants_[tenant_].waiting;
    --room_.waiting_;
    room_.forget_idle(tenant_);
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  Waiter& waiter() noexcept { return waiter_; }
  Place take_over() {
    taken_over_ = true;
    return {&room_, tenant_};
  }

 private:
  Admission& room_;
  const std::string tenant_;
  Waiter waiter_;
  std::list<Waiter*>* list_ = nullptr;
  std::list<Waiter*>::iterator place_;
  bool taken_over_ = false;
};

TenantLimit Admission::limit_of(const std::string& tenant) const {
  if (options_.limit_of) return options_.limit_of(tenant);
  const auto found = options_.tenants.find(tenant);
  return found != options_.tenants.end() ? found->second : options_.each;
}

bool Admission::has_place(const Tenant& tenant, const TenantLimit& limit) const {
  const bool in_all = options_.running == 0 || running_ < options_.running;
  return in_all && (limit.running == 0 || tenant.running < limit.running);
}

void Admission::take(Tenant& tenant, const TenantLimit& limit) {
  virtual_time_ = std::max(virtual_time_, tenant.tag);
  tenant.tag = std::max(tenant.tag, virtual_time_) + 1.0 / std::max(limit.weight, 1e-6);
  ++tenant.running;
  ++running_;
}

awaitable<Result<Admission::Place>> Admission::enter(std::string tenant, CallPriority priority,
                                                     SteadyTime deadline) {
  const TenantLimit limit = limit_of(tenant);
  {
    Tenant& mine = tenants_[tenant];
    // Behind those of its own who wait, and before nobody who could go.
    if (mine.waiting == 0 && has_place(mine, limit)) {
      take(mine, limit);
      co_return Place(this, std::move(tenant));
    }
    if (waiting_ >= options_.waiting || mine.waiting >= options_.waiting_of_one) {
      forget_idle(tenant);
      co_return full("too many calls wait for a place");
    }
  }
  Wait wait(*this, std::move(tenant), priority);
  while (!wait.waiter().let_in) {
    const auto woken = co_await wait.waiter().called.wait_until(deadline);
    if (wait.waiter().let_in) break;
    if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "the call was cancelled");
    if (woken == Wake::timed_out) co_return full("no place was free in time");
  }
  co_return wait.take_over();
}

void Admission::leave(const std::string& tenant) {
  --tenants_[tenant].running;
  --running_;
  let_in();
  if (running_ == 0 && waiting_ == 0) {
    tenants_.clear();
    virtual_time_ = 0;
  } else {
    forget_idle(tenant);
  }
}

void Admission::let_in() {
  while (waiting_ > 0) {
    Tenant* next = nullptr;
    TenantLimit limit;
    for (auto at = tenants_.begin(); at != tenants_.end();) {
      Tenant& tenant = at->second;
      if (tenant.running == 0 && tenant.waiting == 0 && tenant.tag <= virtual_time_) {
        at = tenants_.erase(at);
        continue;
      }
      const TenantLimit its = limit_of(at->first);
      if (tenant.waiting > 0 && has_place(tenant, its) &&
          (next == nullptr || tenant.tag < next->tag)) {
        next = &tenant;
        limit = its;
      }
      ++at;
    }
    if (next == nullptr) return;
    auto& row = *std::find_if(next->waiters.begin(), next->waiters.end(),
                              [](const auto& list) { return !list.empty(); });
    Waiter* waiter = row.front();
    row.pop_front();
    --next->waiting;
    --waiting_;
    take(*next, limit);
    waiter->let_in = true;
    waiter->called.notify_all();
  }
}

void Admission::forget_idle(const std::string& tenant) {
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end()) return;
  const Tenant& its = found->second;
  // One that has had more than its share lately is remembered until the others have caught up.
  const bool owes = its.tag > virtual_time_ && tenants_.size() < kMostRemembered;
  if (its.running == 0 && its.waiting == 0 && !owes) tenants_.erase(found);
}

}  // namespace rwp::ai
