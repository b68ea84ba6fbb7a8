#include "net/redis/stream.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <netdb.h>
#include <string>
#include <utility>
#include <vector>

namespace rwp::net_redis {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

class TlsContext {
 public:
  TlsContext() : context(ssl::context::tls_client) {}

  ssl::context context;
  std::string server_name{};
};

namespace {

using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;

constexpr auto kToError = [](error_code& problem) {
  return asio::redirect_error(asio::use_awaitable, problem);
};

Error lost(const error_code& problem) {
  if (problem == asio::error::operation_aborted) {
    return Error(Errc::cancelled, "redis: the connection was closed here");
  }
  if (problem == asio::error::eof || problem == ssl::error::stream_truncated) {
    return Error(Errc::unavailable, "redis: the server closed the connection");
  }
  return Error(Errc::unavailable, "redis: the connection failed: " + problem.message());
}

void close_socket(Socket& socket) noexcept {
  error_code ignored;
  socket.close(ignored);  // NOLINT(bugprone-unused-return-value): the error is in `ignored`.
}

class PlainStream final : public Stream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  asio::awaitable<Result<std::size_t>> read_some(char* data, std::size_t size) override {
    error_code problem;
    const std::size_t taken =
        co_await socket_.async_read_some(asio::buffer(data, size), kToError(problem));
    if (problem) co_return lost(problem);
    co_return taken;
  }

  asio::awaitable<Result<void>> write(std::string_view bytes) override {
    error_code problem;
    co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                               kToError(problem));
    if (problem) co_return lost(problem);
    co_return Result<void>();
  }

  void close() noexcept override { close_socket(socket_); }

 private:
  Socket socket_;
};

class TlsStream final : public Stream {
 public:
  TlsStream(Socket socket, std::shared_ptr<TlsContext> context)
      : context_(std::move(context)), tls_(std::move(socket), context_->context) {}

  asio::awaitable<Result<void>> handshake(std::string host) {
    const std::string& name = context_->server_name.empty() ? host : context_->server_name;
    SSL* connection = tls_.native_handle();
    error_code problem;
    (void)asio::ip::make_address(name, problem);
    // An address is no name to be indicated (RFC 6066).
    if (problem) SSL_set_tlsext_host_name(connection, name.c_str());
    tls_.set_verify_callback(ssl::host_name_verification(name));
    co_await tls_.async_handshake(ssl::stream_base::client, kToError(problem));
    if (!problem) co_return Result<void>();
    const long verified = SSL_get_verify_result(connection);
    if (verified != X509_V_OK || is_verification(problem)) {
      // The host's name is judged by the callback, which leaves the verification's result as it is.
      const std::string why = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
                                                    : "it is not that of " + name;
      co_return Error(Errc::unavailable, "redis: the server's certificate is not trusted: " + why)
          .with_retryable(false);
    }
    co_return Error(Errc::unavailable, "redis: no TLS connection: " + problem.message());
  }

  asio::awaitable<Result<std::size_t>> read_some(char* data, std::size_t size) override {
    error_code problem;
    const std::size_t taken =
        co_await tls_.async_read_some(asio::buffer(data, size), kToError(problem));
    if (problem) co_return lost(problem);
    co_return taken;
  }

  asio::awaitable<Result<void>> write(std::string_view bytes) override {
    error_code problem;
    co_await asio::async_write(tls_, asio::buffer(bytes.data(), bytes.size()), kToError(problem));
    if (problem) co_return lost(problem);
    co_return Result<void>();
  }

  void close() noexcept override { close_socket(tls_.next_layer()); }

 private:
  static bool is_verification(const error_code& problem) {
    return problem.category() == asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(problem.value())) ==
               SSL_R_CERTIFICATE_VERIFY_FAILED;
  }

  const std::shared_ptr<TlsContext> context_;
  ssl::stream<Socket> tls_;
};

struct Address {
  Protocol::endpoint endpoint{};
  bool tcp = true;
};
using Addresses = std::vector<Address>;

struct AddressListDeleter {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

/// Blocks, unless the host is a numeric address and `numeric_only`; then an empty list is a name.
Result<Addresses> look_up(const std::string& host, std::uint16_t port, bool numeric_only) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : 0);
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, AddressListDeleter> list(found);
  if (problem == EAI_NONAME && numeric_only) return Addresses();
  if (problem != 0) {
    return Error(Errc::unavailable, "no address of " + host + ": " + ::gai_strerror(problem));
  }
  Addresses addresses;
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    const Protocol::endpoint endpoint(each->ai_addr, each->ai_addrlen, IPPROTO_TCP);
    addresses.push_back(Address{.endpoint = endpoint, .tcp = true});
  }
  return addresses;
}

asio::awaitable<Result<Addresses>> addresses_of(Runtime& runtime, Endpoint endpoint) {
  if (!endpoint.path.empty()) {
    const Protocol::endpoint path(asio::local::stream_protocol::endpoint(endpoint.path));
    co_return Addresses{Address{.endpoint = path, .tcp = false}};
  }
  auto numeric = look_up(endpoint.host, endpoint.port, true);
  if (!numeric || !numeric->empty()) co_return numeric;
  auto blocking = [host = endpoint.host, port = endpoint.port] {
    return look_up(host, port, false);
  };
  auto looking = run_blocking(runtime.blocking(), std::move(blocking));
  co_return co_await std::move(looking);
}

asio::awaitable<Result<std::unique_ptr<Stream>>> connect_one(Address address, std::string host,
                                                             std::shared_ptr<TlsContext> tls) {
  Socket socket(co_await asio::this_coro::executor);
  error_code problem;
  co_await socket.async_connect(address.endpoint, kToError(problem));
  if (problem) co_return Error(Errc::unavailable, problem.message());
  if (address.tcp) {
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
  }
  if (!tls) {
    std::unique_ptr<Stream> plain = std::make_unique<PlainStream>(std::move(socket));
    co_return plain;
  }
  auto stream = std::make_unique<TlsStream>(std::move(socket), std::move(tls));
  auto shaking = stream->handshake(std::move(host));
  const auto done = co_await std::move(shaking);
  if (!done) co_return done.error();
  std::unique_ptr<Stream> made = std::move(stream);
  co_return made;
}

Error bad_file(const std::string& what, const std::string& file, const error_code& problem) {
  return Error(Errc::invalid_argument,
               "redis: TLS " + what + " " + file + ": " + problem.message());
}

}  // namespace

Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsOptions& options) {
  auto made = std::make_shared<TlsContext>();
  ssl::context& context = made->context;
  made->server_name = options.server_name;
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  context.set_verify_mode(ssl::verify_peer);
  error_code problem;
  if (options.ca_file.empty()) {
    context.set_default_verify_paths(problem);
  } else {
    context.load_verify_file(options.ca_file, problem);
  }
  if (problem) return bad_file("authorities", options.ca_file, problem);
  if (options.certificate_file.empty()) return made;
  context.use_certificate_chain_file(options.certificate_file, problem);
  if (problem) return bad_file("certificate", options.certificate_file, problem);
  context.use_private_key_file(options.key_file, ssl::context::pem, problem);
  if (problem) return bad_file("key", options.key_file, problem);
  if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
    return Error(Errc::invalid_argument, "redis: TLS key " + options.key_file +
                                             " is not that of certificate " +
                                             options.certificate_file);
  }
  return made;
}

asio::awaitable<Result<std::unique_ptr<Stream>>> connect(Runtime& runtime, Endpoint endpoint,
                                                         std::shared_ptr<TlsContext> tls,
                                                         SteadyTime deadline) {
  const std::string shown = endpoint.to_string();
  const std::string host = endpoint.host;
  auto looking = addresses_of(runtime, std::move(endpoint));
  auto found = co_await std::move(looking);
  if (!found) co_return found.error().with_context("redis: " + shown);
  Error last(Errc::unavailable, "no address");
  for (std::size_t i = 0; i < found->size(); ++i) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) break;
    const auto share = (deadline - now) / static_cast<int>(found->size() - i);
    auto connecting = with_deadline(connect_one((*found)[i], host, tls), now + share);
    auto connected = co_await std::move(connecting);
    if (connected) co_return std::move(*connected);
    last = connected.error();
    if (last.code() == Errc::deadline_exceeded) {
      last = Error(Errc::unavailable, "no connection in time");
    }
  }
  co_return last.with_context("redis: " + shown);
}

}  // namespace rwp::net_redis
