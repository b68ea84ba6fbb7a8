#include "pods/ai_stack.hpp"

#include "pods/artefact_model.hpp"
#include "pods/written_model.hpp"
#include <rwp/ai/model_stack.hpp>
#include <rwp/ai/price_file.hpp>
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/ai_openai/prices.hpp>
#include <rwp/ai_redis/fleet.hpp>
#include <rwp/builtin_schemes.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/sha256.hpp>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

constexpr std::int64_t kMicro = 1'000'000;

std::int64_t count(std::size_t number) { return static_cast<std::int64_t>(number); }

bool has_budget(const Configuration& configuration) {
  return configuration.ai_budget_day != 0 || configuration.ai_budget_month != 0 ||
         configuration.ai_tenant_budget_day != 0 || configuration.ai_tenant_budget_month != 0 ||
         !configuration.ai_tenants_file.empty();
}

bool limits_tenants(const Configuration& configuration) {
  return configuration.ai_tenant_requests != 0 || configuration.ai_tenant_tokens != 0 ||
         configuration.ai_tenant_concurrency != 0 || configuration.ai_concurrency != 0 ||
         !configuration.ai_tenants_file.empty();
}

ai::StackMember member_of(const Configuration& configuration, std::shared_ptr<ai::Model> model,
                          const observability::Logger& log) {
  ai::StackMember member;
  member.model = std::move(model);
  member.options.rates.requests_per_minute = count(configuration.ai_requests);
  member.options.rates.tokens_per_minute = count(configuration.ai_tokens);
  member.options.retried->log = log;
  member.options.breaking->log = log;
  return member;
}

/// Of a local model, which has no limits, no moods and no connection.
ai::StackMember bare_member(std::shared_ptr<ai::Model> model) {
  ai::StackMember member;
  member.model = std::move(model);
  member.options.gathered.reset();
  member.options.retried.reset();
  member.options.limited.reset();
  member.options.breaking.reset();
  return member;
}

/// The URL, by which a client tries once, as the stack around it retries.
std::string trying_once(const std::string& url) {
  const bool retries_itself = url.starts_with("openai:") || url.starts_with("http");
  if (!retries_itself || url.find("attempts=") != std::string::npos) return url;
  return url + (url.find('?') == std::string::npos ? "?" : "&") + "attempts=1";
}

/// With a registry of its own: the first model's key is not for whoever serves another URL.
Result<std::shared_ptr<ai::Model>> open_fallback(const Configuration& configuration,
                                                 const AiStackParts& parts) {
  BuiltinOptions options;
  options.ai_key = configuration.ai_fallback_key;
  if (options.ai_key.empty() && configuration.ai_fallback_url.starts_with("openai:")) {
    options.ai_key = configuration.openai_api_key;
  }
  options.log = parts.log;
  options.metrics = parts.metrics;
  const auto schemes = builtin_schemes(std::move(options));
  auto opened = schemes.open<ai::Model>(trying_once(configuration.ai_fallback_url), *parts.runtime);
  if (!opened) return opened.error().with_context("fallback model");
  return opened;
}

struct FleetAndModel {
  std::shared_ptr<ai_redis::Fleet> fleet{};
  std::shared_ptr<ai::Model> model{};
};

/// Longest that the start waits for Redis; without it a process takes its share as unknown.
constexpr std::chrono::seconds kFleetWait{2};

Result<std::shared_ptr<ai_redis::Fleet>> join_fleet(const Configuration& configuration,
                                                    const AiStackParts& parts) {
  ai_redis::FleetOptions options;
  options.log = parts.log;
  options.metrics = parts.metrics;
  auto fleet = ai_redis::open_fleet(*parts.runtime, configuration.redis_url, std::move(options));
  if (!fleet) return fleet.error().with_context("RWP_REDIS_URL");
  const auto until = std::chrono::steady_clock::now() + kFleetWait;
  const auto joined = block_on(*parts.runtime, (*fleet)->connected(until));
  if (!joined)
    parts.log.warn("Redis is away; limits are shared by guess", {{"error", joined.error()}});
  return fleet;
}

/// What the processes that call one service with one key have in common.
std::string upstream_name(const std::string& url, const Secret& key) {
  return "upstream/" + to_hex(sha256(url + "\n" + key.expose())).substr(0, 32);
}

bool is_local(const ai::Model& model) { return model.default_model() == "rwp-local"; }

}  // namespace

bool needs_ai_ledger(const Configuration& configuration) {
  return has_budget(configuration) || configuration.ai_usage;
}

std::string ai_model_url(const Configuration& configuration) {
  return wants_ai_stack(configuration) ? trying_once(configuration.ai_url) : configuration.ai_url;
}

bool wants_ai_stack(const Configuration& configuration) {
  return !configuration.redis_url.empty() || needs_ai_ledger(configuration) ||
         configuration.ai_artefacts || limits_tenants(configuration) ||
         configuration.ai_requests != 0 || configuration.ai_tokens != 0 ||
         configuration.ai_cache_megabytes != 0 || configuration.ai_redact ||
         !configuration.ai_fallback_url.empty() || !configuration.ai_prices_file.empty();
}

bool passes_through(const Configuration& configuration, const ai::Model& model) {
  return !configuration.ai_redact && dynamic_cast<const ai_openai::OpenAiModel*>(&model) != nullptr;
}

Result<ai::PriceTable> ai_prices(const Configuration& configuration) {
  if (configuration.ai_prices_file.empty()) {
    return ai::PriceTable::make(ai_openai::openai_prices());
  }
  std::ifstream file(configuration.ai_prices_file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) {
    return Error(Errc::not_found,
                 "price file '" + configuration.ai_prices_file + "': cannot be read");
  }
  auto prices = ai::parse_prices(std::move(text));
  if (!prices) {
    return prices.error().with_context("price file '" + configuration.ai_prices_file + "'");
  }
  return ai::PriceTable::make(std::move(*prices));
}

ai::MeterOptions ai_meter(const AiStackParts& parts, ai::PriceTable prices) {
  ai::MeterOptions meter;
  meter.ledger = parts.ledger;
  meter.savings = parts.ledger;
  meter.log = parts.log;
  meter.metrics = parts.metrics;
  meter.spans = parts.spans;
  meter.prices = std::move(prices);
  return meter;
}

std::optional<ai::BudgetOptions> ai_budget(const Configuration& configuration,
                                           const AiStackParts& parts, ai::PriceTable prices) {
  if (!parts.ledger || !parts.tenants || !needs_ai_ledger(configuration)) return std::nullopt;
  ai::BudgetOptions budget;
  budget.ledger = parts.ledger;
  budget.prices = std::move(prices);
  budget.rules_of = [book = parts.tenants](const std::string& tenant) {
    return book->rules_of(tenant);
  };
  budget.log = parts.log;
  budget.metrics = parts.metrics;
  return budget;
}

Result<std::shared_ptr<ai::Model>> build_ai_stack(const Configuration& configuration,
                                                  AiStackParts parts) {
  auto prices = ai_prices(configuration);
  if (!prices) return prices.error();
  ai::MeterOptions meter = ai_meter(parts, *prices);
  if (!wants_ai_stack(configuration)) {
    return ai::make_metered(std::move(parts.model), std::move(meter));
  }

  if (!parts.tenants) {
    auto opened = AiTenants::open(configuration, parts.log);
    if (!opened) return opened.error();
    parts.tenants = std::move(*opened);
  }
  std::shared_ptr<ai_redis::Fleet> fleet;
  if (!configuration.redis_url.empty()) {
    auto opened = join_fleet(configuration, parts);
    if (!opened) return opened.error();
    fleet = std::move(*opened);
  }
  ai::StackOptions options;
  options.metered = std::move(meter);
  // Those who ask for a type hold the answer to it themselves.
  options.validated.reset();
  options.coalesced->metrics = parts.metrics;
  if (configuration.ai_redact) options.redacted = ai::RedactOptions();
  if (configuration.ai_cache_megabytes != 0) {
    ai::MemoryCacheOptions memory;
    memory.max_bytes = configuration.ai_cache_megabytes << 20U;
    ai::CachedOptions cached;
    cached.cache = ai::make_memory_cache(std::move(memory));
    if (fleet) {
      cached.cache = ai::make_layered_cache(std::move(cached.cache), fleet->cache());
      // A flight's round trips are worth it where the same is asked again.
      options.coalesced->board =
          fleet->flights(upstream_name(configuration.ai_url, configuration.ai_key));
    }
    // Another service's answers may lie in the same Redis.
    cached.dialect = configuration.ai_url;
    cached.time_to_live = std::chrono::ceil<std::chrono::seconds>(configuration.ai_cache_ttl);
    cached.log = parts.log;
    cached.metrics = parts.metrics;
    options.cached = std::move(cached);
  }
  if (limits_tenants(configuration)) {
    ai::TenantLimitOptions tenants;
    tenants.running = configuration.ai_concurrency;
    tenants.limit_of = [book = parts.tenants](const std::string& tenant) {
      return book->limit_of(tenant);
    };
    tenants.on_standing = parts.on_standing;
    if (fleet) tenants.rates = fleet->rate_maker();
    tenants.metrics = parts.metrics;
    options.tenant_limited = std::move(tenants);
  }
  options.budgeted = ai_budget(configuration, parts, std::move(*prices));
  options.fallback.log = parts.log;
  options.fallback.metrics = parts.metrics;

  std::vector<std::shared_ptr<ai::Model>> models = {parts.model};
  if (!configuration.ai_fallback_url.empty()) {
    auto fallback = open_fallback(configuration, parts);
    if (!fallback) return fallback.error();
    models.push_back(std::move(*fallback));
  }
  std::vector<ai::StackMember> members;
  for (auto& model : models) {
    const bool speaks = dynamic_cast<const ai_openai::OpenAiModel*>(model.get()) != nullptr;
    if (!speaks) model = write_as_openai(std::move(model));
    if (parts.artefacts) {
      model = keep_artefacts(std::move(model), parts.artefacts, parts.tenants, parts.log,
                             parts.metrics);
    }
    if (is_local(*model)) {
      members.push_back(bare_member(std::move(model)));
      continue;
    }
    auto member = member_of(configuration, std::move(model), parts.log);
    // One tenant's texts do not belong among what is kept of another's.
    member.options.gathered->tenants_together = parts.artefacts == nullptr;
    if (fleet) {
      const bool is_first = members.empty();
      member.options.limited->allowance = fleet->rates(
          upstream_name(is_first ? configuration.ai_url : configuration.ai_fallback_url,
                        is_first ? configuration.ai_key : configuration.ai_fallback_key),
          member.options.rates);
    }
    members.push_back(std::move(member));
  }
  auto built = ai::build_model(std::move(members), std::move(options));
  if (!built || !fleet) return built;
  // The fleet lives as long as the stack that shares by it.
  const auto kept = std::make_shared<FleetAndModel>(FleetAndModel{std::move(fleet), *built});
  return std::shared_ptr<ai::Model>(kept, kept->model.get());
}

}  // namespace rwp::pods
