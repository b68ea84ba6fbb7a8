#include "ai_batch/output_lines.hpp"

#include <rwp/core/json_view.hpp>

#include <cstdint>
#include <utility>

namespace rwp::ai_batch {
namespace {

/// Longer than an answer may be.
constexpr std::size_t kMostLineBytes = std::size_t{32} << 20U;

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

/// Whether a status says that the same request may be answered another time.
bool may_pass(std::int64_t status) {
  return status < 200 || status == 408 || status == 409 || status == 429 || status >= 500;
}

OutputLine read(JsonView line) {
  OutputLine read;
  const auto response = line.find("response");
  const auto status = response ? response->find("status_code") : std::nullopt;
  const std::int64_t number = status ? status->as_int64().value_or(0) : 0;
  const auto body = response ? response->find("body") : std::nullopt;
  if (body && !may_pass(number)) {
    read.status = static_cast<int>(number);
    read.body = body->text();
    return read;
  }
  const auto error = line.find("error");
  read.error = error ? text_of(*error, "code") : std::string();
  if (read.error.empty() && status) read.error = "status " + std::to_string(number);
  if (read.error.empty()) read.error = "a line without an answer";
  return read;
}

}  // namespace

void OutputLines::feed(std::string_view piece) {
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    const auto part = piece.substr(0, end);
    if (is_too_long_ || rest_.size() + part.size() > kMostLineBytes) {
      is_too_long_ = true;
      rest_.clear();
    } else {
      rest_ += part;
    }
    if (end == std::string_view::npos) break;
    piece.remove_prefix(end + 1);
    end_line();
  }
}

void OutputLines::end_file() { end_line(); }

void OutputLines::end_line() {
  if (std::exchange(is_too_long_, false)) {
    ++bad_lines_;
    return;
  }
  if (!rest_.empty()) take(std::exchange(rest_, std::string()));
}

void OutputLines::take(std::string line) {
  if (line.find_first_not_of(" \t\r") == std::string::npos) return;
  const std::size_t size = line.size();
  const auto text = JsonText::parse(std::move(line));
  const std::string id = text ? text_of(JsonDocument(*text).root(), "custom_id") : std::string();
  if (id.empty()) {
    ++bad_lines_;
    return;
  }
  if (!ids_.contains(id)) return;
  const bool is_new = lines_.find(id) == lines_.end();
  if (is_new && !lines_.empty() && bytes_ + size > max_bytes_) {
    has_left_some_ = true;
    return;
  }
  OutputLine said = read(JsonDocument(*text).root());
  OutputLine& place = lines_[id];
  const bool better = said.status == 200 && place.status != 200;
  if (is_new || better || (place.status == 0 && said.status != 0)) {
    place = std::move(said);
    bytes_ += size;
  }
}

}  // namespace rwp::ai_batch
