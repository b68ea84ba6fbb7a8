#include <rwp/core/sha256.hpp>
#include <rwp/recruitment/enrich.hpp>
#include <rwp/recruitment/parse.hpp>

#include <algorithm>
#include <cstddef>

namespace rwp::recruitment {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

/// The name itself when it is plain, else a readable part of it and its hash.
std::string key_part(std::string_view name, bool may_stand = true) {
  constexpr std::size_t kLongestPlain = 128;
  constexpr std::size_t kReadablePart = 48;
  constexpr std::size_t kHashDigits = 32;
  const bool plain = may_stand && !name.empty() && name.size() <= kLongestPlain &&
                     name.front() != '.' && std::all_of(name.begin(), name.end(), is_plain);
  if (plain) return std::string(name);
  std::string part;
  for (const char c : name.substr(0, kReadablePart)) part += is_plain(c) && c != '.' ? c : '_';
  // '~' stands in no plain name, so the two forms never meet.
  return part.append("~").append(to_hex(sha256(name)).substr(0, kHashDigits));
}

}  // namespace

std::string enriched_key(std::string_view ad_id) { return "enriched/" + key_part(ad_id) + ".json"; }

std::string candidate_key(std::string_view tenant, std::string_view candidate_id) {
  std::string key = "candidates/";
  // A folder "x.json" would be in the way of the object "x.json".
  if (!tenant.empty()) key.append(key_part(tenant, !tenant.ends_with(".json"))).append("/");
  return key.append(key_part(candidate_id)).append(".json");
}

}  // namespace rwp::recruitment
