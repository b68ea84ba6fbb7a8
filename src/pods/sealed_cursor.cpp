#include "pods/sealed_cursor.hpp"

#include <cassert>
#include <charconv>

namespace rwp::pods {
namespace {

constexpr std::size_t kBytes = 32;

/// SHA-256 of parts of fixed or stated length, the secret first.
Sha256 keyed(const Sha256& secret, char purpose, std::string_view tenant, std::string_view text) {
  std::string all(reinterpret_cast<const char*>(secret.data()), secret.size());
  all += purpose;
  all += std::to_string(tenant.size()) + ":";
  all += tenant;
  all += text;
  return sha256(all);
}

/// The tag is made of what is hidden, and picks the stream that hides it.
std::string tag_of(const Sha256& secret, std::string_view tenant, std::string_view padded) {
  return to_hex(keyed(secret, 't', tenant, padded)).substr(0, kBytes);
}

std::string add_stream(const Sha256& secret, std::string_view tag, std::string text) {
  const Sha256 stream = keyed(secret, 's', "", tag);
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[i] = static_cast<char>(static_cast<unsigned char>(text[i]) ^ stream[i]);
  }
  return text;
}

}  // namespace

std::string seal_cursor(const Sha256& secret, std::string_view tenant, std::string_view cursor) {
  assert(cursor.size() <= kBytes && cursor.find(' ') == std::string_view::npos);
  std::string padded(cursor);
  padded.resize(kBytes, ' ');
  const std::string tag = tag_of(secret, tenant, padded);
  const std::string hidden = add_stream(secret, tag, padded);
  Sha256 bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(hidden[i]);
  return tag + to_hex(bytes);
}

Result<std::string> open_cursor(const Sha256& secret, std::string_view tenant,
                                std::string_view sealed) {
  const Error broken(Errc::invalid_argument,
                     "\"cursor\" is none that a list gave, or the keys have changed since; begin "
                     "again without it");
  if (sealed.size() != 3 * kBytes) return broken;
  const auto tag = sealed.substr(0, kBytes);
  std::string hidden;
  for (std::size_t i = kBytes; i < sealed.size(); i += 2) {
    unsigned byte = 0;
    const auto* begin = sealed.data() + i;
    const auto read = std::from_chars(begin, begin + 2, byte, 16);
    if (read.ec != std::errc() || read.ptr != begin + 2) return broken;
    hidden += static_cast<char>(byte);
  }
  std::string padded = add_stream(secret, tag, std::move(hidden));
  if (tag_of(secret, tenant, padded) != tag) return broken;
  padded.resize(padded.find_last_not_of(' ') + 1);
  return padded;
}

}  // namespace rwp::pods
