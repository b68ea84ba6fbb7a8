#pragma once

#include <rwp/core/error.hpp>
#include <rwp/server/message.hpp>
#include <rwp/server/problem.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace rwp::server {

/// Says who asks, from the head of the request, before its body is read. The message of an error is
/// told to the client.
using Authorise = std::function<boost::asio::awaitable<Result<Identity>>(const Request& head)>;

struct RouteOptions {
  /// Unset: everybody may.
  Authorise authorise{};
  /// Larger bodies are answered with 413 and not read.
  std::size_t max_body_bytes = std::size_t{1} << 20U;
  /// The handler reads the body itself, through Request::read_body.
  bool stream_body = false;
  /// Longest that the handler may take to answer; a streamed answer to begin. Zero: the server's.
  std::chrono::milliseconds timeout{0};
  /// How problems on this route are told; unset: the router's.
  ProblemFormat problem_format{};
  /// Not logged and not counted with the others: health and metrics.
  bool quiet = false;
};

/// Which handler answers which method and path. A value; copies share the handlers.
///
/// A pattern is a path whose segments are literals or `{name}`, which takes one non-empty segment;
/// a last `{name...}` takes the rest. Literals win over names. Another method on a known path is
/// 405 with Allow; HEAD is answered as GET without the body; OPTIONS lists the methods.
/// Threads: filled before a server starts, then safe to share.
class Router {
 public:
  Router();
  ~Router();
  Router(const Router&);
  Router(Router&&) noexcept;
  Router& operator=(const Router&);
  Router& operator=(Router&&) noexcept;

  /// Asserts: the same method and pattern twice, or a malformed pattern.
  Router& add(std::string method, std::string pattern, Handler handler,
              RouteOptions options = RouteOptions());
  /// How problems without a route of their own (404, 405, malformed requests) are told.
  Router& set_problem_format(ProblemFormat format);

  struct Impl;
  const Impl& impl() const noexcept { return *impl_; }

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace rwp::server
