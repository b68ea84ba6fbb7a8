#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rwp::recruitment {

/// Without white space at both ends.
std::string_view trim(std::string_view text) noexcept;

/// Runs of white space and control characters as one space each, none at the ends.
std::string one_line(std::string_view text);

/// For comparison: one line, ASCII letters in lower case, typographic quotes, dashes and spaces as
/// their ASCII forms.
std::string comparable(std::string_view text);

/// One line of at most `bytes`, cut at a word's end and marked with "…".
std::string shorten(std::string_view text, std::size_t bytes);

}  // namespace rwp::recruitment
