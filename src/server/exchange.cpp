#include "server/exchange.hpp"

#include "server/answer.hpp"
#include "server/client_address.hpp"
#include "server/target.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace rwp::server {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMaxRequestId = 128;
/// A body that is sent together with its head is copied behind it up to this size.
constexpr std::size_t kSmallBody = std::size_t{4} << 10U;

Problem own_problem(int status, std::string code, std::string detail) {
  Problem problem;
  problem.status = status;
  problem.code = std::move(code);
  problem.detail = std::move(detail);
  return problem;
}

Problem too_late() {
  return own_problem(504, "deadline_exceeded", "the answer was not ready in time");
}

Problem too_many_bodies() {
  Problem problem = own_problem(503, "unavailable", "too many bodies are in memory; try again");
  problem.retry_after_seconds = 1;
  return problem;
}

bool is_fit_request_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= kMaxRequestId && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

/// Sends the pieces of a streamed answer; its head goes with the first.
class ChunkWriter final : public ResponseWriter {
 public:
  ChunkWriter(Exchange& exchange, const Response& response, bool chunked)
      : exchange_(exchange), response_(response), chunked_(chunked) {}

  bool begun() const noexcept { return begun_; }

  boost::asio::awaitable<Result<void>> write(std::string piece) override {
    std::string out;
    if (!begun_) {
      exchange_.append_head_of(out, response_, std::nullopt, chunked_);
      exchange_.connection_.lift_deadline();
    }
    begun_ = true;
    exchange_.report_.bytes += piece.size();
    // An empty chunk would be the last.
    if (!piece.empty() && chunked_) {
      append_chunk(out, piece);
      piece.clear();
    }
    const bool sent = co_await exchange_.connection_.send(out, piece);
    if (!sent) co_return Error(Errc::unavailable, "the client is gone, or takes nothing");
    co_return Result<void>();
  }

  boost::asio::awaitable<bool> finish() {
    std::string out;
    if (!begun_) exchange_.append_head_of(out, response_, std::nullopt, chunked_);
    begun_ = true;
    if (chunked_) out += kLastChunk;
    const bool sent = co_await exchange_.connection_.send(out, {});
    co_return sent;
  }

 private:
  Exchange& exchange_;
  const Response& response_;
  const bool chunked_;
  bool begun_ = false;
};

Exchange::Exchange(Connection& connection)
    : connection_(connection),
      body_share_(connection.shard().body_bytes(),
                  connection.shard().options().max_buffered_body_bytes) {
  report_.began = steady_clock::now();
}

void Exchange::begin() {
  RandomIds& ids = connection_.shard().ids();
  const auto given = request_.headers.find("X-Request-Id");
  request_.request_id = given && is_fit_request_id(*given) ? std::string(*given) : ids.request_id();
  if (const auto parent = request_.headers.find("traceparent")) {
    if (const auto context = observability::TraceContext::parse(*parent)) {
      report_.parent = *context;
    }
  }
  request_.trace = ids.trace(report_.parent);
  request_.peer_address = connection_.peer_address();
  const TrustedHops& trusted = connection_.shard().trusted();
  request_.client_address = trusted.empty()
                                ? request_.peer_address
                                : client_address(request_.peer_address, request_.headers, trusted);
  report_.client_address = request_.client_address;
  report_.request_id = request_.request_id;
  report_.trace = request_.trace;
  report_.method = request_.method;
  report_.path = request_.path;
  is_head_ = request_.method == "HEAD";
}

boost::asio::awaitable<bool> Exchange::answer(std::size_t head_size) {
  auto problem = parse_request_head(connection_.input().substr(0, head_size), request_, head_);
  connection_.consume(head_size);
  std::vector<Segment> segments;
  if (!problem) problem = parse_target(request_, segments);
  begin();
  if (problem) {
    connection_.shard().telemetry().rejected("malformed");
    close_ = true;
    co_await respond_problem(std::move(*problem));
    finish();
    co_return false;
  }
  match_ = connection_.shard().router().find(request_.method, request_.path, segments);
  report_.route = match_.route;
  const bool quiet = match_.route != nullptr && match_.route->options.quiet;
  if (!quiet) connection_.shard().telemetry().request_began();
  bool more = co_await handle();
  if (more && !body_->complete()) {
    co_await read_over_rest();
    more = goes_on();
  }
  if (!quiet) connection_.shard().telemetry().request_ended();
  finish();
  co_return more;
}

boost::asio::awaitable<void> Exchange::refuse(HeadScanner::State state) {
  Problem problem;
  std::string_view reason = "malformed";
  switch (state) {
    case HeadScanner::State::more:
      reason = "header_timeout";
      problem = own_problem(408, "deadline_exceeded", "the request's head did not come in time");
      break;
    case HeadScanner::State::line_too_long:
      reason = "uri_too_long";
      problem = own_problem(414, "uri_too_long", "the request's target is too long");
      break;
    case HeadScanner::State::too_long:
      reason = "header_too_large";
      problem = own_problem(431, "header_too_large",
                            "the request's head must not have more than " +
                                std::to_string(connection_.shard().options().max_header_bytes) +
                                " bytes");
      break;
    default:
      problem = malformed("the request is not HTTP/1.1");
      break;
  }
  connection_.shard().telemetry().rejected(reason);
  begin();
  close_ = true;
  co_await respond_problem(std::move(problem));
  finish();
}

boost::asio::awaitable<bool> Exchange::handle() {
  close_ = !head_.keep_alive;
  const std::size_t limit =
      match_.route != nullptr ? match_.route->options.max_body_bytes : std::size_t{0};
  body_.emplace(connection_, head_, limit);
  if (match_.route == nullptr) {
    auto response = without_route();
    if (response) {
      co_await respond(std::move(*response));
    } else {
      Problem problem = own_problem(404, "not_found", "there is nothing under this path");
      if (!match_.allow.empty()) {
        problem = own_problem(405, "method_not_allowed",
                              "this path has only the methods " + match_.allow);
      }
      co_await respond_problem(std::move(problem));
    }
    co_return goes_on();
  }
  for (std::size_t i = 0; i < match_.values.size(); ++i) {
    request_.parameters.emplace(match_.route->names[i], match_.values[i].in(request_.path));
  }
  if (match_.route->options.authorise) {
    auto problem = co_await authorise();
    if (is_abandoned()) co_return false;
    if (problem) {
      co_await respond_problem(std::move(*problem));
      co_return goes_on();
    }
  }
  if (body_->is_too_large()) {
    connection_.shard().telemetry().rejected("body_too_large");
    close_ = true;
    Problem problem = BodyReader::too_large(limit);
    co_await respond_problem(std::move(problem));
    co_return false;
  }
  if (!body_->complete() && !match_.route->options.stream_body) {
    const bool is_there =
        body_->take_at_once(request_.body) && body_share_.grow_to(request_.body.size());
    if (!is_there) {
      const bool whole = co_await read_body();
      if (!whole) co_return false;
    }
  }
  co_await call_handler();
  co_return goes_on();
}

std::optional<Response> Exchange::without_route() {
  if (request_.method != "OPTIONS") return std::nullopt;
  const bool whole_server = request_.path == "*";
  if (match_.allow.empty() && !whole_server) return std::nullopt;
  Response response;
  response.status = 204;
  response.headers.add("Allow",
                       whole_server ? connection_.shard().router().all_methods() : match_.allow);
  return response;
}

boost::asio::awaitable<std::optional<Problem>> Exchange::authorise() {
  const ServerOptions& options = connection_.shard().options();
  std::optional<Result<Identity>> identity;
  std::exception_ptr thrown;
  connection_.enter_handler(steady_clock::now() + options.handler_timeout);
  try {
    auto operation = match_.route->options.authorise(request_);
    identity.emplace(co_await std::move(operation));
  } catch (...) {
    thrown = std::current_exception();
  }
  if (connection_.leave_handler()) co_await boost::asio::this_coro::reset_cancellation_state();
  if (connection_.stop() == Stop::timed_out) {
    co_return own_problem(504, "deadline_exceeded", "the authorisation took too long");
  }
  if (connection_.stop() != Stop::none) co_return std::nullopt;
  if (!identity) {
    log_thrown(thrown);
    co_return to_problem(Error(Errc::internal, ""));
  }
  if (!*identity) co_return to_problem(identity->error());
  request_.identity = std::move(**identity);
  report_.key_id = request_.identity.key_id;
  co_return std::nullopt;
}

boost::asio::awaitable<bool> Exchange::read_body() {
  if (head_.body == BodyKind::sized) {
    // A small body's memory in one piece; a large one's as it comes.
    request_.body.reserve(static_cast<std::size_t>(
        std::min<std::uint64_t>(head_.content_length, std::uint64_t{64} << 10U)));
  }
  while (true) {
    const auto step = co_await body_->step(request_.body);
    if (step == BodyReader::Step::failed) break;
    if (!body_share_.grow_to(request_.body.size())) {
      // Not kept while the refusal is on its way.
      request_.body = std::string();
      close_ = true;
      connection_.shard().telemetry().rejected("body_memory");
      Problem problem = too_many_bodies();
      co_await respond_problem(std::move(problem));
      co_return false;
    }
    if (step == BodyReader::Step::complete) co_return true;
  }
  close_ = true;
  if (body_->problem()) {
    connection_.shard().telemetry().rejected(body_->reason());
    Problem problem = *body_->problem();
    co_await respond_problem(std::move(problem));
  } else {
    report_.status = 499;
  }
  co_return false;
}

boost::asio::awaitable<Result<std::string>> Exchange::read_piece() {
  std::string piece;
  auto step = BodyReader::Step::more;
  while (piece.empty() && step == BodyReader::Step::more) step = co_await body_->step(piece);
  connection_.resume_handler();
  if (step != BodyReader::Step::failed) co_return piece;
  close_ = true;
  if (!body_->problem()) {
    co_return Error(Errc::unavailable, "the client closed before the body's end");
  }
  const Problem& problem = *body_->problem();
  connection_.shard().telemetry().rejected(body_->reason());
  co_return Error(problem.status == 408 ? Errc::deadline_exceeded : Errc::invalid_argument,
                  problem.detail);
}

boost::asio::awaitable<void> Exchange::call_handler() {
  const Route& route = *match_.route;
  if (route.options.stream_body) {
    request_.read_body = [this] { return read_piece(); };
  }
  const auto timeout = route.options.timeout.count() > 0
                           ? route.options.timeout
                           : connection_.shard().options().handler_timeout;
  std::optional<Response> response;
  std::exception_ptr thrown;
  const SteadyTime deadline = steady_clock::now() + timeout;
  connection_.enter_handler(deadline);
  try {
    auto operation = route.handler(std::move(request_));
    response.emplace(co_await std::move(operation));
  } catch (...) {
    thrown = std::current_exception();
  }
  if (connection_.leave_handler()) co_await boost::asio::this_coro::reset_cancellation_state();
  if (is_abandoned()) co_return;
  if (connection_.stop() == Stop::timed_out) {
    Problem problem = too_late();
    co_await respond_problem(std::move(problem));
    co_return;
  }
  if (response &&
      (response->status < 200 || response->status > 599 || !are_sendable(response->headers))) {
    connection_.shard().telemetry().log().error(
        "a handler's answer has a status or a header that cannot be sent",
        {{"route", route.pattern}, {"request_id", report_.request_id}});
    response.reset();
  } else if (!response) {
    log_thrown(thrown);
  }
  if (!response) {
    Problem problem = to_problem(Error(Errc::internal, ""));
    co_await respond_problem(std::move(problem));
  } else if (response->stream) {
    co_await respond_stream(std::move(*response), deadline);
  } else {
    co_await respond(std::move(*response));
  }
}

void Exchange::log_thrown(std::exception_ptr thrown) {
  connection_.shard().telemetry().log().error(
      "a handler threw", {{"route", match_.route->pattern},
                          {"request_id", report_.request_id},
                          {"error", rwp::detail::from_exception(std::move(thrown))}});
}

void Exchange::append_head_of(std::string& out, const Response& response,
                              std::optional<std::size_t> content_length, bool chunked) {
  const auto wish = response.headers.find("Connection");
  const bool to_the_end = !content_length && !chunked && status_has_body(response.status);
  close_ = close_ || to_the_end || (wish && net::equal_without_case(*wish, "close")) ||
           connection_.shard().closing() || !body_ || !body_->is_nearly_complete();
  report_.status = response.status;
  report_.waited = response.waited;
  AnswerFacts facts;
  facts.date = connection_.shard().date().now();
  facts.request_id = report_.request_id;
  facts.content_length = content_length;
  facts.chunked = chunked;
  facts.close = close_;
  facts.say_keep_alive = head_.http_1_0;
  append_head(out, response, facts);
}

boost::asio::awaitable<void> Exchange::respond(Response response) {
  const bool has_body = status_has_body(response.status);
  std::string out;
  out.reserve(512 + (response.body.size() <= kSmallBody ? response.body.size() : 0));
  append_head_of(out, response, has_body ? std::optional(response.body.size()) : std::nullopt,
                 false);
  std::string_view body;
  if (has_body && !is_head_) {
    report_.bytes = response.body.size();
    body = response.body;
    if (body.size() <= kSmallBody) {
      out += body;
      body = std::string_view();
    }
  }
  std::string_view head = out;
  if (connection_.send_at_once(head, body)) co_return;
  const bool sent = co_await connection_.send(head, body);
  close_ = close_ || !sent;
}

boost::asio::awaitable<void> Exchange::respond_stream(Response response, SteadyTime begin_by) {
  const bool chunked = !head_.http_1_0;
  if (is_head_ || !status_has_body(response.status)) {
    std::string out;
    append_head_of(out, response, std::nullopt, chunked && is_head_);
    const bool sent = co_await connection_.send(out, {});
    close_ = close_ || !sent;
    co_return;
  }
  ChunkWriter writer(*this, response, chunked);
  std::optional<Result<void>> written;
  std::exception_ptr thrown;
  connection_.enter_handler(begin_by);
  try {
    auto operation = response.stream(writer);
    written.emplace(co_await std::move(operation));
  } catch (...) {
    thrown = std::current_exception();
  }
  if (connection_.leave_handler()) co_await boost::asio::this_coro::reset_cancellation_state();
  if (connection_.stop() == Stop::timed_out && !writer.begun()) {
    Problem problem = too_late();
    co_await respond_problem(std::move(problem));
    co_return;
  }
  if (connection_.stop() != Stop::none || connection_.gone()) {
    close_ = true;
    if (!writer.begun()) report_.status = 499;
    co_return;
  }
  if (written && *written) {
    const bool sent = co_await writer.finish();
    close_ = close_ || !sent;
    co_return;
  }
  if (!written) log_thrown(thrown);
  if (!writer.begun()) {
    Error error(Errc::internal, "");
    if (written) error = written->error();
    Problem problem = to_problem(error);
    co_await respond_problem(std::move(problem));
    co_return;
  }
  // Without its last chunk the answer is seen to be cut; without chunks, by the reset.
  if (written) {
    connection_.shard().telemetry().log().warn("a streamed answer was cut",
                                               {{"route", match_.route->pattern},
                                                {"request_id", report_.request_id},
                                                {"error", written->error()}});
  }
  close_ = true;
  if (chunked) {
    connection_.cut();
  } else {
    connection_.reset();
  }
}

boost::asio::awaitable<void> Exchange::respond_problem(Problem problem) {
  problem.request_id = report_.request_id;
  const bool own_format = match_.route != nullptr && match_.route->options.problem_format;
  const ProblemFormat& format = own_format ? match_.route->options.problem_format
                                           : connection_.shard().router().problem_format;
  Response response = format(problem);
  if (problem.status == 405) response.headers.set("Allow", match_.allow);
  if (problem.status == 401 && !response.headers.contains("WWW-Authenticate")) {
    response.headers.add("WWW-Authenticate", "Bearer");
  }
  co_await respond(std::move(response));
}

boost::asio::awaitable<void> Exchange::read_over_rest() {
  std::string ignored;
  while (!body_->complete()) {
    ignored.clear();
    const auto step = co_await body_->step(ignored);
    if (step == BodyReader::Step::failed) {
      close_ = true;
      co_return;
    }
  }
}

bool Exchange::is_abandoned() {
  const Stop stop = connection_.stop();
  if (stop != Stop::client_gone && stop != Stop::shutdown) return false;
  close_ = true;
  report_.status = stop == Stop::shutdown ? 503 : 499;
  return true;
}

bool Exchange::goes_on() const noexcept { return !close_ && !connection_.gone(); }

void Exchange::finish() {
  if (match_.route != nullptr && match_.route->options.quiet) return;
  connection_.shard().telemetry().finished(report_);
}

}  // namespace rwp::server
