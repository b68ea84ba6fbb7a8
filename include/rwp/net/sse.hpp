#pragma once

#include <rwp/core/error.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::net {

/// One event of a `text/event-stream`.
struct SseEvent {
  /// "message" where the stream names none.
  std::string type{};
  /// The data lines, joined by line feeds.
  std::string data{};
  /// The last id of the stream so far; empty: none.
  std::string id{};

  friend bool operator==(const SseEvent&, const SseEvent&) = default;
};

struct SseLimits {
  /// Longest line, without its end.
  std::size_t max_line_bytes = std::size_t{1} << 20U;
  /// Most data of one event.
  std::size_t max_event_bytes = std::size_t{4} << 20U;
};

/// Reads server-sent events as the WHATWG's standard has it: lines end with CR, LF or CRLF, a byte
/// order mark is passed over, lines that start with a colon are comments, unknown fields are
/// ignored, and an event without data is none. Where the bytes are cut into pieces changes nothing.
///
/// It owns no socket and no clock. Threads: one at a time.
class SseParser {
 public:
  explicit SseParser(SseLimits limits = SseLimits()) : limits_(limits) {}

  /// The events that these bytes complete. `Errc::corrupt`: a line or an event beyond its limit;
  /// so is all that follows.
  Result<std::vector<SseEvent>> feed(std::string_view bytes);

  /// Whether the stream stands within an event: when it ends here, something was cut off.
  bool within_event() const noexcept { return !line_.empty() || has_data_ || !type_.empty(); }
  /// What the stream last asked to wait before a reconnection; none: nothing.
  std::optional<std::chrono::milliseconds> retry() const noexcept { return retry_; }

 private:
  bool skip_mark(std::string_view& bytes);
  bool end_line(std::vector<SseEvent>& events);
  void take_field(std::string_view name, std::string_view value);

  SseLimits limits_;
  std::string line_;
  std::string type_;
  std::string data_;
  std::string id_;
  std::optional<std::chrono::milliseconds> retry_;
  /// Bytes of the mark that have been seen; 3: past it.
  std::size_t mark_seen_ = 0;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool failed_ = false;
};

}  // namespace rwp::net
