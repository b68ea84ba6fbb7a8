#pragma once

#include <rwp/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rwp::net_redis {

/// The key "PREFIX:{TAG}:NAME", without ":NAME" when `name` is empty. A cluster keeps all keys of
/// one tag in one slot, so that one script may use them; the tag is what is sharded by, such as a
/// queue. `Errc::invalid_argument`: an empty tag, one with "{" or "}", or "{" in the prefix.
Result<std::string> tagged_key(std::string_view prefix, std::string_view tag,
                               std::string_view name = std::string_view());

/// The slot, below 16,384, in which a cluster keeps `key`.
std::uint16_t key_slot(std::string_view key) noexcept;

}  // namespace rwp::net_redis
