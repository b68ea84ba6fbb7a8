#pragma once

#include <rwp/ai/cache.hpp>
#include <rwp/ai/flight_board.hpp>
#include <rwp/ai/rate_allowance.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace rwp::ai_redis {

struct FleetOptions {
  /// Of all keys; fleets that are to share nothing have their own. Without braces.
  std::string prefix = "rwp:ai";
  /// How many processes are thought to share the limits by one that has never reached Redis.
  std::size_t unseen_members = 8;
  /// Longest that a call waits for an answer of Redis before it goes on without.
  std::chrono::milliseconds patience{250};
  /// How long a slice of a rate is meant to last, and how often a process asks for more while its
  /// calls wait (ten times as often). 10 ms to 10 s.
  std::chrono::milliseconds slice{1'000};
  /// Answers that are larger are neither cached nor handed to other processes.
  std::size_t max_answer_bytes = std::size_t{1} << 20U;
  /// From this size on answers are kept compressed, when that makes them smaller. 0: never.
  std::size_t compress_from_bytes = 2'048;
  /// How long a leader whose process has died keeps others from asking. 1 s to 10 min.
  std::chrono::milliseconds flight_lease{10'000};
  observability::Logger log{};
  /// `rwp_ai_fleet_members`, `rwp_ai_fleet_away`, those of the Redis client (use "ai"). May be
  /// null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// What the processes of a fleet share through one Redis: rates, cached answers, single flight.
///
/// Redis may be away, forget, or go back to what it was. Away: a rate falls to the limit divided by
/// the members last seen, the cache misses, and each process asks for itself. Forgotten or gone
/// back: rates begin at nothing and fill up, so no limit is exceeded. Members that died keep what
/// they had, and no more than the time for which it was.
/// Threads: made and destroyed on any; all else confined to the runtime's I/O thread.
/// Lifetime: the runtime outlives it; what it made may outlive it, and then is away.
class Fleet {
 public:
  virtual ~Fleet() = default;
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// The allowance of a name; all who name it share one limit, which each states alike.
  virtual std::shared_ptr<ai::RateAllowance> rates(std::string name,
                                                   ai::RateAllowanceOptions options) = 0;
  /// rates(), for TenantLimitOptions and the like; keeps the fleet.
  virtual ai::MakeRateAllowance rate_maker() = 0;
  virtual std::shared_ptr<ai::Cache> cache() = 0;
  /// Of calls to one upstream, such as its URL: a worker that asks a pod and the pod that asks a
  /// service ask different ones, or the pod would wait for the worker that waits for it.
  virtual std::shared_ptr<ai::FlightBoard> flights(const std::string& upstream) = 0;

  /// Processes that share, this one too, as last seen; `unseen_members` before the first look.
  virtual std::size_t members() const = 0;
  /// Waits for the first connection: before that a process takes Redis to be away.
  /// `Errc::unavailable`: not by `deadline`.
  virtual boost::asio::awaitable<Result<void>> connected(SteadyTime deadline) = 0;
  /// Whether Redis answered when it was last asked.
  virtual bool is_there() const = 0;

 protected:
  Fleet() = default;
};

/// Begins to connect; does not wait for it. `url`: redis:, rediss:, redis+unix:, redis-sentinel:,
/// rediss-sentinel: (docs/ai.md). `Errc::invalid_argument`: a URL or options of no use.
Result<std::shared_ptr<Fleet>> open_fleet(Runtime& runtime, const std::string& url,
                                          FleetOptions options = FleetOptions());

}  // namespace rwp::ai_redis
