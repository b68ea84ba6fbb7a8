#pragma once

#include "server/listen_address.hpp"
#include "server/stream.hpp"
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace rwp::server {

/// A listening socket. Threads: confined to its executor's thread once accept() has been called.
class Listener {
 public:
  struct Impl;
  explicit Listener(std::unique_ptr<Impl> impl);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port() const noexcept;
  /// The next connection. `Errc::cancelled`: closed; `Errc::unavailable`: none could be accepted
  /// (no file descriptors), worth a pause.
  boost::asio::awaitable<Result<std::unique_ptr<Stream>>> accept();
  /// A connection that waits already; null: none.
  std::unique_ptr<Stream> accept_now();
  void close();

 private:
  std::unique_ptr<Impl> impl_;
};

/// One listener an executor, all on the same address. `tls` may be null and outlives them.
/// `Errc::unavailable`: the address is in use, or not to be had here.
Result<std::vector<std::unique_ptr<Listener>>> listen_on(
    const ListenAddress& address, const std::vector<boost::asio::any_io_executor>& executors,
    boost::asio::ssl::context* tls);

}  // namespace rwp::server
