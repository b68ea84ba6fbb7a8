#pragma once

#include "server/answer.hpp"
#include "server/client_address.hpp"
#include "server/listener.hpp"
#include "server/random_ids.hpp"
#include "server/telemetry.hpp"
#include <rwp/core/async.hpp>
#include <rwp/server/server.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace rwp::server {

class Connection;

/// Tells when all shards have ended. Threads: safe to share.
struct EndOfShards {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t left = 0;
};

/// What a server's threads share; but for the counts, nothing changes after the start.
struct ServerState {
  ServerOptions options{};
  Router router{};
  std::shared_ptr<boost::asio::ssl::context> tls{};
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> body_bytes{0};
};

/// The connections of one I/O thread, and the socket that they come from.
///
/// Threads: confined to its executor's thread but for start() and drain().
class Shard : public std::enable_shared_from_this<Shard> {
 public:
  Shard(std::shared_ptr<ServerState> state, std::shared_ptr<EndOfShards> end,
        boost::asio::any_io_executor executor, std::unique_ptr<Listener> listener);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void start();
  /// Begins to end; again: at once.
  void drain();

  void remove(const std::shared_ptr<Connection>& connection);
  /// Whether connections are to end with their present answer.
  bool closing() const noexcept { return closing_; }

  const ServerOptions& options() const noexcept { return state_->options; }
  const TrustedHops& trusted() const noexcept { return trusted_; }
  /// Of bodies in memory, over all shards.
  std::atomic<std::size_t>& body_bytes() noexcept { return state_->body_bytes; }
  const Router::Impl& router() const noexcept { return state_->router.impl(); }
  const boost::asio::any_io_executor& executor() const noexcept { return executor_; }
  Telemetry& telemetry() noexcept { return telemetry_; }
  RandomIds& ids() noexcept { return ids_; }
  DateText& date() noexcept { return date_; }

 private:
  using Self = std::shared_ptr<Shard>;
  boost::asio::awaitable<void> accept_loop();
  boost::asio::awaitable<void> tick_loop();
  boost::asio::awaitable<void> drain_loop();
  void run_loop(boost::asio::awaitable<void> loop);
  void begin_drain();
  void open(std::unique_ptr<Stream> stream);
  void tick();
  void end();
  bool is_full() const noexcept;

  std::shared_ptr<ServerState> state_;
  std::shared_ptr<EndOfShards> end_;
  boost::asio::any_io_executor executor_;
  std::unique_ptr<Listener> listener_;
  const TrustedHops trusted_;
  Telemetry telemetry_;
  RandomIds ids_;
  DateText date_;
  std::list<std::shared_ptr<Connection>> connections_;
  /// Only within tick(); a member for its memory.
  std::vector<std::shared_ptr<Connection>> due_;
  /// There are connections, or nothing more to watch.
  Signal tick_wanted_;
  Signal may_accept_;
  Signal drain_changed_;
  /// To the end of accept_loop().
  bool accepting_ = true;
  bool drain_asked_ = false;
  bool closing_ = false;
  bool at_once_ = false;
  bool ended_ = false;
  int loops_ = 0;
};

}  // namespace rwp::server
