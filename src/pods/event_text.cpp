#include "pods/event_text.hpp"

#include <rwp/analytics/event.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <cstddef>

namespace rwp::pods {

std::string parameter_text(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t count = 0; end < text.size() && count < analytics::kMaxValueLength; ++count) {
    end += std::max<std::size_t>(utf8_sequence_length(text.substr(end)), 1);
  }
  return std::string(text.substr(0, end));
}

std::string pseudonym(std::string_view tenant, std::string_view id) {
  constexpr std::size_t kDigits = 16;
  return to_hex(sha256(to_hex(sha256(tenant)) + std::string(id))).substr(0, kDigits);
}

}  // namespace rwp::pods
