#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/observability/trace.hpp>
#include <rwp/server/address_ranges.hpp>
#include <rwp/server/router.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rwp::server {

struct ServerOptions {
  /// An address and a port: "127.0.0.1:3000", "[::1]:3000", ":3000" (all addresses); port 0: a free
  /// one.
  std::string listen = ":3000";
  /// PEM files; with both, the server speaks TLS 1.2 and later only.
  std::string tls_certificate_file{};
  std::string tls_key_file{};

  /// Load balancers: whose `X-Forwarded-For` says for whom they ask (Request::client_address).
  AddressRanges trusted_proxies{};
  /// A content delivery network in front of them: whose `CF-Connecting-IP` says so, too.
  AddressRanges trusted_cdn{};
  /// Connections from `trusted_proxies` must begin with the header of the PROXY protocol, version 1
  /// or 2, which then says whose connection it is (Request::peer_address); others' must not.
  bool proxy_protocol = false;

  /// Connections at once over all threads; beyond, new ones wait in the system's queue.
  std::size_t max_connections = 10'000;
  std::size_t max_header_bytes = std::size_t{16} << 10U;
  /// Bodies in memory at once, of all connections, from their first byte until they are answered
  /// (streamed ones count nothing). Who would exceed it is answered 503.
  std::size_t max_buffered_body_bytes = std::size_t{256} << 20U;
  /// From the first byte of a request (or the connection's start) to the end of its header.
  std::chrono::milliseconds header_timeout{10'000};
  /// For a body; a slower client than `min_body_rate` bytes a second is cut off before.
  std::chrono::milliseconds body_timeout{60'000};
  std::size_t min_body_rate = 1'024;
  /// How long an idle connection is kept.
  std::chrono::milliseconds keep_alive_timeout{75'000};
  /// For a client to take a piece of an answer.
  std::chrono::milliseconds write_timeout{30'000};
  /// Default for routes.
  std::chrono::milliseconds handler_timeout{60'000};
  /// After drain() has begun: how long readiness says no before connections are closed; and how
  /// long requests in flight may then take.
  std::chrono::milliseconds drain_delay{0};
  std::chrono::milliseconds drain_grace{25'000};

  /// One line a request at level info: method, path without query, status, bytes, seconds, request
  /// id, trace id, key id, client address.
  observability::Logger log{};
  /// May be null. Series: rwp_http_requests_total{method,route,status},
  /// rwp_http_request_seconds{route}, rwp_http_connections, rwp_http_in_flight,
  /// rwp_http_rejected_total{reason}.
  std::shared_ptr<observability::Metrics> metrics{};
  std::shared_ptr<observability::SpanExporter> spans{};
};

/// An HTTP/1.1 server: keep-alive, pipelining in order, chunked and streamed bodies both ways.
///
/// One listening socket a runtime (SO_REUSEPORT), so several I/O threads share nothing; handlers
/// run on the thread of their connection.
///
/// Drain: readiness off (`draining()` says so) for `drain_delay`; then the listening sockets close,
/// idle keep-alive connections close, answers carry `Connection: close`; requests in flight finish
/// within `drain_grace`, then are cancelled and cut.
/// Threads: any, but not the runtimes' own for wait_stopped() and the destructor. Lifetime: the
/// runtimes outlive the server; the destructor stops at once.
class Server {
 public:
  /// Opens the port and begins to serve. `Errc::unavailable`: the address is in use or not to be
  /// had (one line names it); `Errc::invalid_argument`: `listen`, or a certificate, is malformed.
  static Result<std::unique_ptr<Server>> start(std::vector<Runtime*> runtimes, Router router,
                                               ServerOptions options = ServerOptions());
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The port it listens on.
  std::uint16_t port() const noexcept;
  bool draining() const noexcept;
  /// Begins the drain and returns. Again: at once, without delay and grace.
  void drain();
  /// Blocks until the drain has ended; `Errc::deadline_exceeded` when it has not by then.
  Result<void> wait_stopped(SteadyTime deadline = SteadyTime::max());

 private:
  struct Impl;
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace rwp::server
