#include "recruitment/plain_text.hpp"
#include "recruitment/salary_rules.hpp"
#include "recruitment/settle_lists.hpp"
#include <rwp/recruitment/enrich.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <set>
#include <utility>

namespace rwp::recruitment {
namespace {

// What a reader takes in; a model that writes more is cut.
constexpr std::size_t kSummaryBytes = 1'200;
constexpr std::size_t kPhraseBytes = 160;
constexpr std::size_t kSentenceBytes = 300;
constexpr std::size_t kMaxKeyPhrases = 20;
constexpr std::size_t kMaxSkills = 60;
constexpr std::size_t kMaxReasons = 12;
constexpr std::size_t kMaxWordings = 20;
constexpr double kMaxYears = 50;

std::vector<Skill> settle_skills(const std::vector<Skill>& skills) {
  std::vector<Skill> kept;
  std::set<std::string> seen;
  for (const auto& skill : skills) {
    if (kept.size() == kMaxSkills) break;
    Skill settled;
    settled.name = shorten(skill.name, kPhraseBytes);
    if (settled.name.empty() || !seen.insert(comparable(settled.name)).second) continue;
    settled.category = settle_category(skill.category);
    kept.push_back(std::move(settled));
  }
  return kept;
}

/// Only what the advert says: a model that invents a quotation would accuse the advertiser.
std::vector<OffPuttingWording> settle_wording(const JobAd& ad,
                                              const std::vector<OffPuttingWording>& wordings) {
  std::vector<OffPuttingWording> kept;
  if (wordings.empty()) return kept;
  const std::string text =
      comparable(ad.title) + "\n" + comparable(ad.description) + "\n" + comparable(ad.salary_text);
  std::set<std::string> seen;
  for (const auto& wording : wordings) {
    if (kept.size() == kMaxWordings) break;
    const std::string phrase = comparable(wording.phrase);
    if (phrase.empty() || phrase.size() > kPhraseBytes) continue;
    if (text.find(phrase) == std::string::npos || !seen.insert(phrase).second) continue;
    OffPuttingWording settled;
    settled.phrase = one_line(wording.phrase);
    settled.reason = shorten(wording.reason, kSentenceBytes);
    kept.push_back(std::move(settled));
  }
  return kept;
}

/// The advert's own word in schema.org's or our terms; none: not stated, or OTHER.
std::optional<EmploymentType> stated_employment(std::string_view word) {
  std::string name = comparable(word);
  std::replace(name.begin(), name.end(), ' ', '_');
  std::replace(name.begin(), name.end(), '-', '_');
  constexpr std::array<std::pair<std::string_view, EmploymentType>, 7> kNames{{
      {"contractor", EmploymentType::contract},
      {"intern", EmploymentType::internship},
      {"per_diem", EmploymentType::temporary},
      {"temp", EmploymentType::temporary},
      {"fulltime", EmploymentType::full_time},
      {"parttime", EmploymentType::part_time},
      {"apprentice", EmploymentType::apprenticeship},
  }};
  for (const auto& [known, type] : kNames) {
    if (known == name) return type;
  }
  return enum_value<EmploymentType>(name);
}

}  // namespace

EnrichedAd settle_answer(const JobAd& ad, AdAnswer answer, Provenance provenance) {
  EnrichedAd enriched;
  enriched.ad_id = ad.id;
  enriched.summary = shorten(answer.summary, kSummaryBytes);
  enriched.key_phrases = settle_texts(answer.key_phrases, kMaxKeyPhrases, kPhraseBytes);
  enriched.skills = settle_skills(answer.skills);
  enriched.seniority = answer.seniority;
  enriched.employment_type = stated_employment(ad.employment_type);
  if (!enriched.employment_type) enriched.employment_type = answer.employment_type;
  enriched.salary = settle_salary(ad, std::move(answer.salary));
  enriched.location = one_line(ad.location);
  if (enriched.location.empty() && answer.location) {
    enriched.location = shorten(*answer.location, kPhraseBytes);
  }
  enriched.remote = answer.remote;
  if (answer.years_experience && std::isfinite(*answer.years_experience) &&
      *answer.years_experience >= 0 && *answer.years_experience <= kMaxYears) {
    enriched.years_experience = answer.years_experience;
  }
  enriched.quality_score = std::clamp(answer.quality_score, 0, 100);
  enriched.quality_reasons = settle_texts(answer.quality_reasons, kMaxReasons, kSentenceBytes);
  enriched.off_putting_wording = settle_wording(ad, answer.off_putting_wording);
  enriched.provenance = std::move(provenance);
  return enriched;
}

}  // namespace rwp::recruitment
