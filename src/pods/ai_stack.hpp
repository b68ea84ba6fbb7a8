#pragma once

#include "pods/ai_tenants.hpp"
#include <rwp/ai/budgeted.hpp>
#include <rwp/ai/metered.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/ai/price_table.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/usage_ledger.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/observability/trace.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/storage/object_store.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rwp::pods {

/// What a stack of decorators is built from besides the settings.
struct AiStackParts {
  std::shared_ptr<ai::Model> model{};
  /// That of `model`, on which `ai_fallback_url` is opened as well. Not null where that is set.
  Runtime* runtime = nullptr;
  /// Where calls are booked and budgets kept; may be null where no budget is set.
  std::shared_ptr<UsageLedger> ledger{};
  /// What tenants may do; null: as the settings say for all.
  std::shared_ptr<AiTenants> tenants{};
  /// Told what a tenant's rate holds; may be empty.
  std::function<void(const std::string& tenant, const ai::RateReport& standing)> on_standing{};
  /// Of `runtime`: where requests and answers are kept; null: nowhere.
  std::shared_ptr<storage::ObjectStore> artefacts{};
  observability::Logger log{};
  /// May be null.
  std::shared_ptr<observability::Metrics> metrics{};
  /// Gets a span of each call; may be null.
  std::shared_ptr<observability::SpanExporter> spans{};
};

/// Whether any of the RWP_AI_* settings asks for more than the bare model.
bool wants_ai_stack(const Configuration& configuration);
/// The model's URL; where the stack retries, the client itself tries once.
std::string ai_model_url(const Configuration& configuration);
/// Whether a ledger is needed: for budgets, those of the tenants' file as well, and for usage.
bool needs_ai_ledger(const Configuration& configuration);

/// Whether calls of OpenAI's protocol go on to the model as they came: one that speaks it, and
/// nothing has to be taken out of them.
bool passes_through(const Configuration& configuration, const ai::Model& model);

/// Prices of `ai_prices_file`, else OpenAI's. `Errc::invalid_argument` names the file and the
/// place.
Result<ai::PriceTable> ai_prices(const Configuration& configuration);

/// What counts and books calls, and what holds them to their budgets; none: there are none.
ai::MeterOptions ai_meter(const AiStackParts& parts, ai::PriceTable prices);
std::optional<ai::BudgetOptions> ai_budget(const Configuration& configuration,
                                           const AiStackParts& parts, ai::PriceTable prices);

/// The model in all the decorators that the settings ask for (docs/ai.md); without any, metered and
/// booked when there is a ledger.
Result<std::shared_ptr<ai::Model>> build_ai_stack(const Configuration& configuration,
                                                  AiStackParts parts);

}  // namespace rwp::pods
