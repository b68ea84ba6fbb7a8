#include "recruitment/cv_evidence.hpp"
#include "recruitment/plain_text.hpp"
#include "recruitment/settle_lists.hpp"
#include "recruitment/work_time.hpp"
#include <rwp/recruitment/parse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <utility>

namespace rwp::recruitment {
namespace {

constexpr std::size_t kContactBytes = 200;
constexpr std::size_t kPhraseBytes = 200;
constexpr std::size_t kSummaryBytes = 1'200;
constexpr std::size_t kMaxContacts = 10;
constexpr std::size_t kMaxSkills = 100;
constexpr std::size_t kMaxPositions = 60;
constexpr std::size_t kMaxEducation = 30;
constexpr std::size_t kMaxCertificates = 40;
constexpr double kMaxYears = 60;

/// The texts of a list for which `is_there` holds.
template <class Check>
std::vector<std::string> settle_contacts(const std::vector<std::string>& texts, Check is_there) {
  std::vector<std::string> there;
  for (const auto& text : texts) {
    if (there.size() == 2 * kMaxContacts) break;
    if (text.size() <= kContactBytes && is_there(text)) there.push_back(text);
  }
  return settle_texts(there, kMaxContacts, kContactBytes);
}

bool is_email(std::string_view text) {
  const auto at = text.find('@');
  return at != std::string_view::npos && at > 0 && text.find('.', at) != std::string_view::npos &&
         text.find_first_of(" \t\r\n") == std::string_view::npos;
}

bool is_phone(std::string_view text) {
  constexpr std::ptrdiff_t kFewest = 6;
  constexpr std::ptrdiff_t kMost = 18;
  const auto digits =
      std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits >= kFewest && digits <= kMost;
}

std::vector<CandidateSkill> settle_skills(const std::vector<CandidateSkill>& skills) {
  std::vector<CandidateSkill> kept;
  std::set<std::string> seen;
  for (const auto& skill : skills) {
    if (kept.size() == kMaxSkills) break;
    CandidateSkill settled;
    settled.name = shorten(skill.name, kPhraseBytes);
    if (settled.name.empty() || !seen.insert(comparable(settled.name)).second) continue;
    settled.category = settle_category(skill.category);
    settled.level = skill.level;
    kept.push_back(std::move(settled));
  }
  return kept;
}

std::string settle_date(const CvEvidence& cv, std::string_view date) {
  std::string settled = settle_month(date);
  return cv.has_year(settled) ? settled : std::string();
}

/// Only posts that the CV speaks of: an invented one would be a lie about somebody.
std::vector<Position> settle_positions(const CvEvidence& cv, const std::vector<Position>& posts) {
  std::vector<Position> kept;
  for (const auto& post : posts) {
    if (kept.size() == kMaxPositions) break;
    if (!cv.has_unspaced(post.title) && !cv.has_unspaced(post.company)) continue;
    Position settled;
    settled.title = shorten(post.title, kPhraseBytes);
    settled.company = shorten(post.company, kPhraseBytes);
    settled.location = shorten(post.location, kPhraseBytes);
    settled.start = settle_date(cv, post.start);
    settled.end = settle_date(cv, post.end);
    settled.current = post.current && settled.end.empty();
    settled.summary = shorten(post.summary, kSummaryBytes);
    // Dates the wrong way round are a slip of either writer or reader.
    if (!settled.start.empty() && !settled.end.empty() &&
        settled.end.substr(0, settled.start.size()) < settled.start.substr(0, settled.end.size())) {
      std::swap(settled.start, settled.end);
    }
    if (std::find(kept.begin(), kept.end(), settled) == kept.end()) {
      kept.push_back(std::move(settled));
    }
  }
  return kept;
}

std::vector<Education> settle_education(const CvEvidence& cv,
                                        const std::vector<Education>& education) {
  std::vector<Education> kept;
  for (const auto& entry : education) {
    if (kept.size() == kMaxEducation) break;
    if (!cv.has_unspaced(entry.qualification) && !cv.has_unspaced(entry.institution)) continue;
    Education settled;
    settled.qualification = shorten(entry.qualification, kPhraseBytes);
    settled.level = entry.level;
    settled.institution = shorten(entry.institution, kPhraseBytes);
    settled.start = settle_date(cv, entry.start);
    settled.end = settle_date(cv, entry.end);
    if (std::find(kept.begin(), kept.end(), settled) == kept.end()) {
      kept.push_back(std::move(settled));
    }
  }
  return kept;
}

std::optional<double> settle_years(std::optional<double> years) {
  if (!years || !std::isfinite(*years) || *years < 0 || *years > kMaxYears) return std::nullopt;
  return years;
}

}  // namespace

Candidate settle_candidate(const CandidateText& source, CandidateAnswer answer,
                           Provenance provenance) {
  const CvEvidence cv(source.text);
  Candidate candidate;
  candidate.candidate_id = source.id;
  if (answer.name && cv.has_each_word(*answer.name)) {
    candidate.name = shorten(*answer.name, kPhraseBytes);
  }
  candidate.emails = settle_contacts(answer.emails, [&](const std::string& email) {
    return is_email(email) && cv.has_unspaced(email);
  });
  candidate.phones = settle_contacts(answer.phones, [&](const std::string& phone) {
    return is_phone(phone) && cv.has_digits(phone);
  });
  candidate.links =
      settle_contacts(answer.links, [&](const std::string& link) { return cv.has_unspaced(link); });
  if (answer.location) candidate.location = shorten(*answer.location, kPhraseBytes);
  if (answer.headline) candidate.headline = shorten(*answer.headline, kPhraseBytes);
  candidate.summary = shorten(answer.summary, kSummaryBytes);
  candidate.seniority = answer.seniority;
  candidate.skills = settle_skills(answer.skills);
  candidate.experience = settle_positions(cv, answer.experience);
  candidate.education = settle_education(cv, answer.education);
  candidate.certificates = settle_texts(answer.certificates, kMaxCertificates, kPhraseBytes);
  candidate.as_of = source.as_of;
  auto time = work_time(candidate.experience, month_of_day(source.as_of).value_or(0));
  candidate.years_experience = time.years ? time.years : settle_years(answer.stated_years);
  candidate.gaps = std::move(time.gaps);
  candidate.provenance = std::move(provenance);
  return candidate;
}

}  // namespace rwp::recruitment
