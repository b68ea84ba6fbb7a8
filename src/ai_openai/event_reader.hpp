#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::ai_openai {

/// An event of a `text/event-stream`.
struct ServerEvent {
  /// Empty when the server names none.
  std::string name{};
  std::string data{};
};

/// Takes a stream of server-sent events apart as the official clients do: lines end with LF, CR or
/// CRLF wherever the pieces are cut, comments are dropped, data lines are joined by LF, and an
/// event that no blank line ends is none. Owns no socket.
class EventReader {
 public:
  /// Larger events end the stream, see too_large().
  explicit EventReader(std::size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}

  void feed(std::string_view piece);
  /// The next whole event.
  std::optional<ServerEvent> next();
  bool too_large() const noexcept { return too_large_; }

 private:
  std::optional<std::string_view> next_line();
  void take_field(std::string_view line);

  const std::size_t max_event_bytes_;
  std::string buffer_;
  std::size_t at_ = 0;
  /// Where the search for the line's end goes on.
  std::size_t searched_ = 0;
  bool first_ = true;
  bool after_cr_ = false;
  bool too_large_ = false;
  bool has_fields_ = false;
  bool has_data_ = false;
  ServerEvent event_;
};

}  // namespace rwp::ai_openai
