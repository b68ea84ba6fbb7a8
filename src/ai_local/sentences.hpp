#pragma once

#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// A sentence, an item of a list or a heading; a view into the text.
struct Sentence {
  std::string_view text{};
  bool bullet = false;
  /// A short line without a full stop, such as "What we offer:".
  bool heading = false;
  /// Whether it begins a paragraph.
  bool opens_paragraph = false;
};

/// Splits normalised text. Abbreviations, initials, numbers and lines that were wrapped by hand do
/// not end a sentence. Lifetime: as long as the text's.
std::vector<Sentence> split_sentences(std::string_view text);

}  // namespace rwp::ai_local
