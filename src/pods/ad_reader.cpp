#include "pods/ad_reader.hpp"

#include "pods/ad_fields.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/stat.h>
#include <utility>

namespace rwp::pods {
namespace {

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::any_of(endings.begin(), endings.end(),
                     [&lower](std::string_view ending) { return lower.ends_with(ending); });
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// What is no text in UTF-8, told by its first bytes; null when it may be.
const char* not_text(std::string_view start) {
  if (start.starts_with("\xFF\xFE") || start.starts_with("\xFE\xFF")) {
    return "is UTF-16; convert it: iconv -f UTF-16 -t UTF-8";
  }
  if (start.starts_with("\x1F\x8B")) return "is compressed; unpack it: gunzip";
  if (start.starts_with("PK\x03\x04")) return "is a ZIP archive or a spreadsheet; export it as CSV";
  if (start.starts_with("SQLite format 3")) return "is an SQLite database, not adverts";
  return nullptr;
}

Error unreadable(const std::string& path, int code) {
  const Errc errc = code == ENOENT   ? Errc::not_found
                    : code == EACCES ? Errc::permission_denied
                                     : Errc::invalid_argument;
  return {errc, "input '" + path + "' cannot be read: " + std::strerror(code)};
}

}  // namespace

AdReader::AdReader(std::unique_ptr<std::istream> stream)
    : stream_(std::move(stream)), lines_(*stream_, kMaxAdBytes), csv_(lines_, kMaxAdBytes) {}

Result<std::unique_ptr<AdReader>> AdReader::open(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return unreadable(path, errno);
  if (S_ISDIR(status.st_mode)) return unreadable(path, EISDIR);
  errno = 0;
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!file->is_open()) return unreadable(path, errno != 0 ? errno : EIO);
  auto reader = read(std::move(file), path);
  if (!reader) {
    return reader.error().with_context("input '" + path + "'");
  }
  if (S_ISREG(status.st_mode)) {
    (*reader)->total_bytes_ = static_cast<std::uint64_t>(status.st_size);
  }
  return reader;
}

Result<std::unique_ptr<AdReader>> AdReader::read(std::unique_ptr<std::istream> stream,
                                                 std::string_view name) {
  std::unique_ptr<AdReader> reader(new AdReader(std::move(stream)));
  auto begun = reader->begin(name);
  if (!begun) return begun.error();
  return reader;
}

Result<void> AdReader::begin(std::string_view name) {
  // Blank lines before the first that says something do not count for what the file is.
  std::deque<Line> seen;
  std::string_view first;
  while (seen.size() < 100) {
    auto line = lines_.next();
    if (!line) break;
    seen.push_back(std::move(*line));
    first = seen.back().text;
    if (!is_blank(first)) break;
  }
  if (const char* wrong = not_text(first)) return Error(Errc::invalid_argument, wrong);
  const auto start = first.find_first_not_of(" \t");
  const char character = start == std::string_view::npos ? '\0' : first[start];
  if (ends_with_any(name, {".csv", ".tsv"})) {
    format_ = InputFormat::csv;
  } else if (ends_with_any(name, {".jsonl", ".ndjson", ".json"}) || character == '{') {
    format_ = InputFormat::jsonl;
  } else {
    format_ = InputFormat::csv;
  }
  if (format_ == InputFormat::jsonl && character == '[') {
    return Error(Errc::invalid_argument,
                 "is a JSON array; one object a line is expected: jq -c '.[]'");
  }
  lines_.give_back(std::move(seen));
  return format_ == InputFormat::csv ? read_header() : Result<void>();
}

Result<void> AdReader::read_header() {
  auto first = lines_.next();
  while (first && is_blank(first->text)) first = lines_.next();
  if (!first) return {};  // An empty file: no adverts.
  csv_.set_delimiter(CsvReader::guess_delimiter(first->text));
  std::deque<Line> again;
  again.push_back(std::move(*first));
  lines_.give_back(std::move(again));
  auto header = csv_.next();
  if (header && !header->fault.empty()) {
    return Error(Errc::invalid_argument, "header line: " + header->fault);
  }
  if (header) {
    for (const auto& field : header->fields) columns_.emplace_back(ad_field_name(field));
  }
  for (const std::string needed : {"title", "description"}) {
    if (std::find(columns_.begin(), columns_.end(), needed) != columns_.end()) continue;
    return Error(Errc::invalid_argument, "has no column '" + needed +
                                             "' in its first line; name the columns as in "
                                             "examples/data/job_ads.csv");
  }
  return {};
}

void AdReader::finish(InputItem& item, Result<recruitment::JobAd> ad, std::string id) {
  if (!ad) {
    item.reason = ad.error().message();
    constexpr std::size_t kLongestId = 256;
    if (id.size() <= kLongestId) item.rejected_id = std::move(id);
  } else if (!ids_.insert(ad->id).second) {
    item.reason = "id: was there before in this input";
    item.rejected_id = ad->id;
  } else {
    item.ad = std::move(*ad);
  }
}

std::optional<InputItem> AdReader::next_json() {
  auto line = lines_.next();
  while (line && !line->too_long && is_blank(line->text)) line = lines_.next();
  if (!line) return std::nullopt;
  InputItem item;
  item.line = line->number;
  if (line->too_long) {
    item.reason = "line is longer than " + std::to_string(kMaxAdBytes) + " bytes";
    return item;
  }
  auto json = JsonText::parse(std::move(line->text));
  if (!json) {
    item.reason = json.error().message();
    return item;
  }
  const JsonDocument document(*json);
  auto texts = ad_texts_from_json(document.root());
  if (!texts) {
    item.reason = texts.error().message();
    return item;
  }
  std::string id = (*texts)["id"];
  finish(item, ad_from_texts(std::move(*texts)), std::move(id));
  return item;
}

std::optional<InputItem> AdReader::next_csv() {
  auto record = csv_.next();
  if (!record) return std::nullopt;
  InputItem item;
  item.line = record->line;
  if (record->fault.empty() && record->fields.size() != columns_.size()) {
    record->fault = "has " + std::to_string(record->fields.size()) + " fields, the header has " +
                    std::to_string(columns_.size());
  }
  if (!record->fault.empty()) {
    item.reason = std::move(record->fault);
    return item;
  }
  AdTexts texts;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!columns_[i].empty() && texts[columns_[i]].empty()) {
      texts[columns_[i]] = std::move(record->fields[i]);
    }
  }
  std::string id = texts["id"];
  finish(item, ad_from_texts(std::move(texts)), std::move(id));
  return item;
}

Result<std::optional<InputItem>> AdReader::next() {
  auto item = format_ == InputFormat::csv ? next_csv() : next_json();
  if (!item && lines_.failed()) {
    return Error(Errc::unavailable, "the input could not be read to its end");
  }
  return item;
}

}  // namespace rwp::pods
