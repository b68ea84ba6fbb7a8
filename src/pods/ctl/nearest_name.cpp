#include "pods/ctl/options.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace rwp::pods::ctl {
namespace {

/// Letters that must be put in, taken out, changed or swapped with their neighbour.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before(right.size() + 1);
  std::vector<std::size_t> above(right.size() + 1);
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t changed = above[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, changed});
      const bool swapped =
          i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[right.size()];
}

std::string_view bare(std::string_view name) {
  while (name.starts_with('-')) name.remove_prefix(1);
  return name;
}

}  // namespace

std::string nearest_name(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongest = 64;  // Nobody mistypes more than a name.
  const std::string_view meant = bare(word);
  if (meant.empty() || meant.size() > kLongest) return {};
  std::string nearest;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const auto& name : known) {
    const std::string_view candidate = bare(name);
    const std::size_t away = distance(meant, candidate);
    const bool begun = meant.size() >= 3 && candidate.starts_with(meant);
    const bool near = away <= std::max<std::size_t>(1, candidate.size() / 3);
    // What was begun and not ended counts as one slip.
    const std::size_t rank = begun ? std::min<std::size_t>(away, 1) : away;
    if ((begun || near) && rank < least) {
      least = rank;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace rwp::pods::ctl
