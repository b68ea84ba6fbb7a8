#include "jobadder/record_reader.hpp"

namespace rwp::jobadder {

void RecordReader::fail(std::string_view path, const char* rule) {
  if (failure_) return;
  failure_ = Error(Errc::corrupt, "JobAdder's record: " + std::string(path) + " " + rule);
}

std::optional<JsonView> RecordReader::find(std::string_view path) {
  std::optional<JsonView> at = root_;
  std::string_view rest = path;
  while (at && !rest.empty()) {
    if (at->is_null()) return std::nullopt;
    if (at->kind() != JsonKind::object) {
      fail(path, "is not in an object");
      return std::nullopt;
    }
    const auto dot = rest.find('.');
    at = at->find(rest.substr(0, dot));
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  }
  if (!at || at->is_null()) return std::nullopt;
  return at;
}

std::string RecordReader::text(std::string_view path) {
  const auto value = find(path);
  if (!value) return {};
  const auto text = value->as_string();
  if (!text) fail(path, "is not a text");
  return std::string(text.value_or(""));
}

std::optional<std::int64_t> RecordReader::number(std::string_view path) {
  const auto value = find(path);
  if (!value) return std::nullopt;
  const auto number = value->as_int64();
  if (!number) fail(path, "is not a whole number");
  return number;
}

bool RecordReader::flag(std::string_view path) {
  const auto value = find(path);
  if (!value) return false;
  const auto flag = value->as_bool();
  if (!flag) fail(path, "is neither true nor false");
  return flag.value_or(false);
}

std::optional<TimePoint> RecordReader::time(std::string_view path) {
  const std::string told = text(path);
  if (told.empty()) return std::nullopt;
  const auto time = parse_time(told);
  if (!time) fail(path, "is not a time");
  return time;
}

std::vector<JsonView> RecordReader::elements(std::string_view path) {
  std::vector<JsonView> found;
  const auto value = find(path);
  if (!value) return found;
  if (value->kind() != JsonKind::array) fail(path, "is not a list");
  if (value->kind() != JsonKind::array) return found;
  for (std::size_t i = 0; i < value->size(); ++i) found.push_back(value->at(i));
  return found;
}

std::vector<std::string> RecordReader::texts(std::string_view path) {
  std::vector<std::string> found;
  for (const JsonView element : elements(path)) {
    const auto text = element.as_string();
    if (!text) fail(path, "has an element that is not a text");
    if (text) found.emplace_back(*text);
  }
  return found;
}

std::int64_t RecordReader::id(std::string_view path) {
  const auto found = number(path);
  if (!found || *found < 1) fail(path, "is missing, or no id");
  return found.value_or(0);
}

}  // namespace rwp::jobadder
