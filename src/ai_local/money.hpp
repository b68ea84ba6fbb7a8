#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// A number of a text that may be money; the places are those of number, sign and k together.
struct Amount {
  std::size_t begin = 0;
  std::size_t end = 0;
  double value = 0.0;
  std::string_view currency{};
  bool thousands = false;
  /// Written with a currency or a k.
  bool marked = false;
};

/// All numbers of a normalised text but those that are no money whatever stands around them:
/// percentages, times, dates, telephone numbers, millions. Lifetime: currencies are constants.
std::vector<Amount> find_amounts(std::string_view text);

/// Whether two amounts are the ends of one range: "32,000 - 38,500", "32k to 38k", "between … and
/// …".
bool is_range(std::string_view text, const Amount& from, const Amount& to);

}  // namespace rwp::ai_local
