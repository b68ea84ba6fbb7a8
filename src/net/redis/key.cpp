#include "net/redis/key.hpp"

namespace rwp::net_redis {

Result<std::string> tagged_key(std::string_view prefix, std::string_view tag,
                               std::string_view name) {
  if (tag.empty() || tag.find_first_of("{}") != std::string_view::npos) {
    return Error(Errc::invalid_argument, "a tag of a redis key is not empty and has no { or }");
  }
  if (prefix.find('{') != std::string_view::npos) {
    return Error(Errc::invalid_argument, "a prefix of a redis key has no {");
  }
  std::string key;
  key.reserve(prefix.size() + tag.size() + name.size() + 4);
  key.append(prefix).append(":{").append(tag).append("}");
  if (!name.empty()) key.append(":").append(name);
  return key;
}

std::uint16_t key_slot(std::string_view key) noexcept {
  constexpr unsigned kSlots = 16'384;
  constexpr unsigned kPolynomial = 0x1021;  // CRC-16/XMODEM.
  if (const auto open = key.find('{'); open != std::string_view::npos) {
    const auto close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  unsigned crc = 0;
  for (const char c : key) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8U;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ kPolynomial : crc << 1U;
    }
    crc &= 0xFFFFU;
  }
  return static_cast<std::uint16_t>(crc % kSlots);
}

}  // namespace rwp::net_redis
