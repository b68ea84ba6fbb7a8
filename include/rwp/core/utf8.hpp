#pragma once

#include <cstddef>
#include <string_view>

namespace rwp {

/// Length of the well-formed UTF-8 sequence at the start of `bytes` (RFC 3629: no overlong forms,
/// no surrogates); 0 when there is none.
std::size_t utf8_sequence_length(std::string_view bytes) noexcept;

/// Whether all of `bytes` is UTF-8.
bool is_valid_utf8(std::string_view bytes) noexcept;

/// Code points in `text`, which is valid UTF-8.
std::size_t count_code_points(std::string_view text) noexcept;

}  // namespace rwp
