#include "pods/base64.hpp"

#include <cstddef>
#include <cstdint>

namespace rwp::pods {
namespace {

/// -1: no digit.
int digit_of(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

Result<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t word = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' || c == '\n') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int digit = digit_of(c);
    if (digit < 0 || padding > 0) {
      return Error(Errc::invalid_argument,
                   "is not base64: byte " + std::to_string(i) + " does not belong");
    }
    word = (word << 6U) | static_cast<std::uint32_t>(digit);
    if (++digits % 4 != 0) continue;
    for (const unsigned shift : {16U, 8U, 0U}) bytes += static_cast<char>((word >> shift) & 0xFFU);
    word = 0;
  }
  const std::size_t rest = digits % 4;
  const bool padded_well = padding == 0 || (rest + padding) % 4 == 0;
  if (rest == 1 || !padded_well || padding > 2) {
    return Error(Errc::invalid_argument, "is not base64: it ends within a byte");
  }
  // The last bits beyond whole bytes are nobody's.
  if (rest == 2) bytes += static_cast<char>((word >> 4U) & 0xFFU);
  if (rest == 3) {
    bytes += static_cast<char>((word >> 10U) & 0xFFU);
    bytes += static_cast<char>((word >> 2U) & 0xFFU);
  }
  return bytes;
}

}  // namespace rwp::pods
