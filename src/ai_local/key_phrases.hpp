#pragma once

#include "ai_local/sentences.hpp"
#include "ai_local/words.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rwp::ai_local {

/// A text's sentences as words, and how often it uses each word that means something.
struct WordedText {
  std::vector<Sentence> sentences{};
  /// By sentence.
  std::vector<std::vector<Word>> words{};
  /// By stem.
  std::unordered_map<std::string_view, std::size_t> counts{};
};

/// `folded` is the folded form of `text`; the result's views point into both.
WordedText read_words(std::string_view text, std::string_view folded);

/// The phrases that say most about the text, best first: runs of one to four words without stop
/// words and without what every advertisement says, by how often their words and they themselves
/// stand there, and whether the title has them. None contains another.
std::vector<std::string> find_key_phrases(const WordedText& text, std::string_view folded_title,
                                          std::size_t limit);

}  // namespace rwp::ai_local
