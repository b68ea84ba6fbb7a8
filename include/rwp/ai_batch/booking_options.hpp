#pragma once

#include <rwp/ai/budgeted.hpp>
#include <rwp/ai/metered.hpp>

#include <optional>

namespace rwp::ai_batch {

/// Where the answers that batches brought are booked. The same for the models that wait and for the
/// handlers that make batches: who has an answer first books it, the other one nothing more.
struct BookingOptions {
  /// What counts and books the answers that batches brought, at their price (the tier "batch"); the
  /// model that answers at once is metered by itself. An answer is booked once, also when the run
  /// that had it dies. Unset: not at all.
  std::optional<ai::MeterOptions> meter{};
  /// Money for the batch is set aside by these rules before the job waits, at a batch's price, and
  /// settled when it has its answer, or its batch has one for a job that no longer waits. That of a
  /// job that had to ask at once after all, or was cancelled before it ran again, lapses an hour
  /// after `BatchingOptions::longest_wait`. Unset: waiting calls have no budget.
  std::optional<ai::BudgetOptions> budget{};
};

}  // namespace rwp::ai_batch
