#pragma once

#include <rwp/ai/cached.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace rwp::ai {

/// Which of a fleet's processes asks an upstream for an answer that several want.
///
/// Threads: confined to its runtime's I/O thread. Lifetime: outlives its calls in flight.
class FlightBoard {
 public:
  virtual ~FlightBoard() = default;
  FlightBoard(const FlightBoard&) = delete;
  FlightBoard& operator=(const FlightBoard&) = delete;

  /// True: this process leads until it lands, or the time has passed. An error counts as true, so
  /// that each process asks for itself when the board is away.
  virtual boost::asio::awaitable<Result<bool>> take_off(std::string key,
                                                        std::chrono::milliseconds lapses_after) = 0;
  virtual boost::asio::awaitable<Result<void>> land(std::string key) = 0;
  /// Until the leader of `key` has landed or its time has passed, at most until `deadline`.
  virtual boost::asio::awaitable<Result<void>> wait_landed(std::string key,
                                                           SteadyTime deadline) = 0;

 protected:
  FlightBoard() = default;
};

struct CoalescedOptions {
  /// As CachedOptions: what tells calls apart.
  CacheScope scope = CacheScope::tenant;
  std::string dialect{};
  /// Null: each process asks for itself. With one, who does not lead waits for the leader to land,
  /// and then asks; put the fleet's cache beneath as well, and the answer is there.
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
/// has left; the others say AnswerSource::shared. Embeddings are passed on.
/// Stands behind the cache and before all that costs.
std::shared_ptr<Model> make_coalesced(std::shared_ptr<Model> model,
                                      CoalescedOptions options = CoalescedOptions());

}  // namespace rwp::ai
