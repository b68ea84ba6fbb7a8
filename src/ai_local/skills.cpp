#include "ai_local/skills.hpp"

#include "ai_local/skill_context.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace rwp::ai_local {
namespace {

/// Names of at most this many bytes without a lower-case letter are acronyms: "AIM" is not "aim".
constexpr std::size_t kLongestAcronym = 6;

/// How patterns and texts meet: a hyphen within words counts as a space.
char fold_joint(char c) noexcept { return c == '-' || c == '\n' ? ' ' : c; }

std::size_t pair_index(char first, char second) noexcept {
  return static_cast<std::size_t>(static_cast<unsigned char>(first)) * 256U +
         static_cast<unsigned char>(second);
}

bool is_acronym(std::string_view text) {
  return text.size() <= kLongestAcronym &&
         std::none_of(text.begin(), text.end(), [](char c) { return is_lower(c) || c == ' '; });
}

/// Whether a pattern that ends before `end` is not the beginning of a longer word.
bool ends_word(std::string_view text, std::size_t end) noexcept {
  if (end >= text.size()) return true;
  if (is_word(text[end])) return static_cast<unsigned char>(text[end]) == 0xE2;
  const char last = text[end - 1];
  if (text[end] == '+' || text[end] == '#') return !is_word(last);
  // "R&D" is no R, "C's" no C.
  return (text[end] != '&' && text[end] != '\'') || end + 1 >= text.size() ||
         !is_word(text[end + 1]) || end < 2 || is_word(text[end - 2]);
}

}  // namespace

struct SkillDictionary::Match {
  std::size_t begin = 0;
  std::size_t end = 0;
  const Pattern* pattern = nullptr;
};

SkillDictionary::SkillDictionary(std::string_view data)
    : data_(data), nodes_(1), roots_(256, 0), pairs_(256 * 256, 0) {
  patterns_.reserve(10'000);
  nodes_.reserve(140'000);
  std::size_t at = 0;
  while (at < data_.size()) {
    const auto end = std::min(data_.find('\n', at), data_.size());
    add_line(std::string_view(data_).substr(at, end - at));
    at = end + 1;
  }
  nodes_.shrink_to_fit();
}

void SkillDictionary::add_line(std::string_view line) {
  const auto first = line.find('\t');
  if (line.empty() || line[0] == '#' || first == std::string_view::npos) return;
  const auto second = std::min(line.find('\t', first + 1), line.size());
  const auto name = line.substr(0, first);
  const auto index = static_cast<std::uint32_t>(skills_.size());
  skills_.push_back({name, line.substr(first + 1, second - first - 1)});
  auto rest = second < line.size() ? line.substr(second + 1) : std::string_view();
  bool name_has_rule = false;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('|'), rest.size());
    auto pattern = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    auto rule = Rule::any_case;
    if (pattern.starts_with('=') || pattern.starts_with('?')) {
      rule = pattern[0] == '=' ? Rule::exact_case : Rule::in_context;
      pattern.remove_prefix(1);
      name_has_rule = name_has_rule || pattern == name;
    }
    add_pattern(pattern, index, rule);
  }
  if (!name_has_rule) {
    add_pattern(name, index, is_acronym(name) ? Rule::exact_case : Rule::any_case);
  }
}

void SkillDictionary::add_pattern(std::string_view text, std::uint32_t skill, Rule rule) {
  if (text.empty()) return;
  std::uint32_t node = 0;
  std::size_t depth = 0;
  for (const char c : fold(text)) {
    const char byte = fold_joint(c);
    std::uint32_t next = child(node, byte);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({.next_sibling = nodes_[node].first_child, .byte = byte});
      nodes_[node].first_child = next;
      if (node == 0) roots_[static_cast<unsigned char>(byte)] = next;
      if (depth == 1) pairs_[pair_index(nodes_[node].byte, byte)] = next;
    }
    node = next;
    ++depth;
  }
  // Behind those that are there: what was added first is looked at first.
  patterns_.push_back({text, skill, rule});
  next_pattern_.push_back(0);
  std::uint32_t* link = &nodes_[node].pattern;
  while (*link != 0) link = &next_pattern_[*link - 1];
  *link = static_cast<std::uint32_t>(patterns_.size());
}

std::uint32_t SkillDictionary::child(std::uint32_t node, char byte) const noexcept {
  if (node == 0) return roots_[static_cast<unsigned char>(byte)];
  std::uint32_t next = nodes_[node].first_child;
  while (next != 0 && nodes_[next].byte != byte) next = nodes_[next].next_sibling;
  return next;
}

/// Walks the trie from `at`; keeps the longest pattern that counts as it is and the longest that
/// needs a look at its context.
void SkillDictionary::longest_matches(std::string_view text, std::string_view folded,
                                      std::size_t at, Match& sure, Match& doubtful) const {
  std::uint32_t node = 0;
  for (std::size_t end = at; end < folded.size();) {
    // A paragraph's end divides; a single line break may be mere wrapping.
    if (folded[end] == '\n' && end + 1 < folded.size() && !is_lower(text[end + 1])) return;
    const char byte = fold_joint(folded[end]);
    node = end == at + 1 ? pairs_[pair_index(nodes_[node].byte, byte)] : child(node, byte);
    if (node == 0) return;
    ++end;
    for (auto link = nodes_[node].pattern; link != 0; link = next_pattern_[link - 1]) {
      const Pattern& pattern = patterns_[link - 1];
      const bool plural = pattern.text.size() > 2 && end < folded.size() && folded[end] == 's' &&
                          ends_word(text, end + 1) && pattern.rule != Rule::in_context;
      if (!plural && !ends_word(text, end)) continue;
      const auto written = text.substr(at, end - at);
      if (pattern.rule != Rule::any_case && written != pattern.text) continue;
      Match& match = pattern.rule == Rule::in_context ? doubtful : sure;
      if (match.end < end) match = {at, end + (plural ? 1 : 0), &pattern};
    }
  }
}

std::vector<SkillDictionary::Match> SkillDictionary::all_matches(std::string_view text,
                                                                 std::string_view folded) const {
  std::vector<Match> matches;
  for (std::size_t at = 0; at < folded.size();) {
    const bool starts = at == 0 || !is_word(folded[at - 1]);
    if (!starts || folded[at] == ' ') {
      ++at;
      continue;
    }
    Match sure;
    Match doubtful;
    longest_matches(text, folded, at, sure, doubtful);
    const Match& best = doubtful.end > sure.end ? doubtful : sure;
    if (best.pattern == nullptr) {
      ++at;
      continue;
    }
    matches.push_back(best);
    at = best.end;
  }
  return matches;
}

std::vector<FoundSkill> SkillDictionary::find(std::string_view text) const {
  const std::string folded = fold(text);
  std::vector<SkillMention> mentions;
  for (const auto& match : all_matches(text, folded)) {
    const Skill& skill = skills_[match.pattern->skill];
    mentions.push_back({match.begin, match.end, skill.name, skill.category,
                        match.pattern->rule == Rule::in_context});
  }
  keep_likely_mentions(folded, mentions);
  std::vector<FoundSkill> found;
  std::unordered_map<std::string_view, std::size_t> index;
  for (const auto& mention : mentions) {
    const auto [entry, fresh] = index.emplace(mention.name, found.size());
    if (fresh) found.push_back({mention.name, mention.category, 0, mention.begin});
    ++found[entry->second].mentions;
  }
  return found;
}

std::size_t SkillDictionary::memory_bytes() const noexcept {
  return data_.capacity() + skills_.capacity() * sizeof(Skill) +
         patterns_.capacity() * sizeof(Pattern) + nodes_.capacity() * sizeof(Node) +
         (next_pattern_.capacity() + roots_.capacity() + pairs_.capacity()) * sizeof(std::uint32_t);
}

}  // namespace rwp::ai_local
