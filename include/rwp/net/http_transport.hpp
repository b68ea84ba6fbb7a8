#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/net/http_message.hpp>
#include <rwp/observability/trace.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rwp::net {

/// Gives the next piece of a body that is sent as it comes into being; an empty piece ends it. An
/// error ends the exchange with that error. Called on the transport's I/O thread.
using BodySource = std::function<boost::asio::awaitable<Result<std::string>>()>;

struct HttpRequest {
  std::string method = "GET";
  /// http: or https:. Credentials do not belong here: `Errc::invalid_argument`.
  std::string url{};
  /// Host, Content-Length, Transfer-Encoding, Connection, Expect and Upgrade are the transport's
  /// business (`Errc::invalid_argument`). At most 256 fields and 64 KiB.
  HttpHeaders headers{};
  std::string body{};
  /// Instead of `body`: sent in chunks, or with a Content-Length when `body_source_bytes` is given.
  /// Such a request is sent once: a broken connection is not tried again.
  /// (What has no source is sent again, once, when a kept connection turns out to be closed and the
  /// method is idempotent or the header has an Idempotency-Key.)
  BodySource body_source{};
  std::optional<std::uint64_t> body_source_bytes{};

  /// The whole exchange, bodies included. Default: none but the time-outs below.
  SteadyTime deadline = SteadyTime::max();
  /// Name look-up, TCP and TLS. Zero: the transport's default (10 s).
  std::chrono::milliseconds connect_timeout{0};
  /// From the request's last byte to the head of the answer. Zero: the transport's default (60 s).
  std::chrono::milliseconds head_timeout{0};
  /// Longest wait for the next piece of the answer's body, and for the other side to take the next
  /// piece of the request's. Zero: the default (60 s).
  std::chrono::milliseconds idle_timeout{0};
  /// Largest body that HttpTransport::send() gathers; more is `Errc::corrupt`.
  std::size_t max_response_bytes = std::size_t{16} << 20U;
  /// Sent as `traceparent`, so that this span is the other side's parent; not valid: none.
  observability::TraceContext trace{};
};

/// The answer's status line and header.
struct HttpResponseHead {
  int status = 0;
  HttpHeaders headers{};
  /// "1.1" or "2".
  std::string http_version{};
};

struct HttpResponse : HttpResponseHead {
  std::string body{};
};

/// An answer whose body is being received. Destruction before the end closes the exchange at once,
/// so that the other side stops working for nobody.
///
/// What has been received and not read is bounded (some 256 KiB); then the other side is made to
/// wait. Threads: confined to the transport's I/O thread. Lifetime: may outlive the transport's
/// owner; it ends with `Errc::cancelled` when the transport's runtime ends.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  virtual const HttpResponseHead& head() const noexcept = 0;
  /// The next piece of the body, of any size; empty: the body is complete. A body that breaks off
  /// is `Errc::unavailable`, never an end.
  virtual boost::asio::awaitable<Result<std::string>> read() = 0;

 protected:
  HttpExchange() = default;
};

/// Sends HTTP requests. Every status is a successful exchange here; the client above judges it.
///
/// Redirects are answers like others; they are not followed.
/// Errors: invalid_argument (URL, header), unavailable (look-up, connect, TLS, reset, cut off),
/// deadline_exceeded (any of the time limits; the message says which), corrupt (an answer that is
/// no HTTP, or too large), cancelled. A message names method, scheme, host and path, never the
/// query or a header.
/// Threads: confined to its runtime's I/O thread, where calls may overlap. Lifetime: outlives its
/// calls in flight.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  /// The whole answer.
  boost::asio::awaitable<Result<HttpResponse>> send(HttpRequest request);
  /// The head, as soon as it is there; the body is read from the exchange.
  boost::asio::awaitable<Result<std::unique_ptr<HttpExchange>>> open(HttpRequest request);

 protected:
  HttpTransport() = default;

 private:  // What an implementation provides; the request has been checked.
  virtual boost::asio::awaitable<Result<std::unique_ptr<HttpExchange>>> do_open(
      HttpRequest request) = 0;
};

/// `method scheme://host/path` of a request, without query and credentials: fit for messages.
std::string describe_request(const HttpRequest& request);

}  // namespace rwp::net
