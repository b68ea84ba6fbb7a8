#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace rwp {

using Sha256 = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4) of the bytes.
Sha256 sha256(std::string_view bytes);

/// Lower case, 64 characters.
std::string to_hex(const Sha256& digest);

}  // namespace rwp
