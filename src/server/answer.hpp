#pragma once

#include <rwp/server/message.hpp>

#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::server {

/// The present second as a Date header's value, made once a second. Threads: one at a time.
class DateText {
 public:
  std::string_view now();

 private:
  std::time_t second_ = 0;
  std::string text_;
};

/// What the server itself says in an answer's head.
struct AnswerFacts {
  std::string_view date{};
  std::string_view request_id{};
  /// Unset: chunked, or until the end of the connection.
  std::optional<std::size_t> content_length{};
  bool chunked = false;
  bool close = false;
  /// To be said: the client speaks HTTP/1.0 and asked for it.
  bool say_keep_alive = false;
};

/// Whether an answer of this status has a body (RFC 9110, section 6.4.1).
bool status_has_body(int status) noexcept;

/// Whether all headers may be sent.
bool are_sendable(const HttpHeaders& headers) noexcept;

/// Appends the head with its empty line. Framing (Content-Length, Transfer-Encoding, Connection,
/// Date) is the server's alone: such headers of the response are left out, and so is X-Request-Id.
void append_head(std::string& out, const Response& response, const AnswerFacts& facts);

/// Appends `piece`, which is not empty, as one chunk.
void append_chunk(std::string& out, std::string_view piece);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace rwp::server
