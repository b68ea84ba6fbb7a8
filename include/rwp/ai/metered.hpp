#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/ai/price_table.hpp>
#include <rwp/core/usage_ledger.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/observability/trace.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace rwp::ai {

struct MeterOptions {
  /// Null: nothing is counted.
  std::shared_ptr<observability::Metrics> metrics{};
  /// Null: nothing is booked.
  std::shared_ptr<UsageLedger> ledger{};
  /// Where it is booked what answers out of a cache, or shared with another call, would have cost,
  /// those of `savings_together` in one entry. Null: nowhere.
  std::shared_ptr<UsageLedger> savings{};
  std::chrono::milliseconds savings_together{5'000};
  PriceTable prices{};
  /// Gets a span of each call that is traced, named as OpenTelemetry's conventions for generative
  /// AI have it ("chat gpt-4.1-mini"); null: none.
  std::shared_ptr<observability::SpanExporter> spans{};
  observability::Logger log{};
  /// The id under which the one call that passes is booked, so that booking it again changes
  /// nothing; unset: a new one for each call.
  std::optional<Uuid> entry_id{};
};

/// Counts and books what passes through it; stands outside caches, retries and fallback, so that it
/// sees each answer once.
///
/// Metrics: `rwp_ai_calls_total` (operation, model, code: "ok" or the error's),
/// `rwp_ai_call_seconds` (operation), `rwp_ai_tokens_total` (model, direction: input, output),
/// `rwp_ai_cost_usd_total` (model), `rwp_ai_saved_calls_total` (source: cache, shared), and
/// `rwp_ai_ledger_errors_total`; by the names of OpenTelemetry's conventions for GenAI
/// `gen_ai_client_operation_duration_seconds`, `gen_ai_client_token_usage` and
/// `gen_ai_server_time_to_first_token_seconds`. A model is labelled with the name
/// that it gave in the reply; after 50 names the rest is "other". Calls without a reply carry the
/// inner model's default. Every answer that was paid for is booked in the ledger as one UsageEntry
/// before it is handed on; one out of a cache, or shared with another call, costs nothing. When the
/// ledger fails, the paid answer is handed on all the same, which is logged and counted, and booked
/// with later calls, up to 10,000 while this lives, when the failure may pass. A model without a
/// price is charged as the dearest and logged once a name.
std::shared_ptr<Model> make_metered(std::shared_ptr<Model> model, MeterOptions options);

}  // namespace rwp::ai
