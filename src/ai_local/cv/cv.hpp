#pragma once

#include "ai_local/cv/abilities.hpp"
#include "ai_local/cv/contact.hpp"
#include "ai_local/cv/posts.hpp"
#include "ai_local/cv/schooling.hpp"
#include "ai_local/skills.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// All that can be told of a CV.
struct Cv {
  CvContact contact{};
  /// Who this is, in the CV's own words.
  std::string summary{};
  /// Of the title held now, else by the years of work: intern to executive; empty: not clear.
  std::string seniority{};
  /// Years that the CV claims in words.
  std::optional<int> stated_years{};
  std::vector<CvSkill> skills{};
  std::vector<CvPost> posts{};
  std::vector<CvEducation> education{};
  std::vector<std::string> certificates{};
};

/// Reads a CV's raw text. `today`: "YYYY-MM-DD", to reckon with; empty: posts that are still held
/// count nothing.
Cv read_cv(std::string_view raw, std::string_view today, const SkillDictionary& dictionary);

}  // namespace rwp::ai_local
