#include "ai_local/skill_context.hpp"

#include "ai_local/text.hpp"

#include <algorithm>
#include <array>

namespace rwp::ai_local {
namespace {

/// Farther apart, two words say nothing about each other.
constexpr std::size_t kNear = 60;
constexpr std::size_t kListGap = 8;

constexpr auto kCues = std::to_array<std::string_view>(
    {"programming", "developer",  "developers", "development", "coding",      "code",
     "scripting",   "language",   "languages",  "proficient",  "proficiency", "knowledge",
     "skills",      "software",   "experience", "framework",   "fluent",      "fluency",
     "qualified",   "certified",  "expertise",  "experienced", "speaker",     "packages",
     "engineer",    "familiarity"});

bool is_technical(std::string_view category) {
  return category == "technical" || category == "tools";
}

/// Whether both stand in one sentence or list item.
bool same_sentence(std::string_view folded, std::size_t from, std::size_t to) {
  if (from >= to) return true;
  const auto between = folded.substr(from, to - from);
  return between.find('\n') == std::string_view::npos &&
         between.find(". ") == std::string_view::npos;
}

/// Only what divides items of a list: ", ", " and ", " / ".
bool is_list_gap(std::string_view between) {
  if (between.size() > kListGap) return false;
  bool divided = false;
  std::size_t i = 0;
  while (i < between.size()) {
    const auto rest = between.substr(i);
    if (rest.starts_with("and") || rest.starts_with("&")) {
      divided = true;
      i += rest.starts_with("and") ? 3 : 1;
    } else if (rest.starts_with("or")) {
      divided = true;
      i += 2;
    } else if (rest[0] == ',' || rest[0] == '/' || rest[0] == '|' || rest[0] == '(' ||
               rest[0] == ';') {
      divided = true;
      ++i;
    } else if (rest[0] == ' ' || rest[0] == ')') {
      ++i;
    } else {
      return false;
    }
  }
  return divided;
}

bool has_cue_near(std::string_view folded, const SkillMention& mention) {
  const auto begin = mention.begin > kNear / 2 ? mention.begin - kNear / 2 : 0;
  const auto end = std::min(folded.size(), mention.end + kNear / 3);
  for (const auto cue : kCues) {
    auto at = find_word(folded.substr(0, end), cue, begin);
    while (at != std::string_view::npos) {
      const bool before =
          at < mention.begin && same_sentence(folded, at + cue.size(), mention.begin);
      const bool after = at >= mention.end && same_sentence(folded, mention.end, at);
      if (before || after) return true;
      at = find_word(folded.substr(0, end), cue, at + 1);
    }
  }
  return false;
}

/// Whether a sure mention of the same kind stands near, or another doubtful one right beside it.
bool has_company(std::string_view folded, const std::vector<SkillMention>& mentions,
                 std::size_t self) {
  const auto& mention = mentions[self];
  const auto vouches = [&](const SkillMention& other) {
    if (other.name == mention.name) return false;
    const auto from = std::min(other.end, mention.end);
    const auto to = std::max(other.begin, mention.begin);
    if (to > from + kNear || !same_sentence(folded, from, to)) return false;
    const bool listed = is_list_gap(folded.substr(from, to > from ? to - from : 0));
    const bool kin = is_technical(mention.category) ? is_technical(other.category)
                                                    : other.category == mention.category;
    return other.doubtful ? kin && listed : kin && (listed || is_technical(mention.category));
  };
  for (std::size_t i = self; i-- > 0 && mention.begin - mentions[i].begin < 2 * kNear;) {
    if (vouches(mentions[i])) return true;
  }
  for (std::size_t i = self + 1;
       i < mentions.size() && mentions[i].begin - mention.begin < 2 * kNear; ++i) {
    if (vouches(mentions[i])) return true;
  }
  return false;
}

}  // namespace

void keep_likely_mentions(std::string_view folded, std::vector<SkillMention>& mentions) {
  std::vector<bool> keep(mentions.size(), true);
  for (std::size_t i = 0; i < mentions.size(); ++i) {
    if (!mentions[i].doubtful) continue;
    // A single letter ("R", "C") needs company: cues stand near anything.
    const bool letter = mentions[i].end - mentions[i].begin == 1;
    keep[i] = has_company(folded, mentions, i) || (!letter && has_cue_near(folded, mentions[i]));
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < mentions.size(); ++i) {
    if (keep[i]) mentions[kept++] = mentions[i];
  }
  mentions.resize(kept);
}

}  // namespace rwp::ai_local
