#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// A line of a CV, as a reader sees it.
struct CvLine {
  /// Without its bullet; what stood in columns or cells is divided by " | ".
  std::string text{};
  /// The text folded; places are the same.
  std::string folded{};
  bool bullet = false;
  /// Whether an empty line stands before it.
  bool opens_block = false;
};

/// The lines of a CV's raw text that say something. Rules made of dashes are left out; text in two
/// columns is read column by column where each column has headings of its own.
std::vector<CvLine> read_cv_lines(std::string_view raw);

/// The cells of a line.
std::vector<std::string_view> split_cells(std::string_view text);

}  // namespace rwp::ai_local
