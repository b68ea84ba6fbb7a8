#pragma once

#include "pods/ctl/options.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::pods::ctl {

/// One column of a table: what it shows of an object.
struct Column {
  std::string title{};
  std::function<std::string(JsonView object)> cell{};
  bool right = false;
  /// Longer cells are cut.
  std::size_t most = 80;
};

/// Far more than any cell has.
constexpr std::size_t kUncut = static_cast<std::size_t>(-1);

/// Shows a member as it is.
Column member_column(std::string title, std::string name, std::size_t most = 80);

/// Fit for a terminal: control characters, and those that turn text around, become '?'; what is
/// longer than `most` characters is cut. Pure.
std::string cell_text(std::string_view text, std::size_t most = 80);

/// Writes results in the form that was asked for. Threads: one at a time.
class Printer {
 public:
  Printer(OutputFormat format, std::FILE* out) : format_(format), out_(out) {}

  OutputFormat format() const { return format_; }

  /// A list of objects. table: columns; json: {"name": […], …}; ndjson: an object a line.
  void begin_list(std::string name, std::vector<Column> columns);
  void row(const JsonText& object);
  /// `more` stands beside the list in json alone.
  void end_list(const std::vector<std::pair<std::string, JsonText>>& more = {});

  /// One object; in a table, a line for each member.
  void object(const JsonText& object);
  /// A line that only people want: nothing in json and ndjson.
  void line(const std::string& text);

  /// Whether all could be written.
  bool finish();

 private:
  void flush_rows();
  void write(std::string_view text);

  const OutputFormat format_;
  std::FILE* const out_;
  std::string name_;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
  std::size_t count_ = 0;
};

}  // namespace rwp::pods::ctl
