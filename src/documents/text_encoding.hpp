#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rwp::documents {

enum class Encoding : std::uint8_t {
  none,  ///< No text, or text in an encoding that is not read here.
  utf8,
  utf8_damaged,  ///< UTF-8 with few bytes that are not.
  utf16_little,
  utf16_big,
  windows_1252,  ///< Latin-1 too, of which it is a superset but for control characters.
};

/// What encoding the bytes are text in, by their byte order mark or by what they contain.
Encoding detect_encoding(std::string_view content) noexcept;

/// The text as UTF-8, without its byte order mark; what is no character becomes U+FFFD.
std::string to_utf8(std::string_view content, Encoding encoding);

/// Valid UTF-8 from bytes that ought to be: others become U+FFFD.
std::string repaired_utf8(std::string_view text);

/// Lines end in LF alone and without spaces; no control characters but LF and tab, no more than one
/// empty line in a row, none at the ends; a form feed ends a paragraph.
std::string tidy_text(std::string_view text);

}  // namespace rwp::documents
