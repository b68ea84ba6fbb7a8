#pragma once

#include <rwp/core/async.hpp>
#include <rwp/jobs/job_store.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rwp::pods {

/// The counts of a tenant's queues, asked of the store once for all who ask meanwhile, and given
/// again for ten times as long as that took (a second at least): whatever callers do, the store
/// counts a tenth of the time at most for each tenant. Confined to the store's runtime.
class TenantCounts {
 public:
  explicit TenantCounts(std::shared_ptr<jobs::JobStore> store) : store_(std::move(store)) {}

  /// Of all tenants when `tenant` is empty.
  jobs::Awaitable<Result<std::vector<jobs::QueueCounts>>> of(std::string tenant);
  /// What was kept is to be asked anew.
  void forget() { kept_.clear(); }

 private:
  struct Kept {
    bool asking = true;
    Signal answered;
    SteadyTime until{};
    Result<std::vector<jobs::QueueCounts>> answer{};
  };
  /// Most tenants whose counts are kept.
  static constexpr std::size_t kMostKept = 1'000;

  const std::shared_ptr<jobs::JobStore> store_;
  std::map<std::string, std::shared_ptr<Kept>> kept_;
};

}  // namespace rwp::pods
