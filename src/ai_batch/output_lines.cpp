#include "ai_batch/output_lines.hpp"

#include <rwp/core/json_view.hpp>

#include <cstdint>
#include <utility>

namespace rwp::ai_batch {
namespace {

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

bool OutputLines::feed(std::string_view piece) {
  bytes_ += piece.size();
  if (bytes_ > max_bytes_) return false;
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    rest_ += piece.substr(0, end);
    if (end == std::string_view::npos) break;
    piece.remove_prefix(end + 1);
    take(std::exchange(rest_, std::string()));
  }
  return true;
}

void OutputLines::end_file() {
  if (!rest_.empty()) take(std::exchange(rest_, std::string()));
}

void OutputLines::take(std::string line) {
  if (line.find_first_not_of(" \t\r") == std::string::npos) return;
  const auto text = JsonText::parse(std::move(line));
  const std::string id = text ? text_of(JsonDocument(*text).root(), "custom_id") : std::string();
  if (id.empty()) {
    ++bad_lines_;
    return;
  }
  OutputLine said = read(JsonDocument(*text).root());
  auto [place, fresh] = lines_.try_emplace(id);
  const bool better = said.status == 200 && place->second.status != 200;
  if (fresh || better || (place->second.status == 0 && said.status != 0)) {
    place->second = std::move(said);
  }
}

}  // namespace rwp::ai_batch
