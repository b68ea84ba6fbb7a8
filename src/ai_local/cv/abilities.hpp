#pragma once

#include "ai_local/cv/headings.hpp"
#include "ai_local/skills.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// Something somebody can do.
struct CvSkill {
  std::string name{};
  std::string category{};
  /// beginner, intermediate, advanced, expert; empty: not told.
  std::string level{};
};

/// The skills of the dictionary that a CV names, those of its lists of skills first; languages also
/// by their German, French, Spanish, Dutch and Italian names. What schools and employers are called
/// is no skill.
std::vector<CvSkill> find_abilities(const std::vector<CvSection>& sections,
                                    const SkillDictionary& dictionary);

/// The level that a folded piece tells: "(expert)", "sehr gut", "B2", "*****", "native"; empty:
/// none.
std::string_view find_level(std::string_view folded);

}  // namespace rwp::ai_local
