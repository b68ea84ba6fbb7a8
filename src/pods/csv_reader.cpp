#include "pods/csv_reader.hpp"

#include <algorithm>
#include <utility>

namespace rwp::pods {
namespace {

/// Takes the fields of one record apart, line by line.
class RecordParser {
 public:
  explicit RecordParser(char delimiter) : delimiter_(delimiter) {}

  void add(std::string_view line) {
    if (state_ == State::quoted) field_ += '\n';
    for (std::size_t i = 0; i < line.size(); ++i)
      add(line[i], i + 1 < line.size() ? line[i + 1] : '\0', i);
    if (state_ != State::quoted) end_field();
  }

  /// Whether a quote is open, so that the record goes on in the next line.
  bool is_open() const { return state_ == State::quoted; }
  const std::string& fault() const { return fault_; }
  std::vector<std::string> take() { return std::move(fields_); }

 private:
  enum class State { start, plain, quoted, closed };

  void add(char c, char next, std::size_t& i) {
    if (state_ == State::quoted) {
      if (c != '"') {
        field_ += c;
      } else if (next == '"') {
        field_ += '"';
        ++i;
      } else {
        state_ = State::closed;
      }
      return;
    }
    if (c == delimiter_) {
      end_field();
    } else if (c == '"' && state_ == State::start) {
      state_ = State::quoted;
    } else if (state_ == State::closed) {
      if (c != ' ') fault_ = "text stands behind a closing quote";
    } else {
      state_ = State::plain;
      field_ += c;
    }
  }

  void end_field() {
    fields_.push_back(std::move(field_));
    field_.clear();
    state_ = State::start;
  }

  const char delimiter_;
  State state_ = State::start;
  std::string field_;
  std::vector<std::string> fields_;
  std::string fault_;
};

}  // namespace

CsvReader::CsvReader(LineReader& lines, std::size_t max_record_bytes)
    : lines_(lines), max_record_bytes_(max_record_bytes) {}

char CsvReader::guess_delimiter(std::string_view header) {
  const auto count = [header](char c) { return std::count(header.begin(), header.end(), c); };
  if (count('\t') > count(',') && count('\t') > count(';')) return '\t';
  return count(';') > count(',') ? ';' : ',';
}

std::optional<CsvRecord> CsvReader::next() {
  auto line = lines_.next();
  while (line && line->text.empty() && !line->too_long) line = lines_.next();
  if (!line) return std::nullopt;
  CsvRecord record;
  record.line = line->number;
  if (line->too_long) {
    record.fault = "line is longer than " + std::to_string(max_record_bytes_) + " bytes";
    return record;
  }

  RecordParser parser(delimiter_);
  parser.add(line->text);
  std::deque<Line> further;
  std::size_t bytes = line->text.size();
  while (parser.is_open()) {
    auto more = lines_.next();
    const bool overflows =
        more && (more->too_long || bytes + more->text.size() > max_record_bytes_);
    if (more) further.push_back(*more);
    if (!more || overflows) {
      record.fault = more ? "a quoted field is not closed within " +
                                std::to_string(max_record_bytes_) + " bytes"
                          : "a quoted field is not closed";
      if (second_readings_left_ > 0) {
        --second_readings_left_;
        lines_.give_back(std::move(further));
      }
      return record;
    }
    bytes += more->text.size() + 1;
    parser.add(more->text);
  }
  record.fault = parser.fault();
  record.fields = parser.take();
  return record;
}

}  // namespace rwp::pods
