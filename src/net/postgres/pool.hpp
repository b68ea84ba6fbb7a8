#pragma once

#include "net/postgres/connection.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace rwp::net_postgres {

struct PoolOptions {
  Target target{};
  ConnectionOptions connection{};
  /// Most connections; 1 or more.
  std::size_t connections = 4;
  std::chrono::milliseconds connect_timeout{5'000};
  /// A connection that has been idle for longer is tried before it is used.
  std::chrono::milliseconds check_after{10'000};
  /// A connection older than this is replaced, so that a moved server is followed.
  std::chrono::milliseconds max_age{std::chrono::minutes(30)};
  /// Run on each new connection; may be null.
  const Statement* setup = nullptr;
  /// Of the first command of each exchange, where a session keeps no settings; may be null.
  const Statement* per_transaction = nullptr;
  observability::Logger log{};
  /// May be null. rwp_postgres_connections (by state), rwp_postgres_connects_total,
  /// rwp_postgres_connect_failures_total, rwp_postgres_round_trips_total,
  /// rwp_postgres_pool_waits_total.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// A few connections, shared by turns.
///
/// After a failure to connect the next attempt waits, longer each time up to 2 s, so that a server
/// that comes back is not stormed.
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by its leases.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  /// A connection in use; returned, or closed when it is in no state to be used again.
  class Lease {
   public:
    Lease() = default;
    ~Lease();
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    /// One exchange.
    boost::asio::awaitable<Answer> run(std::vector<Command> commands, SteadyTime deadline);
    Connection& connection() { return *connection_; }

   private:
    friend class Pool;
    void give_back() noexcept;
    std::shared_ptr<Pool> pool_;
    std::unique_ptr<Connection> connection_;
    SteadyTime opened_{};
  };

  Pool(Runtime& runtime, PoolOptions options);

  /// Waits for a free connection, or opens one. Fails as Connection::open() does, or with
  /// `Errc::unavailable` when none came free in time.
  boost::asio::awaitable<Result<Lease>> acquire(SteadyTime deadline);

  /// A connection of its own, beyond the bound: for a listener.
  boost::asio::awaitable<Result<std::unique_ptr<Connection>>> open_apart(SteadyTime deadline);

  /// Closes what is idle; what is in use is closed on its return. Nothing is opened any more.
  void close();

 private:
  struct Idle {
    std::unique_ptr<Connection> connection{};
    SteadyTime opened{};
    SteadyTime since{};
  };
  struct Series;

  boost::asio::awaitable<Result<std::unique_ptr<Connection>>> connect(SteadyTime deadline);
  void put_back(std::unique_ptr<Connection> connection, SteadyTime opened) noexcept;
  void show();

  Runtime& runtime_;
  const PoolOptions options_;
  const std::shared_ptr<Series> series_;
  std::vector<Idle> idle_;
  std::size_t open_ = 0;
  bool closed_ = false;
  Signal freed_;
  std::chrono::milliseconds backoff_{0};
  SteadyTime next_attempt_{};
  Error last_failure_{};
  std::size_t first_host_ = 0;
};

}  // namespace rwp::net_postgres
