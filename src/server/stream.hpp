#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace rwp::server {

/// One accepted connection, plain or TLS; here Asio's socket operations are instantiated.
///
/// At most one read and one write are in flight at once. Threads: confined to its runtime's I/O
/// thread. Lifetime: outlives its operations.
class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  virtual boost::asio::awaitable<bool> handshake() = 0;
  /// At least one byte into `data`; 0: the other side has closed, or the connection failed.
  virtual boost::asio::awaitable<std::size_t> read_some(char* data, std::size_t size) = 0;
  /// Calls `done` with what read_some() would answer, without a coroutine.
  virtual void read_in_background(char* data, std::size_t size,
                                  std::function<void(std::size_t)> done) = 0;
  /// How much of both, in their order, the system takes at once. Less than all: write() the rest.
  virtual std::size_t write_now(std::string_view first, std::string_view second) = 0;
  virtual boost::asio::awaitable<bool> write(std::string_view first, std::string_view second) = 0;
  /// Says goodbye (TLS), then that nothing more will be sent.
  virtual boost::asio::awaitable<void> finish_sending() = 0;

  /// Copies up to `size` bytes that have come, and leaves them to be read; waits for one. 0: as
  /// read_some(). Before the handshake: they are as they came.
  boost::asio::awaitable<std::size_t> peek(char* data, std::size_t size);
  /// Takes the first of what peek() has shown.
  void skip(std::size_t size);

  /// Ends a read in flight; the stream stays usable.
  void cancel();
  /// close() then resets the connection.
  void reset_on_close();
  /// Ends everything.
  void close();
  /// Whether bytes, or the other side's close, wait to be read.
  bool has_input() const;
  std::string peer_address() const;

 protected:
  explicit Stream(boost::asio::ip::tcp::socket socket);
  boost::asio::ip::tcp::socket socket_;
};

/// `tls` may be null; it outlives the stream.
std::unique_ptr<Stream> make_stream(boost::asio::ip::tcp::socket socket,
                                    boost::asio::ssl::context* tls);

/// Runs `operation` on its own; `cancel()` reaches what it waits for, at once. On the executor's
/// thread only.
class Canceller {
 public:
  Canceller();
  ~Canceller();
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;
  /// `done` keeps this object alive.
  void start(const boost::asio::any_io_executor& executor, boost::asio::awaitable<void> operation,
             std::function<void(std::exception_ptr)> done);
  void cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rwp::server
