#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/ai/price_table.hpp>
#include <rwp/core/usage_ledger.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rwp::ai {

enum class BudgetPeriod : std::uint8_t { day, month };  ///< As UTC has them.

/// So much money a day or month, for those calls that both names fit.
struct BudgetRule {
  /// A tenant's name; "*": each tenant has this budget for itself; "": all together.
  std::string tenant{};
  /// The same for the kind of call.
  std::string kind{};
  BudgetPeriod period = BudgetPeriod::day;
  Money limit{};
};

struct BudgetOptions {
  /// Not null. Where money is reserved and settled, and each paid call booked.
  std::shared_ptr<UsageLedger> ledger{};
  PriceTable prices{};
  std::vector<BudgetRule> rules{};
  /// Instead of `rules`: those that a tenant has now; asked at each call, so that they may change.
  /// No two of one tenant may name one account (see budget_account()).
  std::function<std::vector<BudgetRule>(const std::string& tenant)> rules_of{};
  /// The models that may answer besides the one that is asked for: what is reserved is the dearest.
  std::vector<std::string> other_models{};
  /// A call that a rule fits and that does not bound its output is bounded to this.
  std::int64_t output_tokens = 16'384;
  /// Book each paid call as a UsageEntry, what was cut too; then make_metered() needs no ledger.
  bool record = true;
  /// Tells the time that decides the day; for tests.
  std::function<std::chrono::system_clock::time_point()> now = &std::chrono::system_clock::now;
  observability::Logger log{};
  /// `rwp_ai_budget_refused_total`, `rwp_ai_unsettled_usd_total`, `rwp_ai_ledger_errors_total`. May
  /// be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Keeps calls within budgets: the worst case (the input's bound and all the output that is
/// allowed, by the dearest model that may answer) is reserved on the accounts of all rules that
/// fit, before the call; afterwards what it took is settled. So parallel calls together never
/// exceed a budget, but by what a model charges beyond the bound of its own request.
///
/// Settled is: the answer's usage; for a stream that broke off, the input and what had come; for an
/// attempt that may have been charged and brought nothing (cancelled, out of time, no answer), the
/// worst case when it would have come at once, else the input; nothing for a refusal. It is settled
/// also when the call is cancelled or dropped, and awaited before an answer is handed on.
/// `Errc::budget_exceeded`: an account does not hold the worst case; the message names the rule.
/// It carries as `retry_after` the time until the period ends, when a whole period's money would
/// hold the call. Not retryable: what other calls release may come earlier, or not at all.
/// A ledger that is away fails the call (unavailable) before anything is spent; afterwards the
/// answer is handed on, and the loss logged and counted: the reservation then lapses.
/// Stands around the fallback chain: cached and coalesced answers cost nothing.
std::shared_ptr<Model> make_budgeted(std::shared_ptr<Model> model, BudgetOptions options);

/// The account of a rule for a call: "ai/tenant:acme/kind:/day:2026-11-26". None: the rule does not
/// fit.
std::string budget_account(const BudgetRule& rule, const std::string& tenant,
                           const std::string& kind, std::chrono::system_clock::time_point now);
/// Until the period ends that `now` is in, and the next begins with all of its money.
std::chrono::milliseconds budget_ends_in(BudgetPeriod period,
                                         std::chrono::system_clock::time_point now);

}  // namespace rwp::ai
