#pragma once

#include "server/body_reader.hpp"
#include "server/body_share.hpp"
#include "server/connection.hpp"
#include "server/telemetry.hpp"

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::server {

/// One request and its answer.
class Exchange {
 public:
  explicit Exchange(Connection& connection);

  /// Answers the request whose head is the first `head_size` bytes of the connection's input;
  /// whether the connection goes on.
  boost::asio::awaitable<bool> answer(std::size_t head_size);
  /// Answers what is no request. `more`: its head did not come in time.
  boost::asio::awaitable<void> refuse(HeadScanner::State state);

 private:
  friend class ChunkWriter;

  void begin();
  boost::asio::awaitable<bool> handle();
  boost::asio::awaitable<std::optional<Problem>> authorise();
  /// Into request_.body; false: it has been answered, or the client is gone.
  boost::asio::awaitable<bool> read_body();
  boost::asio::awaitable<Result<std::string>> read_piece();
  boost::asio::awaitable<void> call_handler();
  boost::asio::awaitable<void> respond(Response response);
  /// What has not begun by `begin_by` is cancelled.
  boost::asio::awaitable<void> respond_stream(Response response, SteadyTime begin_by);
  boost::asio::awaitable<void> respond_problem(Problem problem);
  boost::asio::awaitable<void> read_over_rest();
  boost::asio::awaitable<void> send(std::string_view head, std::string_view body);
  std::optional<Response> without_route();
  void append_head_of(std::string& out, const Response& response,
                      std::optional<std::size_t> content_length, bool chunked);
  void log_thrown(std::exception_ptr thrown);
  bool goes_on() const noexcept;
  /// Whether the handler was stopped because there is nobody to answer any more.
  bool is_abandoned();
  void finish();

  Connection& connection_;
  Request request_;
  RequestHead head_;
  Match match_;
  std::optional<BodyReader> body_;
  BodyShare body_share_;
  RequestReport report_;
  bool is_head_ = false;
  bool close_ = false;
  bool began_ = false;
};

}  // namespace rwp::server
