#pragma once

#include "server/chunk_decoder.hpp"
#include "server/connection.hpp"
#include "server/request_head.hpp"
#include <rwp/server/problem.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::server {

/// Reads the body of one request, within its limits of size, time and rate.
class BodyReader {
 public:
  enum class Step : std::uint8_t { more, complete, failed };

  BodyReader(Connection& connection, const RequestHead& head, std::uint64_t max_bytes);

  /// The body is too large by what the head says; nothing of it is read.
  bool is_too_large() const noexcept { return head_.content_length > max_bytes_; }
  bool complete() const noexcept { return complete_; }
  /// Whether so little is left that reading it over beats closing the connection.
  bool is_nearly_complete() const noexcept;

  /// Appends the whole body to `out` when its size is known and it has come with the head; whether.
  bool take_at_once(std::string& out);
  /// Appends some of the body to `out`. The client's wish to be asked for it is met first.
  boost::asio::awaitable<Step> step(std::string& out);
  /// Why step() failed; none: the client has closed.
  const std::optional<Problem>& problem() const noexcept { return problem_; }
  /// For a metric's label.
  std::string_view reason() const noexcept { return reason_; }

  static Problem too_large(std::uint64_t max_bytes);

 private:
  boost::asio::awaitable<Step> step_sized(std::string& out);
  boost::asio::awaitable<Step> step_chunked(std::string& out);
  void expect_input();
  void end_input() noexcept { waited_ += std::chrono::steady_clock::now() - asked_at_; }
  Step fail_to_read();

  Connection& connection_;
  RequestHead head_;
  std::uint64_t max_bytes_;
  std::uint64_t received_ = 0;
  ChunkDecoder chunks_;
  SteadyTime asked_at_{};
  /// Time spent for want of input; what a handler takes between its reads is not the client's.
  std::chrono::nanoseconds waited_{0};
  bool begun_ = false;
  bool asked_ = false;
  bool complete_ = false;
  std::optional<Problem> problem_;
  std::string_view reason_;
};

}  // namespace rwp::server
