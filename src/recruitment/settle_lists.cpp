#include "recruitment/settle_lists.hpp"

#include "recruitment/plain_text.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace rwp::recruitment {

std::vector<std::string> settle_texts(const std::vector<std::string>& texts, std::size_t most,
                                      std::size_t bytes) {
  std::vector<std::string> kept;
  std::set<std::string> seen;
  for (const auto& text : texts) {
    if (kept.size() == most) break;
    std::string line = shorten(text, bytes);
    if (line.empty() || !seen.insert(comparable(line)).second) continue;
    kept.push_back(std::move(line));
  }
  return kept;
}

std::string settle_category(std::string_view category) {
  constexpr std::array<std::string_view, 6> kCategories{"technical", "tools",  "methods",
                                                        "soft",      "domain", "languages"};
  std::string name = comparable(category);
  if (std::find(kCategories.begin(), kCategories.end(), name) == kCategories.end()) return "other";
  return name;
}

}  // namespace rwp::recruitment
