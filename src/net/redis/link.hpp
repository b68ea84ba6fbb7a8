#pragma once

#include "net/redis/dialer.hpp"
#include "net/redis/pipeline.hpp"
#include "net/redis/series.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace rwp::net_redis {

/// One connection in use: writes what waits in the pipeline, gives out the answers as they come,
/// and looks after the connection's health.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by its coroutines.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(boost::asio::any_io_executor executor, Session session, std::shared_ptr<Pipeline> pipeline,
       ClientSeries series, const ClientOptions& options);

  /// Serves until the connection ends; why it did.
  boost::asio::awaitable<Error> serve();
  /// Something waits in the pipeline.
  void wake() { work_.notify_all(); }
  /// Ends the connection.
  void close(Error why);

  const Server& server() const noexcept { return server_; }

 private:
  boost::asio::awaitable<Error> read_answers();
  boost::asio::awaitable<void> write_calls();
  boost::asio::awaitable<void> watch_health();
  Result<void> take_answers();
  SteadyTime next_look() const;
  void look(SteadyTime at);

  const boost::asio::any_io_executor executor_;
  const std::unique_ptr<Wire> wire_;
  const Server server_;
  const std::shared_ptr<Pipeline> pipeline_;
  const ClientSeries series_;
  const std::chrono::milliseconds ping_interval_;
  const std::chrono::milliseconds longest_silence_;
  Signal work_;
  Signal closing_;
  std::optional<Error> closed_;
  SteadyTime last_heard_;
  SteadyTime last_answer_;
};

}  // namespace rwp::net_redis
