#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace rwp::ai {

struct GatherOptions {
  /// How long the first of some calls waits for others.
  std::chrono::microseconds window{2'000};
  /// Of one request; a call that is larger goes alone, whole.
  std::size_t max_inputs = 2'048;
  std::int64_t max_tokens = 250'000;
  /// Calls of different tenants in one request, which then is the first one's to whatever stands
  /// beneath: false where that keeps requests by tenant.
  bool tenants_together = true;
  /// `rwp_ai_gathered_calls` (a histogram of the calls in a request). May be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Gathers embedding calls of many callers, within a few milliseconds, into one request; those that
/// ask one model for one number of dimensions go together.
///
/// Each gets its own vectors, and its share of the usage by the lengths of its texts. A request
/// that is refused as bad is asked again by halves, until the bad call stands alone: it alone
/// fails. Who gives up leaves the others alone; when all of a request have, it is cancelled. A
/// request's deadline is the latest of its calls'. chat() and stream() are passed on. Stands inside
/// of budgets and tenants' limits, and outside of retries.
std::shared_ptr<Model> make_gathered(std::shared_ptr<Model> model,
                                     GatherOptions options = GatherOptions());

}  // namespace rwp::ai
