#include "ai_local/cv/abilities.hpp"

#include "ai_local/cv/tongues.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>

namespace rwp::ai_local {
namespace {

using Kind = CvSectionKind;

constexpr std::size_t kMostSkills = 80;
/// A longer item is no item: what it says of a level may be about anything.
constexpr std::size_t kLongestItem = 300;

/// The items of lists, one after the other without a gap but the dividers; commas in brackets do
/// not divide.
std::vector<std::string_view> items_of(std::string_view text) {
  constexpr std::string_view kDividers = ",;|\n";
  std::vector<std::string_view> items;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && depth > 0) --depth;
    if (text[i] == '\n') depth = 0;
    const bool dot = text.substr(i, 2) == "\xC2\xB7";
    if (depth > 0 || (!dot && kDividers.find(text[i]) == std::string_view::npos)) continue;
    items.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  items.push_back(text.substr(begin));
  return items;
}

/// The item in which `at` lies.
std::string_view item_at(const std::vector<std::string_view>& items, std::string_view text,
                         std::size_t at) {
  const auto behind = std::upper_bound(
      items.begin(), items.end(), text.data() + at,
      [](const char* place, std::string_view item) { return place < item.data(); });
  return behind == items.begin() ? std::string_view() : *std::prev(behind);
}

std::string_view level_in(std::string_view item) {
  return item.size() > kLongestItem ? std::string_view() : find_level(item);
}

class Abilities {
 public:
  explicit Abilities(const SkillDictionary& dictionary) : dictionary_(dictionary) {}

  void add(std::string_view name, std::string_view category, std::string_view level) {
    const auto [entry, fresh] = index_.emplace(fold(name), skills_.size());
    if (fresh) {
      skills_.push_back({std::string(name), std::string(category), std::string(level)});
    } else if (skills_[entry->second].level.empty()) {
      skills_[entry->second].level = std::string(level);
    }
  }

  /// Skills of a text; with `levels` the items of lists tell their level.
  void read(const std::string& text, bool levels, bool languages) {
    const std::string folded = fold(text);
    const auto items = levels ? items_of(folded) : std::vector<std::string_view>();
    for (const auto& skill : dictionary_.find(text)) {
      if (skill.category == "languages" && !languages) continue;
      add(skill.name, skill.category, level_in(item_at(items, folded, skill.position)));
    }
  }

  /// The languages that the items of a list name.
  void read_languages(const CvLine& line) {
    for (const auto item : items_of(line.folded)) {
      for (const auto name : find_tongues(item)) add(name, "languages", level_in(item));
    }
  }

  std::vector<CvSkill> take() {
    if (skills_.size() > kMostSkills) skills_.resize(kMostSkills);
    return std::move(skills_);
  }

 private:
  const SkillDictionary& dictionary_;
  std::vector<CvSkill> skills_;
  std::map<std::string, std::size_t> index_;
};

/// Lines as one text, each a paragraph of its own, so that nothing is read across lines.
std::string text_of(const CvSection& section) {
  std::string text;
  for (const auto& line : section.lines) text += line.text + "\n";
  return text;
}

/// "Languages: Python, Go" is about programming.
bool speaks_of_tongues(const CvLine& line) { return !find_tongues(line.folded).empty(); }

}  // namespace

std::vector<CvSkill> find_abilities(const std::vector<CvSection>& sections,
                                    const SkillDictionary& dictionary) {
  Abilities abilities(dictionary);
  for (const auto& section : sections) {
    if (section.kind != Kind::skills && section.kind != Kind::languages) continue;
    // The word names the list: without it a list of doubtful words ("Go, R") has no context.
    abilities.read("Skills:\n" + text_of(section), true, false);
    for (const auto& line : section.lines) {
      if (speaks_of_tongues(line)) abilities.read_languages(line);
    }
  }
  for (const auto& section : sections) {
    const bool wanted = section.kind == Kind::experience || section.kind == Kind::profile ||
                        section.kind == Kind::certificates || section.kind == Kind::contact;
    if (wanted) abilities.read(text_of(section), false, true);
  }
  for (const auto& section : sections) {
    if (section.kind == Kind::education) abilities.read(text_of(section), false, false);
  }
  return abilities.take();
}

}  // namespace rwp::ai_local
