#include <rwp/core/sha256.hpp>
#include <rwp/recruitment/enrich.hpp>

#include <algorithm>
#include <cstddef>

namespace rwp::recruitment {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

}  // namespace

std::string enriched_key(std::string_view ad_id) {
  constexpr std::size_t kLongestPlain = 128;
  constexpr std::size_t kReadablePart = 48;
  constexpr std::size_t kHashDigits = 32;
  const bool plain = !ad_id.empty() && ad_id.size() <= kLongestPlain && ad_id.front() != '.' &&
                     std::all_of(ad_id.begin(), ad_id.end(), is_plain);
  if (plain) return "enriched/" + std::string(ad_id) + ".json";
  std::string readable;
  for (const char c : ad_id.substr(0, kReadablePart)) readable += is_plain(c) && c != '.' ? c : '_';
  // '~' stands in no plain id, so the two forms never meet.
  return "enriched/" + readable + "~" + to_hex(sha256(ad_id)).substr(0, kHashDigits) + ".json";
}

}  // namespace rwp::recruitment
