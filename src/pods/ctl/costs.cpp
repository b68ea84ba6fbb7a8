#include "pods/cost_report.hpp"
#include "pods/ctl/context.hpp"
#include "pods/ctl/progress.hpp"
#include "pods/setting.hpp"
#include "pods/time_text.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>
#include <rwp/storage/listing.hpp>

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rwp::pods::ctl {
namespace {

using Clock = std::chrono::system_clock;

constexpr std::size_t kMostGroups = 100'000;
constexpr std::size_t kJobsPerPage = 1'000;

std::vector<Column> columns() {
  std::vector<Column> all;
  all.push_back(member_column("TENANT", "tenant"));
  for (const auto& [title, name] :
       {std::pair("JOBS", "jobs"), std::pair("ANSWERS", "answers"), std::pair("AI $", "ai_usd"),
        std::pair("CACHED", "cache_share"), std::pair("SAVED $", "saved_by_cache_usd"),
        std::pair("BATCH", "batch_share"), std::pair("SAVED $", "saved_by_batch_usd"),
        std::pair("BYTES", "stored_bytes"), std::pair("STORAGE $", "storage_usd"),
        std::pair("COMPUTE $", "compute_usd"), std::pair("TOTAL $", "total_usd"),
        std::pair("$/1000 JOBS", "usd_per_1000_jobs")}) {
    Column column = member_column(title, name);
    column.right = true;
    all.push_back(std::move(column));
  }
  return all;
}

struct Period {
  Clock::time_point from{};
  Clock::time_point to{};
};

/// "2026-11", "current" or "previous"; a month that has not ended, to now.
Result<Period> read_month(const std::string& text, Clock::time_point now) {
  const Error bad(Errc::invalid_argument,
                  "--month: must be a month such as 2026-11, or current, or "
                  "previous");
  const std::chrono::year_month_day today{std::chrono::floor<std::chrono::days>(now)};
  auto month = today.year() / today.month();
  if (text == "previous") {
    month -= std::chrono::months(1);
  } else if (text != "current") {
    int year = 0;
    unsigned number = 0;
    if (text.size() != 7 || text[4] != '-') return bad;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), text.data() + 4, year);
    const auto second = std::from_chars(text.data() + 5, end, number);
    if (first.ptr != text.data() + 4 || second.ptr != end || year < 2020 || number < 1 ||
        number > 12) {
      return bad;
    }
    month = std::chrono::year(year) / std::chrono::month(number);
  }
  Period period;
  period.from = std::chrono::sys_days(month / std::chrono::day(1));
  period.to = std::chrono::sys_days((month + std::chrono::months(1)) / std::chrono::day(1));
  period.to = std::min(period.to, now);
  if (period.from >= now) {
    return Error(Errc::invalid_argument, "--month: " + text + " has not begun");
  }
  return period;
}

Result<CostRates> load_rates(const std::string& path) {
  if (path.empty()) return CostRates();
  auto text = read_value_file(path);
  if (!text) return text.error().with_context("--rates '" + path + "'");
  auto rates = read_cost_rates(std::move(*text));
  if (!rates) return rates.error().with_context("--rates '" + path + "'");
  return rates;
}

Result<void> count_jobs(Context& context, const std::shared_ptr<jobs::JobStore>& store,
                        CostFacts& facts) {
  jobs::JobFilter filter;
  filter.created_from = facts.from;
  filter.created_before = facts.to;
  filter.tenant = context.options.costs.tenant;
  filter.without_system = true;
  std::string cursor;
  ProgressBar bar("jobs");
  std::uint64_t counted = 0;
  do {
    auto page = block_on(context.runtime, store->list(filter, cursor, kJobsPerPage));
    if (!page) return page.error();
    for (const auto& job : page->jobs) ++facts.jobs[job.tenant];
    counted += page->jobs.size();
    bar.show(counted, 0);
    cursor = std::move(page->next_cursor);
  } while (!cursor.empty());
  return {};
}

Result<void> weigh_objects(Context& context, CostFacts& facts) {
  auto store = context.schemes.open<storage::ObjectStore>(context.configuration().objects_url,
                                                          context.runtime);
  if (!store) return store.error();
  storage::Listing listing(*store, std::string());
  ProgressBar bar("objects");
  std::uint64_t looked_at = 0;
  const auto& only = context.options.costs.tenant;
  while (true) {
    auto entry = block_on(context.runtime, listing.next());
    if (!entry) return entry.error();
    if (!*entry) return {};
    const std::string tenant(tenant_in_key((*entry)->key));
    if (only.empty() || only == tenant) facts.stored_bytes[tenant] += (*entry)->size_bytes;
    bar.show(++looked_at, 0);
  }
}

JsonText period_json(const CostFacts& facts) {
  JsonWriter out;
  out.begin_object().member("from", std::string_view(to_rfc3339(facts.from)));
  out.member("to", std::string_view(to_rfc3339(facts.to))).end_object();
  return out.finish();
}

}  // namespace

int report_costs(Context& context) {
  const auto& options = context.options.costs;
  const auto period = read_month(options.month, Clock::now());
  if (!period) return refuse(period.error().message());
  const auto rates = load_rates(options.rates);
  if (!rates) return refuse(rates.error().message());
  auto store = open_store(context, false);
  if (!store) return fail(context, store.error());

  CostFacts facts;
  facts.from = period->from;
  facts.to = period->to;
  UsageFilter filter;
  filter.tenant = options.tenant;
  filter.from = facts.from;
  filter.to = facts.to;
  auto usage = block_on(context.runtime, (*store)->usage().groups(std::move(filter), kMostGroups));
  if (!usage) return fail(context, usage.error());
  facts.usage = std::move(*usage);
  if (auto counted = count_jobs(context, *store, facts); !counted) {
    return fail(context, counted.error());
  }
  if (!options.no_objects) {
    if (auto weighed = weigh_objects(context, facts); !weighed) {
      return fail(context, weighed.error());
    }
  }
  const CostReport report = make_cost_report(facts, *rates);
  context.out.begin_list("tenants", columns());
  for (const auto& row : report.rows) context.out.row(to_json(row));
  context.out.end_list({{"period", period_json(facts)}, {"total", to_json(report.total)}});
  context.out.line(
      "from " + to_rfc3339(facts.from) + " to " + to_rfc3339(facts.to) +
      "; jobs are those that the store still keeps" +
      (options.rates.empty() ? "; without --rates, machines and storage are free" : ""));
  return kExitSuccess;
}

}  // namespace rwp::pods::ctl
