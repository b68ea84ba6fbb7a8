#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rwp::documents::reader {

/// Puts text together from the parts of a structured document, and stops at a limit.
class TextBuilder {
 public:
  explicit TextBuilder(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Runs of white space become one space; none begins a line.
  void flowing_text(std::string_view text);
  /// As it is.
  void exact_text(std::string_view text);
  /// Begins a new line, unless one has just begun.
  void new_line();
  /// Leaves an empty line.
  void gap();
  /// An empty line, or a line's end within a paragraph.
  void line_break();
  /// Before a cell of a table's row that is not its first.
  void next_cell();

  /// More text came than the limit allows; what came since is dropped.
  bool is_full() const noexcept { return is_full_; }
  const std::string& text() const noexcept { return text_; }

 private:
  void append(std::string_view text);
  void drop_spaces();

  const std::size_t max_bytes_;
  std::string text_;
  bool is_full_ = false;
};

}  // namespace rwp::documents::reader
