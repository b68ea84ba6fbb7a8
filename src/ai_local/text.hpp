#pragma once

#include <string>
#include <string_view>

namespace rwp::ai_local {

/// The text as the analysis reads it: tags and entities of HTML resolved, typographic quotes,
/// dashes and spaces in their ASCII form, bullets as "- " on a line of their own, no runs of
/// spaces.
std::string normalise(std::string_view text);

/// Lower case, byte for byte as long as the input (ASCII and Latin-1 letters).
std::string fold(std::string_view text);

std::string_view trim(std::string_view text) noexcept;

/// One line: line breaks and runs of spaces become one space.
std::string one_line(std::string_view text);

bool is_digit(char c) noexcept;
bool is_upper(char c) noexcept;
bool is_lower(char c) noexcept;
/// A letter or digit, or part of a letter beyond ASCII.
bool is_word(char c) noexcept;

/// Where `word` stands in `folded` with no letter or digit beside it; npos: nowhere.
std::size_t find_word(std::string_view folded, std::string_view word,
                      std::size_t from = 0) noexcept;
inline bool has_word(std::string_view folded, std::string_view word) noexcept {
  return find_word(folded, word) != std::string_view::npos;
}

/// `text` cut at a word's end to at most `bytes`, never within a character.
std::string shorten(std::string_view text, std::size_t bytes);

}  // namespace rwp::ai_local
