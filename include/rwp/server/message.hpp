#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/net/http_message.hpp>
#include <rwp/observability/trace.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::server {

using net::HttpHeaders;

/// Who asks, as a route's authorisation found out.
struct Identity {
  /// Empty: nobody in particular (a route without authorisation).
  std::string tenant{};
  std::vector<std::string> scopes{};
  /// A public name of the key that was used, for logs; never the key.
  std::string key_id{};

  bool has_scope(std::string_view scope) const noexcept;
};

struct Request {
  std::string method{};
  /// As it came: path and query.
  std::string target{};
  /// The path with percent escapes resolved, valid UTF-8.
  std::string path{};
  /// Names and values, escapes and + resolved, in their order; valid UTF-8.
  std::vector<std::pair<std::string, std::string>> query{};
  HttpHeaders headers{};
  /// The body; empty for a route that streams it (`read_body` is set then).
  std::string body{};
  /// The next piece of a streamed body, empty at its end.
  std::function<boost::asio::awaitable<Result<std::string>>()> read_body{};
  /// What stood in the pattern's {…}, escapes resolved.
  std::map<std::string, std::string> parameters{};
  Identity identity{};
  /// The other end of the connection, "203.0.113.7"; by the PROXY protocol where that is on.
  std::string peer_address{};
  /// Who asks, as far as trusted load balancers tell; else `peer_address`.
  std::string client_address{};
  /// From `X-Request-Id` when that is fit (1 to 128 of A-Z a-z 0-9 . _ -), else made here; answered
  /// as `X-Request-Id`.
  std::string request_id{};
  /// The span of this request: a child of the caller's `traceparent`, or a root.
  observability::TraceContext trace{};

  /// The first value of a query name.
  std::optional<std::string_view> query_value(std::string_view name) const noexcept;
};

/// Writes an answer piece by piece.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  /// Sends one piece at once, as a chunk, and returns when the system has taken it. A failure means
  /// that the client is gone or too slow; stop.
  virtual boost::asio::awaitable<Result<void>> write(std::string piece) = 0;
};

/// Produces a streamed body. An error cuts the connection, so that the client sees that the answer
/// is not whole.
using BodyStream = std::function<boost::asio::awaitable<Result<void>>(ResponseWriter& writer)>;

struct Response {
  int status = 200;
  HttpHeaders headers{};
  std::string body{};
  /// Instead of `body`; the status and headers go out with the first piece, or when it ends.
  BodyStream stream{};
  /// Of the time it took, what the client had asked to wait for: not in rwp_http_request_seconds.
  std::chrono::steady_clock::duration waited{};
};

/// Answers a request, on the I/O thread of the connection. It is cancelled when the client closes
/// the connection or the server stops. What it throws is logged and answered with 500.
using Handler = std::function<boost::asio::awaitable<Response>(Request request)>;

Response json_response(int status, std::string json);
Response text_response(int status, std::string text);

}  // namespace rwp::server
