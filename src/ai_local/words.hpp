#pragma once

#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// A word; both views have the same place in their texts.
struct Word {
  std::string_view text{};
  std::string_view folded{};
  /// Whether punctuation stands between the word before and this one.
  bool after_break = false;
  /// Whether it says something of this text: no stop word, no filler, no bare number.
  bool meaningful = false;
};

/// The words of `text`, whose folded form is given too: letters and digits with what may stand
/// within
/// ("multi-disciplinary", "don't", "R&D", "Node.js") or behind ("C++", "C#").
std::vector<Word> split_words(std::string_view text, std::string_view folded);

/// Whether a folded word carries no meaning of its own: "the", "with", …
bool is_stopword(std::string_view folded) noexcept;

/// Whether a folded word is one that any advertisement has: "opportunity", "candidate", …
bool is_filler(std::string_view folded) noexcept;

/// A folded word without its plural ending, good enough to compare.
std::string_view stem(std::string_view folded) noexcept;

}  // namespace rwp::ai_local
