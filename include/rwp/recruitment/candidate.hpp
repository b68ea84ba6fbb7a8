#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/recruitment/ad_terms.hpp>
#include <rwp/recruitment/candidate_terms.hpp>
#include <rwp/recruitment/task.hpp>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace rwp::recruitment {

/// What somebody can do.
struct CandidateSkill {
  std::string name{};
  /// As Skill::category.
  std::string category{};
  std::optional<SkillLevel> level{};

  static constexpr auto describe() {
    return std::tuple{
        field("name", &CandidateSkill::name,
              {.description = "Name of the skill, as the trade writes it."}),
        field("category", &CandidateSkill::category,
              {.description = "One of: technical, tools, methods, soft, domain, languages."}),
        field("level", &CandidateSkill::level,
              {.description = "As far as the CV tells it, also by years, stars or A1 to C2; null "
                              "when it does not."})};
  }
  friend bool operator==(const CandidateSkill&, const CandidateSkill&) = default;
};

/// One post that somebody held.
struct Position {
  std::string title{};
  std::string company{};
  std::string location{};
  /// "YYYY-MM", or "YYYY" where no month is told; empty: not told.
  std::string start{};
  /// As `start`; empty as well while `current`.
  std::string end{};
  bool current = false;
  std::string summary{};

  static constexpr auto describe() {
    constexpr FieldRules optional{.may_be_absent = true};
    return std::tuple{
        field("title", &Position::title,
              {.description = "Title of the post.", .may_be_absent = true}),
        field("company", &Position::company,
              {.description = "Employer; empty when none is named.", .may_be_absent = true}),
        field("location", &Position::location, optional),
        field("start", &Position::start,
              {.description = "YYYY-MM, or YYYY when no month is told; empty when not told.",
               .may_be_absent = true}),
        field("end", &Position::end,
              {.description = "As start; empty for a post that is still held.",
               .may_be_absent = true}),
        field("current", &Position::current,
              {.description = "Whether the post is still held.", .may_be_absent = true}),
        field("summary", &Position::summary,
              {.description = "What was done there, in one or two sentences.",
               .may_be_absent = true})};
  }
  friend bool operator==(const Position&, const Position&) = default;
};

struct Education {
  std::string qualification{};
  std::optional<EducationLevel> level{};
  std::string institution{};
  /// "YYYY-MM" or "YYYY"; empty: not told. For one that goes on, the end that is expected.
  std::string start{};
  std::string end{};

  static constexpr auto describe() {
    constexpr FieldRules optional{.may_be_absent = true};
    return std::tuple{
        field("qualification", &Education::qualification,
              {.description = "As the CV calls it, with its subject.", .may_be_absent = true}),
        field("level", &Education::level,
              {.description = "Level of the qualification; null when it is not clear."}),
        field("institution", &Education::institution, optional),
        field("start", &Education::start,
              {.description = "YYYY-MM or YYYY.", .may_be_absent = true}),
        field("end", &Education::end, {.description = "YYYY-MM or YYYY.", .may_be_absent = true})};
  }
  friend bool operator==(const Education&, const Education&) = default;
};

/// Months between two posts in which the CV tells of no other.
struct Gap {
  /// First and last month, "YYYY-MM".
  std::string from{};
  std::string to{};
  int months = 0;

  static constexpr auto describe() {
    return std::tuple{field("from", &Gap::from), field("to", &Gap::to),
                      field("months", &Gap::months)};
  }
  friend bool operator==(const Gap&, const Gap&) = default;
};

/// What a model is asked about a CV.
struct CandidateAnswer {
  std::optional<std::string> name{};
  std::vector<std::string> emails{};
  std::vector<std::string> phones{};
  std::vector<std::string> links{};
  std::optional<std::string> location{};
  std::optional<std::string> headline{};
  std::string summary{};
  std::optional<Seniority> seniority{};
  std::optional<double> stated_years{};
  std::vector<CandidateSkill> skills{};
  std::vector<Position> experience{};
  std::vector<Education> education{};
  std::vector<std::string> certificates{};

  static constexpr auto describe() {
    return std::tuple{
        field("name", &CandidateAnswer::name,
              {.description = "The person's name as written; null when the CV has none."}),
        field("emails", &CandidateAnswer::emails, {.description = "The person's own."}),
        field("phones", &CandidateAnswer::phones, {.description = "The person's own, as written."}),
        field("links", &CandidateAnswer::links,
              {.description = "The person's own pages: profiles, portfolio, code."}),
        field("location", &CandidateAnswer::location,
              {.description = "Where the person lives: town and what else is told; null when "
                              "nothing is."}),
        field("headline", &CandidateAnswer::headline,
              {.description = "Profession or present title, in a few words."}),
        field("summary", &CandidateAnswer::summary,
              {.description = "Who this is professionally, in two or three plain sentences without "
                              "name or contact."}),
        field("seniority", &CandidateAnswer::seniority,
              {.description = "Level of the person now; null when it is not clear."}),
        field("stated_years", &CandidateAnswer::stated_years,
              {.description = "Years of experience that the CV claims in words; null when it "
                              "claims none. Do not add up dates."}),
        field("skills", &CandidateAnswer::skills, {.description = "The most important first."}),
        field("experience", &CandidateAnswer::experience,
              {.description = "All posts, as ordered in the CV; no education."}),
        field("education", &CandidateAnswer::education,
              {.description = "Schools, degrees and apprenticeships."}),
        field("certificates", &CandidateAnswer::certificates,
              {.description = "Certificates, licences and registrations."})};
  }
};

/// What is known of somebody after the CV was read; the model's answer has been put in order (see
/// parse_candidate()).
struct Candidate {
  using Answer = CandidateAnswer;

  std::string candidate_id{};
  /// Empty: the CV has none.
  std::string name{};
  std::vector<std::string> emails{};
  std::vector<std::string> phones{};
  std::vector<std::string> links{};
  std::string location{};
  std::string headline{};
  std::string summary{};
  std::optional<Seniority> seniority{};
  /// From the dates of the posts, months that overlap counted once; without dates what the CV
  /// claims. None: neither is there.
  std::optional<double> years_experience{};
  std::vector<CandidateSkill> skills{};
  std::vector<Position> experience{};
  std::vector<Gap> gaps{};
  std::vector<Education> education{};
  std::vector<std::string> certificates{};
  /// The day that posts still held were counted to, "YYYY-MM-DD".
  std::string as_of{};
  Provenance provenance{};

  static constexpr auto describe() {
    constexpr FieldRules optional{.may_be_absent = true};
    return std::tuple{
        field("candidate_id", &Candidate::candidate_id, optional),
        field("name", &Candidate::name, optional),
        field("emails", &Candidate::emails, {.max_items = 50, .may_be_absent = true}),
        field("phones", &Candidate::phones, {.max_items = 50, .may_be_absent = true}),
        field("links", &Candidate::links, {.max_items = 50, .may_be_absent = true}),
        field("location", &Candidate::location, optional),
        field("headline", &Candidate::headline, optional),
        field("summary", &Candidate::summary, optional),
        field("seniority", &Candidate::seniority),
        field("years_experience", &Candidate::years_experience, {.minimum = 0, .maximum = 80}),
        field("skills", &Candidate::skills, {.max_items = 200, .may_be_absent = true}),
        field("experience", &Candidate::experience, {.max_items = 200, .may_be_absent = true}),
        field("gaps", &Candidate::gaps, optional),
        field("education", &Candidate::education, optional),
        field("certificates", &Candidate::certificates, optional),
        field("as_of", &Candidate::as_of, optional),
        field("provenance", &Candidate::provenance, optional)};
  }
};

}  // namespace rwp::recruitment
