#include "pods/ai_tenants.hpp"

#include "pods/ai_stack.hpp"
#include <rwp/core/describe.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sys/stat.h>
#include <tuple>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::size_t kLargestFile = std::size_t{4} << 20U;
constexpr double kMostAMinute = 1e9;
constexpr double kMostDollars = 1e9;

/// One tenant's part of the file; what is absent is as "*" or the settings say.
struct TenantEntry {
  /// Names, or their beginnings before a "*". None: all.
  std::optional<std::vector<std::string>> models{};
  std::optional<std::int64_t> concurrency{};
  std::optional<std::int64_t> requests_per_minute{};
  std::optional<std::int64_t> tokens_per_minute{};
  std::optional<double> weight{};
  std::optional<double> budget_day_usd{};
  std::optional<double> budget_month_usd{};
  std::optional<bool> keep_artefacts{};

  static constexpr auto describe() {
    return std::tuple{
        field("models", &TenantEntry::models, {.max_items = 1'000}),
        field("concurrency", &TenantEntry::concurrency, {.minimum = 0, .maximum = 1e6}),
        field("requests_per_minute", &TenantEntry::requests_per_minute,
              {.minimum = 0, .maximum = kMostAMinute}),
        field("tokens_per_minute", &TenantEntry::tokens_per_minute,
              {.minimum = 0, .maximum = kMostAMinute}),
        field("weight", &TenantEntry::weight, {.minimum = 0.001, .maximum = 1e6}),
        field("budget_day_usd", &TenantEntry::budget_day_usd,
              {.minimum = 0, .maximum = kMostDollars}),
        field("budget_month_usd", &TenantEntry::budget_month_usd,
              {.minimum = 0, .maximum = kMostDollars}),
        field("keep_artefacts", &TenantEntry::keep_artefacts)};
  }
};

struct TenantFile {
  std::map<std::string, TenantEntry> tenants{};

  static constexpr auto describe() { return std::tuple{field("tenants", &TenantFile::tenants)}; }
};

/// A misspelt member would silently lift a limit.
Result<void> check_names(JsonView root) {
  constexpr std::array<std::string_view, 8> kKnown = {
      "models", "concurrency",    "requests_per_minute", "tokens_per_minute",
      "weight", "budget_day_usd", "budget_month_usd",    "keep_artefacts"};
  Result<void> good;
  root.each_member([&good](std::string_view name, JsonView) {
    if (name == "tenants") return true;
    good = Error(Errc::invalid_argument, std::string(name) + ": is not known here");
    return false;
  });
  const auto tenants = root.find("tenants");
  if (!good || !tenants) return good;
  tenants->each_member([&](std::string_view tenant, JsonView entry) {
    entry.each_member([&](std::string_view name, JsonView) {
      if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) return true;
      good = Error(Errc::invalid_argument, "tenants." + std::string(tenant) + "." +
                                               std::string(name) + ": is not known here");
      return false;
    });
    return good.has_value();
  });
  return good;
}

bool matches(std::string_view pattern, std::string_view model) {
  if (pattern.ends_with('*')) return model.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == model;
}

std::optional<Money> money_of(const std::optional<double>& dollars) {
  if (!dollars) return std::nullopt;
  // A very small limit must not become 0, which is none.
  return Money{static_cast<std::int64_t>(std::ceil(*dollars * 1e6 - 1e-3))};
}

}  // namespace

struct AiTenants::Table {
  std::map<std::string, TenantEntry> tenants{};
  FileStamp stamp{};

  /// The first that says something: the tenant's own, that of "*".
  template <class T>
  std::optional<T> find(const std::string& tenant, std::optional<T> TenantEntry::*member) const {
    for (const auto& name : {tenant, std::string("*")}) {
      const auto found = tenants.find(name);
      if (found != tenants.end() && found->second.*member) return found->second.*member;
    }
    return std::nullopt;
  }
};

namespace {

Result<std::shared_ptr<const AiTenants::Table>> read_file(const std::string& path) {
  const std::string thing = "tenants file '" + path + "'";
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return Error(Errc::not_found, thing + ": " + std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode) || static_cast<std::size_t>(status.st_size) > kLargestFile) {
    return Error(Errc::invalid_argument, thing + ": must be a regular file of at most 4 MiB");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return Error(Errc::unavailable, thing + ": cannot be read");
  auto json = JsonText::parse(std::move(text));
  if (!json) return json.error().with_context(thing);
  const JsonDocument document(*json);
  if (auto known = check_names(document.root()); !known) return known.error().with_context(thing);
  auto read = decode<TenantFile>(*json);
  if (!read) return read.error().with_context(thing);
  auto table = std::make_shared<AiTenants::Table>();
  table->tenants = std::move(read->tenants);
  table->stamp = FileStamp::of(status);
  return std::shared_ptr<const AiTenants::Table>(std::move(table));
}

}  // namespace

AiTenants::AiTenants(const Configuration& configuration, observability::Logger log)
    : file_(configuration.ai_tenants_file, kLookEvery),
      log_(std::move(log)),
      defaults_(configuration),
      table_(std::make_shared<Table>()) {}
AiTenants::~AiTenants() = default;

Result<std::shared_ptr<AiTenants>> AiTenants::open(const Configuration& configuration,
                                                   observability::Logger log) {
  auto tenants = std::shared_ptr<AiTenants>(new AiTenants(configuration, std::move(log)));
  if (tenants->file_.path().empty()) return tenants;
  auto table = read_file(tenants->file_.path());
  if (!table) return table.error();
  tenants->table_ = std::move(*table);
  return tenants;
}

std::shared_ptr<const AiTenants::Table> AiTenants::current() {
  if (file_.path().empty()) return table_;
  const std::lock_guard lock(mutex_);
  if (!file_.must_read(table_->stamp, std::chrono::steady_clock::now())) return table_;
  auto read = read_file(file_.path());
  if (read) {
    table_ = std::move(*read);
    file_.clear_fault();
    log_.info("tenants read again", {{"tenants", table_->tenants.size()}});
  } else if (file_.is_new_fault()) {
    log_.error("tenants file is bad; what was known before stays", {{"error", read.error()}});
  }
  return table_;
}

ai::TenantLimit AiTenants::limit_of(const std::string& tenant) {
  const auto table = current();
  const auto number = [](std::size_t setting) { return static_cast<std::int64_t>(setting); };
  ai::TenantLimit limit;
  limit.running = static_cast<std::size_t>(table->find(tenant, &TenantEntry::concurrency)
                                               .value_or(number(defaults_.ai_tenant_concurrency)));
  limit.requests_per_minute = table->find(tenant, &TenantEntry::requests_per_minute)
                                  .value_or(number(defaults_.ai_tenant_requests));
  limit.tokens_per_minute = table->find(tenant, &TenantEntry::tokens_per_minute)
                                .value_or(number(defaults_.ai_tenant_tokens));
  limit.weight = table->find(tenant, &TenantEntry::weight).value_or(1);
  return limit;
}

std::vector<ai::BudgetRule> AiTenants::rules_of(const std::string& tenant) {
  const auto table = current();
  std::vector<ai::BudgetRule> rules;
  const auto add = [&rules](const char* whose, ai::BudgetPeriod period,
                            std::optional<Money> limit) {
    if (!limit) return;
    ai::BudgetRule rule;
    rule.tenant = whose;
    rule.period = period;
    rule.limit = *limit;
    rules.push_back(std::move(rule));
  };
  const auto setting = [](std::size_t dollars) {
    return dollars == 0
               ? std::nullopt
               : std::optional<Money>(Money{static_cast<std::int64_t>(dollars) * 1'000'000});
  };
  const auto own = [&](std::optional<double> TenantEntry::*member, std::size_t dollars) {
    const auto said = money_of(table->find(tenant, member));
    if (!said) return setting(dollars);
    return said->micro_usd == 0 ? std::nullopt : said;
  };
  add("", ai::BudgetPeriod::day, setting(defaults_.ai_budget_day));
  add("", ai::BudgetPeriod::month, setting(defaults_.ai_budget_month));
  // "*" is each for itself, and these are asked for this tenant alone.
  add("*", ai::BudgetPeriod::day,
      own(&TenantEntry::budget_day_usd, defaults_.ai_tenant_budget_day));
  add("*", ai::BudgetPeriod::month,
      own(&TenantEntry::budget_month_usd, defaults_.ai_tenant_budget_month));
  return rules;
}

bool AiTenants::may_use(const std::string& tenant, std::string_view model) {
  const auto table = current();
  const auto models = table->find(tenant, &TenantEntry::models);
  if (!models) return true;
  return std::any_of(models->begin(), models->end(),
                     [model](const auto& pattern) { return matches(pattern, model); });
}

bool AiTenants::keeps_artefacts(const std::string& tenant) {
  return current()->find(tenant, &TenantEntry::keep_artefacts).value_or(defaults_.ai_artefacts);
}

}  // namespace rwp::pods
