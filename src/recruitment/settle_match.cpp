#include "recruitment/match_rules.hpp"
#include "recruitment/plain_text.hpp"
#include "recruitment/settle_lists.hpp"
#include <rwp/recruitment/match.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace rwp::recruitment {
namespace {

constexpr std::size_t kReasonBytes = 300;
constexpr std::size_t kMaxReasons = 20;
constexpr std::size_t kMaxNames = 40;
/// What a category counts that ought to have been judged and was not.
constexpr int kUnknown = 50;

double weight_of(MatchCategory category) {
  switch (category) {
    case MatchCategory::technical:
    case MatchCategory::domain:
      return 0.25;
    case MatchCategory::leadership:
    case MatchCategory::communication:
      return 0.15;
    case MatchCategory::team_fit:
    case MatchCategory::adaptability:
      break;
  }
  return 0.10;
}

int whole(double score) { return std::clamp(static_cast<int>(std::lround(score)), 0, 100); }

CategoryScore by_rules(MatchCategory category, RuleScore rule) {
  CategoryScore result;
  result.category = category;
  result.weight = weight_of(category);
  if (rule.score) {
    result.score = whole(*rule.score);
    result.basis = MatchBasis::rules;
  }
  result.reasons = std::move(rule.reasons);
  return result;
}

/// Every advert tells of its field; one that gives nothing to compare by counts as not judged.
CategoryScore of_domain(const Pairing& pairing) {
  auto result = by_rules(MatchCategory::domain, judge_domain(pairing));
  if (result.score) return result;
  result.score = kUnknown;
  result.basis = MatchBasis::not_judged;
  result.reasons.emplace_back("Title and texts give nothing to compare by; counted as 50.");
  return result;
}

CategoryScore by_model(MatchCategory category, const Judgement& judgement) {
  CategoryScore result;
  result.category = category;
  result.weight = weight_of(category);
  result.basis = judgement.score ? MatchBasis::model : MatchBasis::not_judged;
  result.score = std::clamp(judgement.score.value_or(kUnknown), 0, 100);
  std::string reason = shorten(judgement.reason, kReasonBytes);
  if (!judgement.score) reason = "Not to be judged from the CV; counted as 50.";
  if (!reason.empty()) result.reasons.push_back(std::move(reason));
  return result;
}

CategoryScore judge_communication(const Pairing& pairing, const Judgement& judgement) {
  auto result = by_model(MatchCategory::communication, judgement);
  auto languages = judge_languages(pairing);
  if (!languages.score) return result;
  // Judged or not, the languages are facts.
  result.score =
      judgement.score ? whole((*languages.score + *result.score) / 2.0) : whole(*languages.score);
  if (!judgement.score) {
    result.basis = MatchBasis::rules;
    result.reasons.clear();
  }
  result.reasons.insert(result.reasons.begin(), languages.reasons.begin(), languages.reasons.end());
  return result;
}

/// What the advert does not ask for weighs nothing; its weight goes to the domain, of which every
/// advert tells. So all candidates of an advert are weighed alike.
void lend_weights(std::vector<CategoryScore>& categories) {
  double lent = 0.0;
  for (auto& category : categories) {
    if (!category.score) lent += std::exchange(category.weight, 0.0);
  }
  for (auto& category : categories) {
    if (category.category == MatchCategory::domain) category.weight += lent;
  }
}

MatchTier tier_of(int score) {
  constexpr int kFirst = 75;
  constexpr int kSecond = 50;
  if (score >= kFirst) return MatchTier::a;
  return score >= kSecond ? MatchTier::b : MatchTier::c;
}

/// Of the category that moves the score most away from the middle first.
std::vector<std::string> ordered_reasons(std::vector<CategoryScore> categories) {
  std::stable_sort(categories.begin(), categories.end(), [](const auto& left, const auto& right) {
    const auto pull = [](const CategoryScore& category) {
      return category.weight * std::abs(category.score.value_or(kUnknown) - kUnknown);
    };
    return pull(left) > pull(right);
  });
  std::vector<std::string> reasons;
  for (const auto& category : categories) {
    reasons.insert(reasons.end(), category.reasons.begin(), category.reasons.end());
  }
  return settle_texts(reasons, kMaxReasons, kReasonBytes);
}

}  // namespace

Match settle_match(const Pairing& pairing, MatchAnswer answer, Provenance provenance) {
  Match match;
  match.candidate_id = pairing.candidate.candidate_id;
  match.ad_id = pairing.ad.ad.id;
  match.categories.push_back(by_rules(MatchCategory::technical, judge_technical(pairing)));
  match.categories.push_back(of_domain(pairing));
  match.categories.push_back(by_rules(MatchCategory::leadership, judge_leadership(pairing)));
  match.categories.push_back(judge_communication(pairing, answer.communication));
  match.categories.push_back(by_model(MatchCategory::team_fit, answer.team_fit));
  match.categories.push_back(by_model(MatchCategory::adaptability, answer.adaptability));

  lend_weights(match.categories);
  double sum = 0.0;
  for (const auto& category : match.categories) {
    sum += category.weight * category.score.value_or(0);
  }
  match.score = whole(sum);
  match.tier = tier_of(match.score);
  match.summary = shorten(answer.summary, 4 * kReasonBytes);
  match.reasons = ordered_reasons(match.categories);
  auto cover = cover_skills(pairing, {});
  match.matched_skills = settle_texts(cover.matched, kMaxNames, kReasonBytes);
  match.missing_skills = settle_texts(cover.missing, kMaxNames, kReasonBytes);
  match.similarity = pairing.similarity;
  match.provenance = std::move(provenance);
  return match;
}

}  // namespace rwp::recruitment
