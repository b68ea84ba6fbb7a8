#pragma once

#include <rwp/ai/cached.hpp>
#include <rwp/ai/flight_board.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/observability/metrics.hpp>

#include <memory>
#include <string>

namespace rwp::ai {

struct CoalescedOptions {
  /// As CachedOptions: what tells calls apart.
  CacheScope scope = CacheScope::tenant;
  std::string dialect{};
  /// Null: each process asks for itself. With one, one process asks and the others get its answer
  /// when it is whole; while the board is away each asks for itself again.
  std::shared_ptr<FlightBoard> board{};
  /// `rwp_ai_coalesced_total`. May be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Lets calls that ask the same at the same time share one: one goes out, and all get its answer; a
/// stream is shared live, and who comes late gets what has come so far at once.
///
/// Who gives up leaves the others alone; when the last one does, the call is cancelled. Its error
/// goes to all; after one that a retry may cure, each who has time left asks once more, together.
/// One answer is the model's, to be booked and kept: that of who began, or of another when that one
/// has left; the others say AnswerSource::shared, in other processes as well, where a leader that
/// fails or dies lets another lead. Embeddings are passed on.
/// Stands behind the cache and before all that costs.
std::shared_ptr<Model> make_coalesced(std::shared_ptr<Model> model,
                                      CoalescedOptions options = CoalescedOptions());

}  // namespace rwp::ai
