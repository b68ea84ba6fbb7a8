#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/ai/rate_allowance.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace rwp::ai {

/// What one tenant may do. Zero: no limit.
struct TenantLimit {
  /// Calls at once.
  std::size_t running = 0;
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;
  /// Its share where calls have to wait, beside the others' weights; above 0.
  double weight = 1;
};

struct TenantLimitOptions {
  /// Calls at once, of all tenants. 0: no limit.
  std::size_t running = 0;
  /// Calls that may wait for a place, of all tenants and of one; beyond it `Errc::rate_limited`.
  std::size_t waiting = 10'000;
  std::size_t waiting_of_one = 1'000;
  /// Longest wait for a place, or for the tenant's rate.
  std::chrono::milliseconds longest_wait{60'000};
  /// Of tenants that `tenants` does not name.
  TenantLimit each{};
  std::map<std::string, TenantLimit> tenants{};
  /// Makes a tenant's rates, named "tenant/" and the tenant; empty: each process counts for itself.
  MakeRateAllowance rates{};
  /// Instead of `each` and `tenants`: what a tenant may do now; asked at each call, so that it may
  /// change.
  std::function<TenantLimit(const std::string& tenant)> limit_of{};
  /// Told what a tenant's rate holds after each call that it let through or refused; may be empty.
  std::function<void(const std::string& tenant, const RateReport& standing)> on_standing{};
  /// `rwp_ai_tenant_waiting`, `rwp_ai_tenant_running`, `rwp_ai_tenant_refused_total` (reason). May
  /// be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Lets each tenant have its share: its own rates and places, and where all places are taken, a
/// waiting room from which tenants are let in by their weights, however many calls each has there;
/// among a tenant's own calls the more urgent goes first, then the older.
///
/// `Errc::rate_limited` with `retry_after`: the waiting room is full, or the wait was too long.
/// Stands behind cache and coalescing, so that an answer which costs nothing needs no place.
std::shared_ptr<Model> make_tenant_limited(std::shared_ptr<Model> model,
                                           TenantLimitOptions options);

}  // namespace rwp::ai
