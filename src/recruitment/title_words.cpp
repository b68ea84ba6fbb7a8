#include "recruitment/match_rules.hpp"
#include "recruitment/plain_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace rwp::recruitment {
namespace {

/// Words of a title that say nothing of the trade.
constexpr auto kPlainWords = std::to_array<std::string_view>(
    {"a",          "acting",      "and",    "annum",      "apprentice", "associate", "at",
     "band",       "bank",        "casual", "chief",      "contract",   "days",      "deputy",
     "end",        "experienced", "fixed",  "flexible",   "for",        "full",      "grade",
     "graduate",   "head",        "hours",  "hybrid",     "in",         "interim",   "intern",
     "internship", "job",         "junior", "lead",       "level",      "locum",     "mid",
     "middle",     "new",         "night",  "nights",     "of",         "on",        "or",
     "part",       "permanent",   "post",   "principal",  "relief",     "remote",    "role",
     "senior",     "seniors",     "shift",  "specialist", "staff",      "temporary", "term",
     "the",        "time",        "to",     "trainee",    "vice",       "with",      "working"});

bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80U;
}

/// Of a title's beginning: each word of one is compared with each of another, and what a payload
/// calls a title may be a book.
std::vector<std::string> trade_words(std::string_view title) {
  constexpr std::size_t kLongestTitle = 400;
  std::vector<std::string> words;
  std::string word;
  // One more character ends the last word.
  for (const char c : comparable(shorten(title, kLongestTitle)) + " ") {
    if (is_letter(c)) {
      word += c;
      continue;
    }
    const bool says_something =
        word.size() > 1 && !std::binary_search(kPlainWords.begin(), kPlainWords.end(), word);
    if (says_something && std::find(words.begin(), words.end(), word) == words.end()) {
      words.push_back(word);
    }
    word.clear();
  }
  return words;
}

/// "nurse" and "nursing", "account" and "accountant"; not "psychiatrist" and "psychologist".
bool alike(std::string_view left, std::string_view right) {
  constexpr std::size_t kShortestStem = 4;
  if (left == right) return true;
  const std::size_t longest = std::max(left.size(), right.size());
  const auto differs =
      std::mismatch(left.begin(), left.end(), right.begin(), right.end()).first - left.begin();
  const auto stem = static_cast<std::size_t>(differs);
  return stem >= kShortestStem && stem * 10 >= longest * 5 && longest - stem <= kShortestStem + 2;
}

}  // namespace

std::optional<double> title_likeness(const Pairing& pairing) {
  static_assert(std::is_sorted(kPlainWords.begin(), kPlainWords.end()));
  const auto asked = trade_words(pairing.ad.ad.title);
  if (asked.empty()) return std::nullopt;
  double best = 0.0;
  const auto compare = [&](std::string_view title, double weight) {
    const auto own = trade_words(title);
    std::size_t found = 0;
    for (const auto& word : asked) {
      found += std::any_of(own.begin(), own.end(),
                           [&](const std::string& other) { return alike(word, other); })
                   ? 1U
                   : 0U;
    }
    const auto share = static_cast<double>(found) / static_cast<double>(asked.size());
    best = std::max(best, weight * share);
  };
  compare(pairing.candidate.headline, 1.0);
  // What somebody did long ago says less.
  double weight = 1.0;
  for (const auto& position : pairing.candidate.experience) {
    compare(position.title, weight);
    weight = std::max(0.5, weight - 0.1);
  }
  return best;
}

}  // namespace rwp::recruitment
