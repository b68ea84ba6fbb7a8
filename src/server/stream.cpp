#include "server/stream.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace rwp::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kToFirstError = [](error_code& problem) {
  return asio::redirect_error(asio::use_awaitable, problem);
};

using Buffers = std::array<asio::const_buffer, 2>;

Buffers buffers(std::string_view first, std::string_view second) {
  return {asio::buffer(first.data(), first.size()), asio::buffer(second.data(), second.size())};
}

class PlainStream final : public Stream {
 public:
  explicit PlainStream(tcp::socket socket) : Stream(std::move(socket)) {}

  asio::awaitable<bool> handshake() override { co_return true; }

  asio::awaitable<std::size_t> read_some(char* data, std::size_t size) override {
    return socket_.async_read_some(asio::buffer(data, size), kToFirstError(read_problem_));
  }

  void read_in_background(char* data, std::size_t size,
                          std::function<void(std::size_t)> done) override {
    socket_.async_read_some(
        asio::buffer(data, size),
        [done = std::move(done)](const error_code&, std::size_t taken) { done(taken); });
  }

  std::size_t write_now(std::string_view first, std::string_view second) override {
    error_code problem;
    // Of one buffer the system makes less ado.
    if (second.empty())
      return socket_.write_some(asio::buffer(first.data(), first.size()), problem);
    return socket_.write_some(buffers(first, second), problem);
  }

  asio::awaitable<bool> write(std::string_view first, std::string_view second) override {
    error_code problem;
    co_await asio::async_write(socket_, buffers(first, second), kToFirstError(problem));
    co_return !problem;
  }

  asio::awaitable<void> finish_sending() override {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    co_return;
  }

 private:
  error_code read_problem_;
};

class TlsStream final : public Stream {
 public:
  TlsStream(tcp::socket socket, asio::ssl::context& context)
      : Stream(std::move(socket)), tls_(socket_, context) {}

  asio::awaitable<bool> handshake() override {
    error_code problem;
    co_await tls_.async_handshake(asio::ssl::stream_base::server, kToFirstError(problem));
    co_return !problem;
  }

  asio::awaitable<std::size_t> read_some(char* data, std::size_t size) override {
    return tls_.async_read_some(asio::buffer(data, size), kToFirstError(read_problem_));
  }

  void read_in_background(char* data, std::size_t size,
                          std::function<void(std::size_t)> done) override {
    tls_.async_read_some(
        asio::buffer(data, size),
        [done = std::move(done)](const error_code&, std::size_t taken) { done(taken); });
  }

  std::size_t write_now(std::string_view, std::string_view) override { return 0; }

  asio::awaitable<bool> write(std::string_view first, std::string_view second) override {
    // One record, and one packet, for what is small.
    std::string both;
    if (first.size() + second.size() <= kRecordBytes) {
      both.append(first).append(second);
      first = both;
      second = std::string_view();
    }
    error_code problem;
    co_await asio::async_write(tls_, buffers(first, second), kToFirstError(problem));
    co_return !problem;
  }

  asio::awaitable<void> finish_sending() override {
    // Also waits for the client's goodbye; the connection's deadline ends that.
    error_code problem;
    co_await tls_.async_shutdown(kToFirstError(problem));
    socket_.shutdown(tcp::socket::shutdown_send, problem);
  }

 private:
  static constexpr std::size_t kRecordBytes = std::size_t{16} << 10U;
  asio::ssl::stream<tcp::socket&> tls_;
  error_code read_problem_;
};

}  // namespace

Stream::Stream(tcp::socket socket) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
}

asio::awaitable<std::size_t> Stream::peek(char* data, std::size_t size) {
  error_code problem;
  while (true) {
    const ssize_t seen = ::recv(socket_.native_handle(), data, size, MSG_PEEK | MSG_DONTWAIT);
    if (seen >= 0) co_return static_cast<std::size_t>(seen);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) co_return 0;
    co_await socket_.async_wait(tcp::socket::wait_read, kToFirstError(problem));
    if (problem) co_return 0;
  }
}

void Stream::skip(std::size_t size) {
  std::array<char, 512> unwanted{};
  while (size > 0) {
    const ssize_t taken = ::recv(socket_.native_handle(), unwanted.data(),
                                 std::min(size, unwanted.size()), MSG_DONTWAIT);
    if (taken <= 0 && errno != EINTR) return;
    if (taken > 0) size -= static_cast<std::size_t>(taken);
  }
}

void Stream::cancel() {
  error_code ignored;
  socket_.cancel(ignored);
}

void Stream::reset_on_close() {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
}

void Stream::close() {
  error_code ignored;
  socket_.close(ignored);
}

bool Stream::has_input() const {
  char byte = 0;
  auto& socket = const_cast<tcp::socket&>(socket_);  // NOLINT: native_handle() changes nothing.
  const ssize_t seen = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return seen >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

std::string Stream::peer_address() const {
  error_code problem;
  const tcp::endpoint peer = socket_.remote_endpoint(problem);
  if (problem) return {};
  const auto address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

std::unique_ptr<Stream> make_stream(tcp::socket socket, asio::ssl::context* tls) {
  if (tls != nullptr) return std::make_unique<TlsStream>(std::move(socket), *tls);
  return std::make_unique<PlainStream>(std::move(socket));
}

struct Canceller::State {
  asio::cancellation_signal signal;
};

Canceller::Canceller() : state_(std::make_unique<State>()) {}
Canceller::~Canceller() = default;

void Canceller::start(const asio::any_io_executor& executor, asio::awaitable<void> operation,
                      std::function<void(std::exception_ptr)> done) {
  asio::co_spawn(executor, std::move(operation),
                 asio::bind_cancellation_slot(state_->signal.slot(), std::move(done)));
}

void Canceller::cancel() { state_->signal.emit(asio::cancellation_type::terminal); }

}  // namespace rwp::server
