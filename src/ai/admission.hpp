#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/ai/tenant_limited.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <string>

namespace rwp::ai {

/// Places for calls, and a fair waiting room (start-time fair queueing between tenants).
///
/// Threads: confined to one I/O thread. Lifetime: outlives its places.
class Admission {
 public:
  explicit Admission(const TenantLimitOptions& options) : options_(options) {}

  /// A place that was taken; gives it back when it goes.
  class Place {
   public:
    Place() = default;
    Place(Admission* from, std::string tenant) : from_(from), tenant_(std::move(tenant)) {}
    ~Place() {
      if (from_ != nullptr) from_->leave(tenant_);
    }
    Place(Place&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)), tenant_(std::move(other.tenant_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(from_, other.from_);
      std::swap(tenant_, other.tenant_);
      return *this;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Admission* from_ = nullptr;
    std::string tenant_;
  };

  boost::asio::awaitable<Result<Place>> enter(std::string tenant, CallPriority priority,
                                              SteadyTime deadline);

  std::size_t running() const noexcept { return running_; }
  std::size_t waiting() const noexcept { return waiting_; }
  /// Of tenants that something is known of.
  std::size_t tenants() const noexcept { return tenants_.size(); }
  TenantLimit limit_of(const std::string& tenant) const;

 private:
  struct Waiter {
    bool let_in = false;
    Signal called{};
  };
  struct Tenant {
    std::size_t running = 0;
    /// Virtual time at which its next call begins.
    double tag = 0;
    /// By priority, the most urgent first.
    std::array<std::list<Waiter*>, 3> waiters{};
    std::size_t waiting = 0;
  };
  class Wait;

  bool has_place(const Tenant& tenant, const TenantLimit& limit) const;
  void take(Tenant& tenant, const TenantLimit& limit);
  void leave(const std::string& tenant);
  void let_in();
  void forget_idle(const std::string& tenant);

  const TenantLimitOptions& options_;
  std::map<std::string, Tenant> tenants_;
  std::size_t running_ = 0;
  std::size_t waiting_ = 0;
  double virtual_time_ = 0;
};

}  // namespace rwp::ai
