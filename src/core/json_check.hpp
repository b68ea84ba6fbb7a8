#pragma once

#include <cstddef>
#include <string_view>

namespace rwp {

/// Whether `text` is, beyond doubt, one JSON document (RFC 8259) that a strict parser takes: valid
/// UTF-8, no number beyond a double, nesting of at most `max_depth`. Several times as fast as a
/// parser; false also for the rare that only a parser should judge (a surrogate pair in escapes, a
/// number of hundreds of digits).
bool is_surely_json(std::string_view text, std::size_t max_depth) noexcept;

/// How many bytes at the start of `text` stand for themselves in a JSON string, as far as that is
/// seen at once: no quote, backslash, control character or part of a longer character.
std::size_t plain_run(std::string_view text) noexcept;

}  // namespace rwp
