#include "ai_openai/event_reader.hpp"

#include <utility>

namespace rwp::ai_openai {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void EventReader::feed(std::string_view piece) {
  if (too_large_) return;
  buffer_.erase(0, at_);
  searched_ -= at_;
  at_ = 0;
  buffer_ += piece;
}

std::optional<std::string_view> EventReader::next_line() {
  if (after_cr_ && at_ < buffer_.size()) {
    if (buffer_[at_] == '\n') ++at_;
    after_cr_ = false;
  }
  if (searched_ < at_) searched_ = at_;
  const auto end = buffer_.find_first_of("\r\n", searched_);
  if (end == std::string::npos) {
    searched_ = buffer_.size();
    return std::nullopt;
  }
  std::string_view line = std::string_view(buffer_).substr(at_, end - at_);
  // Its LF may not have come yet; it is left out then, and does not hold the line back.
  after_cr_ = buffer_[end] == '\r';
  at_ = end + 1;
  searched_ = at_;
  if (std::exchange(first_, false) && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  return line;
}

void EventReader::take_field(std::string_view line) {
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") {
    event_.name = std::string(value);
    has_fields_ = true;
  } else if (name == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = has_fields_ = true;
  }
}

std::optional<ServerEvent> EventReader::next() {
  while (!too_large_) {
    const auto line = next_line();
    const std::size_t waiting = line ? line->size() : buffer_.size() - at_;
    if (event_.data.size() + waiting > max_event_bytes_) {
      too_large_ = true;
      buffer_.clear();
      at_ = searched_ = 0;
      break;
    }
    if (!line) return std::nullopt;
    if (!line->empty()) {
      take_field(*line);
      continue;
    }
    if (!has_fields_) continue;
    has_fields_ = has_data_ = false;
    return std::exchange(event_, ServerEvent());
  }
  return std::nullopt;
}

}  // namespace rwp::ai_openai
