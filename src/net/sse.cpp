#include <rwp/net/sse.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace rwp::net {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";

}  // namespace

Result<std::vector<SseEvent>> SseParser::feed(std::string_view bytes) {
  const Error too_large(Errc::corrupt, "an event stream has a line or event beyond its limit");
  if (failed_) return too_large;
  std::vector<SseEvent> events;
  if (!skip_mark(bytes)) return events;
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    failed_ = part.size() > limits_.max_line_bytes - line_.size();
    if (failed_) return too_large;
    line_ += part;
    if (end == std::string_view::npos) break;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    failed_ = !end_line(events);
    if (failed_) return too_large;
  }
  return events;
}

/// Passes over a byte order mark at the stream's start; false: not yet decided.
bool SseParser::skip_mark(std::string_view& bytes) {
  while (mark_seen_ < kMark.size()) {
    if (bytes.empty()) return false;
    if (bytes.front() != kMark[mark_seen_]) {
      // What looked like a mark belongs to the first line.
      line_ += kMark.substr(0, mark_seen_);
      mark_seen_ = kMark.size();
      return true;
    }
    bytes.remove_prefix(1);
    ++mark_seen_;
  }
  return true;
}

/// False: the event is beyond its limit.
bool SseParser::end_line(std::vector<SseEvent>& events) {
  if (!line_.empty()) {
    const std::string_view line = line_;
    const std::size_t colon = line.find(':');
    if (colon != 0) {
      std::string_view value;
      if (colon != std::string_view::npos) value = line.substr(colon + 1);
      if (value.starts_with(' ')) value.remove_prefix(1);
      take_field(line.substr(0, colon), value);
    }
    line_.clear();
    return data_.size() <= limits_.max_event_bytes;
  }
  std::string type = std::exchange(type_, std::string());
  if (!std::exchange(has_data_, false)) return true;
  SseEvent event;
  event.type = type.empty() ? "message" : std::move(type);
  event.data = std::exchange(data_, std::string());
  event.id = id_;
  events.push_back(std::move(event));
  return true;
}

void SseParser::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "retry") {
    std::uint32_t wait = 0;
    const char* end = value.data() + value.size();
    const auto [stopped, problem] = std::from_chars(value.data(), end, wait);
    if (problem == std::errc() && stopped == end) retry_ = std::chrono::milliseconds(wait);
  }
}

}  // namespace rwp::net
