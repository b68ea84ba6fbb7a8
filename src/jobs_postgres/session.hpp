#pragma once

#include "jobs_postgres/handover.hpp"
#include "net/postgres/pool.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/clock.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/requests.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace rwp::jobs_postgres {

using jobs::JobState;
using jobs::TimePoint;
using net_postgres::Answer;
using net_postgres::Array;
using net_postgres::Command;
using net_postgres::Failure;
using net_postgres::Parameters;
using net_postgres::Rows;
using net_postgres::Statement;
using Lease = net_postgres::Pool::Lease;

/// The server's time in milliseconds, or what a test says it is, as $1.
#define RWP_PG_NOW "coalesce($1::bigint, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)"

/// Holds the jobs that a dispatch beside the record hands out, with the literal for SQL.
constexpr std::int64_t kDispatchHolder = -1;
#define RWP_PG_DISPATCH_HOLDER "-1"
/// Whether that is done at present.
#define RWP_PG_DISPATCHES "coalesce((SELECT mode FROM rwp.dispatch), 1) = 1"
#define RWP_PG_NO_END "9223372036854775807"

/// What one attempt at a piece of work came to.
template <class T>
struct Tried {
  std::optional<T> made{};
  std::optional<Failure> failure{};
};

/// A kind and version in a queue; claims walk one index range a lane.
struct Lane {
  std::int64_t id = 0;
  std::string queue{};
  std::string kind{};
  int version = 1;
};

/// What all parts of one store share.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by the store and its calls.
class Session : public std::enable_shared_from_this<Session> {
 public:
  struct Options {
    /// Null: the server's. A test's clock is passed with each statement.
    std::shared_ptr<const Clock> clock{};
    /// How long a call goes on trying while the server is away.
    std::chrono::milliseconds patience{10'000};
    observability::Logger log{};
    std::shared_ptr<observability::Metrics> metrics{};
    /// Jobs that submits lease to workers of this store.
    std::shared_ptr<Handovers> handovers{};
  };
  Session(Runtime& runtime, std::shared_ptr<net_postgres::Pool> pool, Options options);

  Runtime& runtime() const noexcept { return runtime_; }
  net_postgres::Pool& pool() const noexcept { return *pool_; }
  const Options& options() const noexcept { return options_; }
  /// Names this store among those that hold leases.
  std::int64_t holder() const noexcept { return holder_; }

  /// $1 of most statements, and the clock that leases are judged by.
  std::optional<std::int64_t> given_now() const;
  std::optional<std::int64_t> given_beat() const;
  /// What the server's clock shows now, as far as is known here.
  TimePoint now() const;
  /// The server has told its time.
  void learn_now(std::int64_t server_ms);

  /// Runs `work` on a connection, and again while the server goes away, its transaction was chosen
  /// to give way, or the connection broke, until it is done or the patience ends. `in_doubt` tells
  /// it that an earlier attempt may have been committed.
  template <class T>
  boost::asio::awaitable<Result<T>> attempt(
      std::function<boost::asio::awaitable<Tried<T>>(Lease*, bool in_doubt, SteadyTime deadline)>
          work) {
    const auto self = shared_from_this();
    const SteadyTime deadline = std::chrono::steady_clock::now() + options_.patience;
    bool in_doubt = false;
    for (int tries = 0;; ++tries) {
      Failure failure;
      auto lease = co_await pool_->acquire(deadline);
      if (lease) {
        auto tried = co_await work(&*lease, in_doubt, deadline);
        if (tried.made) co_return std::move(*tried.made);
        failure = std::move(*tried.failure);
        in_doubt = in_doubt || failure.in_doubt;
        *lease = Lease();
      } else {
        failure = Failure{.error = lease.error(), .lost = true};
      }
      const bool again = co_await worth_another_try(failure, tries, deadline);
      if (!again) co_return final_error(failure.error, in_doubt);
    }
  }

  /// Runs `commands` as one transaction, and again as attempt() does: for what has the same effect
  /// when it is repeated. The commands are kept for the repetitions.
  boost::asio::awaitable<Result<std::vector<Rows>>> run(std::vector<Command> commands);

  /// The lane's number; made when there is none. `invalid_argument`: there are too many.
  boost::asio::awaitable<Result<std::int64_t>> lane_of(std::string queue, std::string kind,
                                                       int version);
  /// The lane's number, when it is known here; 0 otherwise.
  std::int64_t known_lane(const std::string& queue, const std::string& kind, int version) const;
  /// The lane, when it is known here.
  const Lane* find_lane(std::int64_t id) const;
  /// Reads what others have added.
  boost::asio::awaitable<Result<void>> refresh_lanes();
  const std::map<std::int64_t, Lane>& lanes() const noexcept { return lanes_; }
  void remember(Lane lane);

  /// Another connection was lost: holders of leases may not have reached the server either.
  void note_lost() { lost_ = true; }
  /// From when on, by the leases' clock in milliseconds, lapsed leases are their holders' own
  /// fault: since this store was opened, it last lost the server, or the server's clock stepped.
  std::int64_t trusted_since(std::int64_t beat);

 private:
  /// Waits a little before the next try, if there is to be one.
  boost::asio::awaitable<bool> worth_another_try(Failure failure, int tries, SteadyTime deadline);
  static Error final_error(const Error& error, bool in_doubt);

  Runtime& runtime_;
  const std::shared_ptr<net_postgres::Pool> pool_;
  const Options options_;
  const std::int64_t holder_;
  std::chrono::milliseconds ahead_{0};  ///< The server's clock before this machine's.
  std::map<std::int64_t, Lane> lanes_;
  std::map<std::tuple<std::string, std::string, int>, std::int64_t, std::less<>> lane_ids_;
  bool lost_ = true;
  std::int64_t trusted_since_ = 0;
  std::int64_t last_beat_ = 0;
  std::chrono::milliseconds last_local_{0};
};

/// A command of this statement, its parameters to be filled in.
inline Command command(const Statement& statement) {
  Command made;
  made.statement = &statement;
  return made;
}

extern const Statement kBegin;
extern const Statement kCommit;
extern const Statement kRollback;

}  // namespace rwp::jobs_postgres
