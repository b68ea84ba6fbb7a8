#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/usage_ledger.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace rwp::pods {

/// What some pods ask of the cluster.
struct PodRequests {
  std::string name{};
  double replicas = 0;
  double cores = 0;
  double gib = 0;
  /// What spot nodes take off their price, 0 to 1.
  double discount = 0;

  static constexpr auto describe() {
    return std::tuple{field("name", &PodRequests::name),
                      field("replicas", &PodRequests::replicas, {.minimum = 0, .maximum = 1e6}),
                      field("cores", &PodRequests::cores, {.minimum = 0, .maximum = 1e4}),
                      field("gib", &PodRequests::gib, {.minimum = 0, .maximum = 1e6}),
                      field("discount", &PodRequests::discount,
                            {.minimum = 0, .maximum = 1, .may_be_absent = true})};
  }
};

/// What the machines and the storage cost: a file, as prices are each deployment's own.
struct CostRates {
  double usd_per_core_hour = 0;
  double usd_per_gib_hour = 0;
  double usd_per_stored_gib_month = 0;
  std::vector<PodRequests> pods{};

  static constexpr auto describe() {
    return std::tuple{
        field("usd_per_core_hour", &CostRates::usd_per_core_hour, {.minimum = 0, .maximum = 1e6}),
        field("usd_per_gib_hour", &CostRates::usd_per_gib_hour, {.minimum = 0, .maximum = 1e6}),
        field("usd_per_stored_gib_month", &CostRates::usd_per_stored_gib_month,
              {.minimum = 0, .maximum = 1e6}),
        field("pods", &CostRates::pods, {.max_items = 1'000})};
  }
};

/// What is known of a period, before prices.
struct CostFacts {
  std::chrono::system_clock::time_point from{};
  std::chrono::system_clock::time_point to{};
  std::vector<UsageGroup> usage{};
  /// By tenant; empty: nobody in particular.
  std::map<std::string, std::uint64_t> jobs{};
  std::map<std::string, std::uint64_t> stored_bytes{};
};

/// What a tenant, or all together, cost. Shares are of the answers, 0 to 1.
struct CostRow {
  std::string tenant{};
  std::uint64_t jobs = 0;
  std::int64_t answers = 0;
  std::int64_t cached_answers = 0;
  std::int64_t batch_answers = 0;
  Money ai{};
  Money saved_by_cache{};
  Money saved_by_batch{};
  std::uint64_t stored_bytes = 0;
  double storage_usd = 0;
  double compute_usd = 0;

  double total_usd() const noexcept;
  /// Zero without jobs.
  double usd_per_thousand_jobs() const noexcept;
};

struct CostReport {
  /// The dearest first.
  std::vector<CostRow> rows{};
  CostRow total{};
};

/// `Errc::invalid_argument` names the member and the rule.
Result<CostRates> read_cost_rates(std::string text);

/// Machines are shared by the jobs that each tenant has; without any job they are nobody's. What is
/// stored is taken for stored all the period long. Pure.
CostReport make_cost_report(const CostFacts& facts, const CostRates& rates);

/// The tenant that an object's key names (`ai-results/TENANT/…`, `ai-files/TENANT/…`,
/// `ai-batches/TENANT/…`, `reports/TENANT/…`, `archives/TENANT/…`, `candidates/TENANT/…`,
/// `uploads/TENANT/…`, `jobadder/TENANT/…`); empty: none.
std::string_view tenant_in_key(std::string_view key) noexcept;

JsonText to_json(const CostRow& row);

}  // namespace rwp::pods
