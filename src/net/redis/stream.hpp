#pragma once

#include "net/redis/options.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string_view>

namespace rwp::net_redis {

/// What TLS needs of this side: trust, own certificate. Safe to share by connections.
class TlsContext;

/// `Errc::invalid_argument`: a file cannot be read or is no PEM, or the key is not the
/// certificate's.
Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsOptions& options);

/// A connection of bytes: TCP, TLS over it, or a Unix socket. Here Asio's sockets are instantiated.
///
/// At most one read and one write are in flight at once. Threads: confined to the runtime's I/O
/// thread. Lifetime: outlives its operations.
class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// At least one byte into `data`. `Errc::unavailable`: the connection has ended.
  virtual boost::asio::awaitable<Result<std::size_t>> read_some(char* data, std::size_t size) = 0;
  /// All of `bytes`, which stay until then.
  virtual boost::asio::awaitable<Result<void>> write(std::string_view bytes) = 0;
  /// Ends everything in flight.
  virtual void close() noexcept = 0;

 protected:
  Stream() = default;
};

/// Connects to `endpoint` by `deadline`; each of a name's addresses gets a share of the time. `tls`
/// may be null. `Errc::unavailable`, not retryable: the certificate is not trusted or is another
/// host's.
boost::asio::awaitable<Result<std::unique_ptr<Stream>>> connect(Runtime& runtime, Endpoint endpoint,
                                                                std::shared_ptr<TlsContext> tls,
                                                                SteadyTime deadline);

}  // namespace rwp::net_redis
