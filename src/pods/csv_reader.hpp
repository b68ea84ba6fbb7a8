#pragma once

#include "pods/line_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// One record of a CSV file, or why there is none at this place.
struct CsvRecord {
  std::vector<std::string> fields{};
  /// Where it begins.
  std::uint64_t line = 0;
  /// Empty: the record is good.
  std::string fault{};
};

/// Reads CSV as RFC 4180 has it: quoted fields may hold delimiters, doubled quotes and line breaks.
///
/// A quote that is never closed costs only the line in which it stands: the lines after it are read
/// again on their own (some hundred times in a file; then up to the bound is passed over).
/// Threads: one at a time.
class CsvReader {
 public:
  CsvReader(LineReader& lines, std::size_t max_record_bytes);

  /// The next record that is not an empty line; none at the end.
  std::optional<CsvRecord> next();

  /// The character that divides the fields of this (header) line: , ; or a tabulator.
  static char guess_delimiter(std::string_view header);
  void set_delimiter(char delimiter) noexcept { delimiter_ = delimiter; }

 private:
  LineReader& lines_;
  const std::size_t max_record_bytes_;
  char delimiter_ = ',';
  int second_readings_left_ = 200;
};

}  // namespace rwp::pods
