#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/recruitment/ad_terms.hpp>
#include <rwp/recruitment/job_ad.hpp>
#include <rwp/recruitment/task.hpp>

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace rwp::recruitment {

struct Skill {
  std::string name{};
  /// technical, tools, methods, soft, domain or languages; "other" for what is none of them.
  std::string category{};

  static constexpr auto describe() {
    return std::tuple{
        field("name", &Skill::name, {.description = "Name of the skill, as the trade writes it."}),
        field("category", &Skill::category,
              {.description = "One of: technical, tools, methods, soft, domain, languages."})};
  }
  friend bool operator==(const Skill&, const Skill&) = default;
};

/// What a post pays; at least one bound is there.
struct Salary {
  std::optional<double> min{};
  std::optional<double> max{};
  /// ISO 4217; empty: not known.
  std::string currency{};
  std::optional<PayPeriod> period{};

  static constexpr auto describe() {
    return std::tuple{
        field("min", &Salary::min, {.description = "Lower bound of the pay, as a number."}),
        field("max", &Salary::max, {.description = "Upper bound; the same when one sum is named."}),
        field("currency", &Salary::currency, {.description = "ISO 4217 code such as GBP."}),
        field("period", &Salary::period, {.description = "What the sums are paid for."})};
  }
  friend bool operator==(const Salary&, const Salary&) = default;
};

/// Words of an advert that may keep good candidates from applying.
struct OffPuttingWording {
  std::string phrase{};
  std::string reason{};

  static constexpr auto describe() {
    return std::tuple{
        field("phrase", &OffPuttingWording::phrase,
              {.description = "The words, exactly as they stand in the advert."}),
        field("reason", &OffPuttingWording::reason,
              {.description = "Whom they may put off and why, in one short sentence."})};
  }
  friend bool operator==(const OffPuttingWording&, const OffPuttingWording&) = default;
};

/// What a model is asked about an advert.
struct AdAnswer {
  std::string summary{};
  std::vector<std::string> key_phrases{};
  std::vector<Skill> skills{};
  std::optional<Seniority> seniority{};
  std::optional<EmploymentType> employment_type{};
  std::optional<Salary> salary{};
  std::optional<std::string> location{};
  std::optional<WorkPlace> remote{};
  std::optional<double> years_experience{};
  int quality_score = 0;
  std::vector<std::string> quality_reasons{};
  std::vector<OffPuttingWording> off_putting_wording{};

  static constexpr auto describe() {
    return std::tuple{
        field("summary", &AdAnswer::summary,
              {.description = "What the post is about, in two or three plain sentences."}),
        field("key_phrases", &AdAnswer::key_phrases,
              {.description = "Up to 12 phrases that tell this advert from others."}),
        field("skills", &AdAnswer::skills,
              {.description = "Skills that the advert asks for, the most important first."}),
        field("seniority", &AdAnswer::seniority,
              {.description = "Level of the post; null when the advert does not tell."}),
        field("employment_type", &AdAnswer::employment_type,
              {.description = "Kind of employment; null when the advert does not tell."}),
        field("salary", &AdAnswer::salary,
              {.description = "Pay as the advert states it; null when it states none."}),
        field("location", &AdAnswer::location,
              {.description = "Place of work; null when the advert names none."}),
        field("remote", &AdAnswer::remote,
              {.description = "Where the work is done; null when the advert does not tell."}),
        field("years_experience", &AdAnswer::years_experience,
              {.description = "Least years of experience asked for; null when none are."}),
        field("quality_score", &AdAnswer::quality_score,
              {.description = "How well the advert serves a candidate: 0 (useless) to 100.",
               .minimum = 0,
               .maximum = 100}),
        field(
            "quality_reasons", &AdAnswer::quality_reasons,
            {.description = "What makes the score, most important first, a short sentence each."}),
        field("off_putting_wording", &AdAnswer::off_putting_wording,
              {.description = "Wording that may put good candidates off; empty when there is "
                              "none."})};
  }
};

/// What is known of an advert after enrichment. What the advert states in its own fields stands
/// above what the model made of the text; the model's answer has been put in order (see
/// enrich()).
struct EnrichedAd {
  using Answer = AdAnswer;

  std::string ad_id{};
  std::string summary{};
  std::vector<std::string> key_phrases{};
  std::vector<Skill> skills{};
  std::optional<Seniority> seniority{};
  std::optional<EmploymentType> employment_type{};
  std::optional<Salary> salary{};
  std::string location{};
  std::optional<WorkPlace> remote{};
  std::optional<double> years_experience{};
  /// 0 to 100.
  int quality_score = 0;
  std::vector<std::string> quality_reasons{};
  std::vector<OffPuttingWording> off_putting_wording{};
  Provenance provenance{};

  static constexpr auto describe() {
    return std::tuple{
        field("ad_id", &EnrichedAd::ad_id),
        field("summary", &EnrichedAd::summary),
        field("key_phrases", &EnrichedAd::key_phrases),
        field("skills", &EnrichedAd::skills),
        field("seniority", &EnrichedAd::seniority),
        field("employment_type", &EnrichedAd::employment_type),
        field("salary", &EnrichedAd::salary),
        field("location", &EnrichedAd::location),
        field("remote", &EnrichedAd::remote),
        field("years_experience", &EnrichedAd::years_experience),
        field("quality_score", &EnrichedAd::quality_score, {.minimum = 0, .maximum = 100}),
        field("quality_reasons", &EnrichedAd::quality_reasons),
        field("off_putting_wording", &EnrichedAd::off_putting_wording),
        field("provenance", &EnrichedAd::provenance)};
  }
};

/// An advert and what was found out about it: the document that is kept for each.
struct AdRecord {
  JobAd ad{};
  EnrichedAd enriched{};

  static constexpr auto describe() {
    return std::tuple{field("ad", &AdRecord::ad), field("enriched", &AdRecord::enriched)};
  }
};

}  // namespace rwp::recruitment
