#pragma once

#include "ai_local/fact.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// A candidate and an advert that are to be compared. All normalised.
struct PairText {
  std::string candidate{};
  std::string advert{};
  /// What the question tells of the two already.
  std::vector<std::string> facts{};

  bool is_there() const noexcept { return !candidate.empty() && !advert.empty(); }
};

/// Whether a property name in snake case is one of a comparison's: communication, team_fit,
/// adaptability (each a score with a reason) or summary. `fact` is then what the texts show, which
/// may be nothing: rwp-local counts the words by which people tell of such things, what the advert
/// speaks of too counting double, and names those that it found.
bool find_pair_fact(const PairText& pair, std::string_view name, MaybeFact& fact);

}  // namespace rwp::ai_local
