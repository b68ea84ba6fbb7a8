#include "ai/utf8.hpp"

#include <cstddef>

namespace rwp::ai {
namespace {

/// How many bytes follow this first one; -1 when no character starts with it.
int following_bytes(unsigned char lead) noexcept {
  if (lead < 0x80) return 0;
  if (lead >= 0xC2 && lead <= 0xDF) return 1;
  if (lead >= 0xE0 && lead <= 0xEF) return 2;
  if (lead >= 0xF0 && lead <= 0xF4) return 3;
  return -1;
}

/// The second byte's range shuts out overlong forms, surrogates and what is beyond U+10FFFF.
bool second_byte_fits(unsigned char lead, unsigned char second) noexcept {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return second >= 0x80 && second <= 0xBF;
  }
}

}  // namespace

bool is_valid_utf8(std::string_view bytes) noexcept {
  std::size_t position = 0;
  while (position < bytes.size()) {
    const auto lead = static_cast<unsigned char>(bytes[position]);
    const int following = following_bytes(lead);
    if (following < 0 || bytes.size() - position <= static_cast<std::size_t>(following))
      return false;
    for (int i = 1; i <= following; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[position + static_cast<std::size_t>(i)]);
      if (i == 1 ? !second_byte_fits(lead, byte) : (byte & 0xC0U) != 0x80U) return false;
    }
    position += static_cast<std::size_t>(following) + 1;
  }
  return true;
}

}  // namespace rwp::ai
