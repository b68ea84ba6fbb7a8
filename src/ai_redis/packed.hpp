#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::ai_redis {

/// An answer as it is kept: compressed from `compress_from` bytes on (0: never), if that makes it
/// smaller.
std::string pack(std::string_view answer, std::size_t compress_from);

/// None: what is kept is no answer, or one of more than `max_bytes`.
std::optional<std::string> unpack(std::string_view kept, std::size_t max_bytes);

}  // namespace rwp::ai_redis
