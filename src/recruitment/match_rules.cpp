#include "recruitment/match_rules.hpp"

#include "recruitment/plain_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <utility>

namespace rwp::recruitment {
namespace {

/// How much of a skill somebody has who says this of himself.
double worth(std::optional<SkillLevel> level) {
  if (!level) return 0.9;
  switch (*level) {
    case SkillLevel::beginner:
      return 0.5;
    case SkillLevel::intermediate:
      return 0.8;
    default:
      return 1.0;
  }
}

std::string percent(double share) {
  return std::to_string(static_cast<int>(std::lround(share * 100.0)));
}

/// "9" or "2.5".
std::string years_text(double years) {
  constexpr double kTenths = 10.0;
  const long tenths = std::lround(years * kTenths);
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return text;
}

std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kNamed = 6;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kNamed; ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text;
}

void add_cover(RuleScore& rule, const SkillCover& cover, const char* what) {
  if (!cover.matched.empty()) {
    rule.reasons.push_back("Has " + std::string(what) + " asked for: " + some_of(cover.matched) +
                           ".");
  }
  if (!cover.missing.empty()) {
    rule.reasons.push_back("Does not name " + std::string(what) +
                           " asked for: " + some_of(cover.missing) + ".");
  }
}

/// Parts that are known, by their weights.
class Blend {
 public:
  void add(std::optional<double> part, double weight) {
    if (!part) return;
    sum_ += *part * weight;
    weights_ += weight;
  }
  /// 0 to 100.
  std::optional<double> score() const {
    if (weights_ <= 0.0) return std::nullopt;
    return 100.0 * sum_ / weights_;
  }

 private:
  double sum_ = 0.0;
  double weights_ = 0.0;
};

/// Likeness of embeddings as 0 to 1. Texts that share a trade come out well above those that share
/// a language only, which are not at 0; the bounds are rwp-local's, see docs/recruitment.md.
double scaled(double similarity) {
  constexpr double kStrangers = 0.10;
  constexpr double kTwins = 0.55;
  return std::clamp((similarity - kStrangers) / (kTwins - kStrangers), 0.0, 1.0);
}

std::optional<double> judge_level(const Pairing& pairing, RuleScore& rule) {
  const auto asked = pairing.ad.enriched.seniority;
  if (!asked) return std::nullopt;
  const auto has = pairing.candidate.seniority;
  const std::string post = "The post is at level " + std::string(enum_name(*asked));
  if (!has) {
    rule.reasons.push_back(post + "; the CV does not tell the candidate's.");
    return 0.5;
  }
  rule.reasons.push_back(post + ", the candidate at " + std::string(enum_name(*has)) + ".");
  const int steps = static_cast<int>(*has) - static_cast<int>(*asked);
  // Too little weighs more than too much.
  return std::max(0.0, steps < 0 ? 1.0 + 0.25 * steps : 1.0 - 0.12 * steps);
}

std::optional<double> judge_years(const Pairing& pairing, RuleScore& rule) {
  const auto asked = pairing.ad.enriched.years_experience;
  if (!asked || *asked <= 0) return std::nullopt;
  const auto has = pairing.candidate.years_experience;
  const std::string least = "At least " + years_text(*asked) + " years are asked for";
  if (!has) {
    rule.reasons.push_back(least + "; the CV does not tell how many there are.");
    return 0.5;
  }
  rule.reasons.push_back(least + ", the CV shows " + years_text(*has) + ".");
  return std::min(1.0, *has / *asked);
}

}  // namespace

SkillCover cover_skills(const Pairing& pairing, const std::vector<std::string>& categories) {
  std::map<std::string, double> own;
  for (const auto& skill : pairing.candidate.skills) {
    auto& value = own[comparable(skill.name)];
    value = std::max(value, worth(skill.level));
  }
  SkillCover cover;
  double has = 0.0;
  double all = 0.0;
  std::size_t place = 0;
  for (const auto& skill : pairing.ad.enriched.skills) {
    const bool counts = categories.empty() || std::find(categories.begin(), categories.end(),
                                                        skill.category) != categories.end();
    if (!counts) continue;
    constexpr double kHalved = 6.0;
    const double weight = 1.0 / (1.0 + static_cast<double>(place++) / kHalved);
    all += weight;
    const auto found = own.find(comparable(skill.name));
    if (found == own.end()) {
      cover.missing.push_back(skill.name);
      continue;
    }
    cover.matched.push_back(skill.name);
    has += weight * found->second;
  }
  if (all > 0.0) cover.share = has / all;
  return cover;
}

RuleScore judge_technical(const Pairing& pairing) {
  RuleScore rule;
  const auto cover = cover_skills(pairing, {"technical", "tools", "methods", "domain", "other"});
  if (!cover.share) return rule;
  // One skill that is missing says less than ten: few draw the score to the middle.
  const auto known = static_cast<double>(cover.matched.size() + cover.missing.size());
  const double sure = known / (known + 1.0);
  rule.score = 100.0 * (sure * *cover.share + (1.0 - sure) * 0.5);
  add_cover(rule, cover, "skills");
  return rule;
}

RuleScore judge_domain(const Pairing& pairing) {
  RuleScore rule;
  const auto cover = cover_skills(pairing, {"domain"});
  const auto title = title_likeness(pairing);
  Blend blend;
  blend.add(cover.share, 0.20);
  blend.add(title, 0.40);
  if (pairing.similarity) blend.add(scaled(*pairing.similarity), 0.40);
  rule.score = blend.score();
  if (title) {
    rule.reasons.push_back("Own titles say " + percent(*title) + " % of \"" +
                           shorten(pairing.ad.ad.title, 80) + "\".");
  }
  if (pairing.similarity) {
    rule.reasons.push_back("CV and advert are alike by " + percent(*pairing.similarity) +
                           " % (embeddings).");
  }
  return rule;
}

RuleScore judge_leadership(const Pairing& pairing) {
  RuleScore rule;
  Blend blend;
  blend.add(judge_level(pairing, rule), 0.6);
  blend.add(judge_years(pairing, rule), 0.4);
  rule.score = blend.score();
  return rule;
}

RuleScore judge_languages(const Pairing& pairing) {
  RuleScore rule;
  const auto cover = cover_skills(pairing, {"languages"});
  if (!cover.share) return rule;
  rule.score = 100.0 * *cover.share;
  add_cover(rule, cover, "languages");
  return rule;
}

}  // namespace rwp::recruitment
