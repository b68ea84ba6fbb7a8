#pragma once

#include <string_view>

namespace rwp::ai {

/// Whether the bytes are UTF-8 as RFC 3629 has it: no overlong forms, no surrogates.
bool is_valid_utf8(std::string_view bytes) noexcept;

}  // namespace rwp::ai
