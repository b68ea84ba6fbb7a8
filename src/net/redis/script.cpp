#include "net/redis/script.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace rwp::net_redis {
namespace {

std::string sha1_hex(const std::string& text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("SHA-1 is not to be had");
  }
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4U];
    hex += kDigits[digest[i] & 0xFU];
  }
  return hex;
}

}  // namespace

Script::Script(std::string source) : source_(std::move(source)), digest_(sha1_hex(source_)) {}

}  // namespace rwp::net_redis
