#pragma once

#include <rwp/ai/attempt_limited.hpp>
#include <rwp/ai/budgeted.hpp>
#include <rwp/ai/cached.hpp>
#include <rwp/ai/coalesced.hpp>
#include <rwp/ai/deadline.hpp>
#include <rwp/ai/fallback.hpp>
#include <rwp/ai/gathered.hpp>
#include <rwp/ai/metered.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/ai/rate_allowance.hpp>
#include <rwp/ai/redacted.hpp>
#include <rwp/ai/retried.hpp>
#include <rwp/ai/tenant_limited.hpp>
#include <rwp/ai/upstream_limited.hpp>
#include <rwp/ai/validated.hpp>
#include <rwp/core/error.hpp>
#include <rwp/net/circuit_breaker.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace rwp::ai {

/// What stands around one upstream. Unset: that decorator is left out.
struct MemberOptions {
  std::optional<GatherOptions> gathered = GatherOptions();
  std::optional<ModelRetryOptions> retried = ModelRetryOptions();
  /// With an empty `allowance` it is made for this member from `rates`.
  std::optional<UpstreamLimitOptions> limited = UpstreamLimitOptions();
  RateAllowanceOptions rates{};
  std::optional<net::CircuitBreakerOptions> breaking = net::CircuitBreakerOptions();
  std::optional<AttemptLimits> attempts = AttemptLimits();
};

/// A model of the fallback chain. One that retries by itself (OpenAiOptions::max_attempts above 1)
/// goes round limit and breaker; have it try once.
struct StackMember {
  std::shared_ptr<Model> model{};
  MemberOptions options{};
};

/// What stands around all of them. Unset: that decorator is left out.
struct StackOptions {
  std::optional<DeadlineOptions> deadline = DeadlineOptions();
  std::optional<MeterOptions> metered{};
  std::optional<RedactOptions> redacted{};
  std::optional<ValidatedOptions> validated = ValidatedOptions();
  std::optional<CachedOptions> cached{};
  std::optional<CoalescedOptions> coalesced = CoalescedOptions();
  std::optional<TenantLimitOptions> tenant_limited{};
  /// Takes the default models of the later members as `other_models` when it names none. While it
  /// books (`record`), metered does not.
  std::optional<BudgetOptions> budgeted{};
  FallbackOptions fallback{};
};

/// Builds the stack, outermost first:
///
///     deadline > metered > redacted > validated > cached > coalesced > tenant limit > budget
///       > fallback over [ gathered > retried > upstream limit > breaker > attempt limits > model ]
///
/// docs/ai.md says why. Members that hear of their upstream's limits (ReportsRates) tell their
/// allowance. `Errc::invalid_argument`: no members, a null one, or options that need what is not
/// there (a ledger, a cache).
Result<std::shared_ptr<Model>> build_model(std::vector<StackMember> members,
                                           StackOptions options = StackOptions());

}  // namespace rwp::ai
