#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace rwp::ai {

/// Why the next member of a chain is asked.
enum class FallbackReason : std::uint8_t {
  unavailable,       ///< Down, breaker open, connection broken (also internal, conflict).
  rate_limited,      ///< Its allowance is used up, and retries did not help.
  out_of_money,      ///< Its key's quota is spent (budget_exceeded).
  no_answer,         ///< What it said is no answer (corrupt).
  unsupported,       ///< It cannot do this.
  no_such_model,     ///< not_found.
  context_too_long,  ///< The request does not fit it; the next may take more.
  too_slow,          ///< It was given up, or used up its share of the time.
};

/// What an error means to a chain; none: another model would not help, and the call ends.
std::optional<FallbackReason> fallback_reason(const Error& error);

struct FallbackOptions {
  /// Reasons that end the call all the same.
  std::vector<FallbackReason> except{};
  /// The part of the time left that each member but the last may take, 0 to 1; 1: all of it.
  /// Needs a deadline.
  double time_share = 1;
  observability::Logger log{};
  /// `rwp_ai_fallbacks_total` (reason). May be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Asks the members in order until one answers; the reply's `model` says which, and `from_fallback`
/// that it was a later one.
///
/// The next member is asked for a FallbackReason. Other errors (invalid_argument, unauthenticated,
/// cancelled, …) end the call, and so does deadline_exceeded when the call's own time is over:
/// another model would not help. A stream goes to the next member only while no piece has been
/// handed out. A member after the first gets the request without `ChatRequest::model`: it uses its
/// own default. Vectors of different models do not compare; members that embed must use one model.
/// When all fail, the error names each member and what it answered, has the code of the first error
/// that a retry may cure (else of the last), and the shortest `retry_after`.
/// Each member keeps its own retries, limits and prices beneath this.
/// `members` is not empty and holds no null (asserted).
std::shared_ptr<Model> make_fallback(std::vector<std::shared_ptr<Model>> members,
                                     FallbackOptions options = FallbackOptions());

}  // namespace rwp::ai
