#pragma once

#include <rwp/recruitment/match.hpp>

#include <optional>
#include <string>
#include <vector>

namespace rwp::recruitment {

/// What facts alone say of one category.
struct RuleScore {
  /// 0 to 100; none: the advert asks for nothing of the kind.
  std::optional<double> score{};
  std::vector<std::string> reasons{};
};

/// Skills that the advert asks for, by whether the candidate has them; the most important first.
struct SkillCover {
  std::vector<std::string> matched{};
  std::vector<std::string> missing{};
  /// 0 to 1: what comes first in the advert counts more, a level that the candidate has only begun
  /// with counts less. None: nothing is asked for.
  std::optional<double> share{};
};

/// Of the advert's skills those of `categories`; all of them when that is empty.
SkillCover cover_skills(const Pairing& pairing, const std::vector<std::string>& categories);

/// The skills that the advert asks for, but for soft ones and languages.
RuleScore judge_technical(const Pairing& pairing);
/// Titles, likeness, knowledge of the field: there is always something to judge by.
RuleScore judge_domain(const Pairing& pairing);
RuleScore judge_leadership(const Pairing& pairing);
/// The languages that the advert asks for.
RuleScore judge_languages(const Pairing& pairing);

/// 0 to 1: the share of the advert's title that the candidate's titles say too; what they say of
/// level, hours or place does not count. None: nothing of the title is left.
std::optional<double> title_likeness(const Pairing& pairing);

}  // namespace rwp::recruitment
