#include "pods/cost_report.hpp"

#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace rwp::pods {
namespace {

constexpr double kBytesPerGib = 1024.0 * 1024 * 1024;
constexpr double kHoursPerMonth = 730;

double hours_of(const CostFacts& facts) {
  return std::chrono::duration<double, std::ratio<3600>>(facts.to - facts.from).count();
}

double dollars(Money money) { return static_cast<double>(money.micro_usd) / 1e6; }

/// To the millionth, so that sums of a few do not end in noise.
double rounded(double usd) { return std::round(usd * 1e6) / 1e6; }

double compute_usd(const CostRates& rates, double hours) {
  double usd = 0;
  for (const auto& pods : rates.pods) {
    const double hourly = pods.cores * rates.usd_per_core_hour + pods.gib * rates.usd_per_gib_hour;
    usd += pods.replicas * hourly * (1 - pods.discount) * hours;
  }
  return usd;
}

void add(CostRow& row, const UsageGroup& group) {
  row.answers += group.sum.calls;
  row.ai.micro_usd += group.sum.cost.micro_usd;
  switch (group.source) {
    case UsageSource::call:
      break;
    case UsageSource::batch:
      row.batch_answers += group.sum.calls;
      row.saved_by_batch.micro_usd += group.sum.saved.micro_usd;
      break;
    case UsageSource::cache:
    case UsageSource::shared:
      row.cached_answers += group.sum.calls;
      row.saved_by_cache.micro_usd += group.sum.saved.micro_usd;
      break;
  }
}

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : rounded(static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

double CostRow::total_usd() const noexcept { return dollars(ai) + storage_usd + compute_usd; }

double CostRow::usd_per_thousand_jobs() const noexcept {
  return jobs == 0 ? 0 : total_usd() * 1'000 / static_cast<double>(jobs);
}

Result<CostRates> read_cost_rates(std::string text) {
  auto json = JsonText::parse(std::move(text));
  if (!json) return json.error();
  return decode<CostRates>(*json);
}

CostReport make_cost_report(const CostFacts& facts, const CostRates& rates) {
  std::map<std::string, CostRow> rows;
  CostReport report;
  for (const auto& group : facts.usage) {
    add(rows[group.tenant], group);
    add(report.total, group);
  }
  for (const auto& [tenant, jobs] : facts.jobs) {
    rows[tenant].jobs += jobs;
    report.total.jobs += jobs;
  }
  const double hours = hours_of(facts);
  const double per_byte = rates.usd_per_stored_gib_month * hours / kHoursPerMonth / kBytesPerGib;
  for (const auto& [tenant, bytes] : facts.stored_bytes) {
    rows[tenant].stored_bytes += bytes;
    rows[tenant].storage_usd += static_cast<double>(bytes) * per_byte;
    report.total.stored_bytes += bytes;
    report.total.storage_usd += static_cast<double>(bytes) * per_byte;
  }
  report.total.compute_usd = compute_usd(rates, hours);
  const auto all_jobs = static_cast<double>(report.total.jobs);
  if (report.total.jobs == 0) {
    if (report.total.compute_usd > 0) rows[std::string()].compute_usd = report.total.compute_usd;
  } else {
    for (auto& [tenant, row] : rows) {
      row.compute_usd = report.total.compute_usd * static_cast<double>(row.jobs) / all_jobs;
    }
  }
  for (auto& [tenant, row] : rows) {
    row.tenant = tenant;
    report.rows.push_back(std::move(row));
  }
  std::stable_sort(report.rows.begin(), report.rows.end(),
                   [](const CostRow& left, const CostRow& right) {
                     return left.total_usd() > right.total_usd();
                   });
  return report;
}

std::string_view tenant_in_key(std::string_view key) noexcept {
  constexpr std::array<std::string_view, 8> kLayouts = {"ai-results/", "ai-files/", "ai-batches/",
                                                        "reports/",    "archives/", "candidates/",
                                                        "uploads/",    "jobadder/"};
  for (const auto layout : kLayouts) {
    if (!key.starts_with(layout)) continue;
    const std::string_view rest = key.substr(layout.size());
    const std::size_t slash = rest.find('/');
    const std::string_view tenant = rest.substr(0, slash);
    // So files write nobody's.
    const bool is_nobodys = slash == std::string_view::npos || tenant == "-";
    // A mirrored candidate's documents, where jobs have no tenant.
    const bool is_candidate = layout == "uploads/" && tenant.starts_with("jobadder-") &&
                              rest.find('/', slash + 1) == std::string_view::npos;
    return is_nobodys || is_candidate ? std::string_view() : tenant;
  }
  return {};
}

JsonText to_json(const CostRow& row) {
  JsonWriter out;
  out.begin_object().member("tenant", std::string_view(row.tenant));
  out.member("jobs", row.jobs).member("answers", row.answers);
  out.member("ai_usd", dollars(row.ai));
  out.member("cache_share", share(row.cached_answers, row.answers));
  out.member("saved_by_cache_usd", dollars(row.saved_by_cache));
  out.member("batch_share", share(row.batch_answers, row.answers));
  out.member("saved_by_batch_usd", dollars(row.saved_by_batch));
  out.member("stored_bytes", row.stored_bytes);
  out.member("storage_usd", rounded(row.storage_usd));
  out.member("compute_usd", rounded(row.compute_usd));
  out.member("total_usd", rounded(row.total_usd()));
  out.member("usd_per_1000_jobs", rounded(row.usd_per_thousand_jobs())).end_object();
  return out.finish();
}

}  // namespace rwp::pods
