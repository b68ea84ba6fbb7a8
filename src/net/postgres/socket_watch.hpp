#pragma once

#include <rwp/core/async.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>

namespace rwp::net_postgres {

/// Waits for a socket that libpq owns, without taking it from libpq.
///
/// Threads: confined to the executor's I/O thread; one wait at a time.
class SocketWatch {
 public:
  explicit SocketWatch(boost::asio::any_io_executor executor);
  ~SocketWatch();
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  /// Watches this socket from now on. Let it go before libpq may close it.
  void watch(int socket);
  void let_go() noexcept;

  /// Returns when the socket can be read from or written to, as asked. `notified`: it can, or it
  /// has failed, which libpq will find.
  boost::asio::awaitable<Wake> wait(bool to_read, bool to_write, SteadyTime deadline);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace rwp::net_postgres
