#include "ai_local/words.hpp"

#include "ai_local/text.hpp"

#include <cstddef>

namespace rwp::ai_local {
namespace {

/// How many bytes of a character that is no letter start here: a currency sign, a dash, an emoji.
std::size_t symbol_length(std::string_view text, std::size_t at) noexcept {
  switch (static_cast<unsigned char>(text[at])) {
    case 0xC2:
      return 2;
    case 0xE2:
      return 3;
    case 0xF0:
      return 4;
    default:
      return 0;
  }
}

/// Whether the character at `at` keeps two parts of a word together.
bool joins(std::string_view text, std::size_t at) noexcept {
  if (at + 1 >= text.size() || !is_word(text[at + 1]) || symbol_length(text, at + 1) > 0)
    return false;
  return std::string_view("-'&.").find(text[at]) != std::string_view::npos;
}

std::size_t word_end(std::string_view text, std::size_t at) noexcept {
  while (at < text.size()) {
    if (is_word(text[at]) && symbol_length(text, at) == 0) {
      ++at;
    } else if (joins(text, at)) {
      at += 2;
    } else {
      break;
    }
  }
  while (at < text.size() && (text[at] == '+' || text[at] == '#')) ++at;
  return at;
}

}  // namespace

std::vector<Word> split_words(std::string_view text, std::string_view folded) {
  std::vector<Word> words;
  words.reserve(text.size() / 6 + 1);
  bool after_break = true;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t symbol = symbol_length(text, at); symbol > 0) {
      at += symbol;
      after_break = true;
    } else if (is_word(text[at])) {
      const auto end = word_end(text, at);
      words.push_back({text.substr(at, end - at), folded.substr(at, end - at), after_break});
      after_break = false;
      at = end;
    } else {
      after_break = after_break || text[at] != ' ';
      ++at;
    }
  }
  return words;
}

std::string_view stem(std::string_view folded) noexcept {
  constexpr std::size_t kShortest = 4;
  if (folded.ends_with("'s")) folded.remove_suffix(2);
  if (folded.size() >= kShortest && folded.ends_with('s') && !folded.ends_with("ss")) {
    folded.remove_suffix(1);
  }
  return folded;
}

}  // namespace rwp::ai_local
