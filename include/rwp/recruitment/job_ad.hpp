#pragma once

#include <rwp/core/describe.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace rwp::recruitment {

/// A job advert as it comes in, and the payload of the job "job_ad.enrich".
///
/// Only `title` and `description` are needed; an empty text means "not stated".
struct JobAd {
  /// Names the advert where it comes from.
  std::string id{};
  std::string title{};
  std::string company{};
  std::string location{};
  std::string postcode{};
  /// ISO 3166 alpha-2.
  std::string country{};
  /// Degrees.
  std::optional<double> lat{};
  std::optional<double> lon{};
  /// In schema.org's words: FULL_TIME, PART_TIME, CONTRACTOR, TEMPORARY, INTERN, VOLUNTEER,
  /// PER_DIEM, OTHER; also APPRENTICESHIP.
  std::string employment_type{};
  /// As the advertiser wrote it.
  std::string salary_text{};
  std::optional<double> salary_min{};
  std::optional<double> salary_max{};
  /// ISO 4217.
  std::string salary_currency{};
  /// HOUR, DAY, WEEK, MONTH or YEAR.
  std::string salary_unit{};
  std::string posted_at{};
  std::string valid_through{};
  /// Plain text with line breaks.
  std::string description{};

  static constexpr std::string_view job_kind = "job_ad.enrich";
  static constexpr int job_version = 1;
  static constexpr auto describe() {
    constexpr FieldRules optional{.may_be_absent = true};
    return std::tuple{field("id", &JobAd::id),
                      field("title", &JobAd::title),
                      field("company", &JobAd::company, optional),
                      field("location", &JobAd::location, optional),
                      field("postcode", &JobAd::postcode, optional),
                      field("country", &JobAd::country, optional),
                      field("lat", &JobAd::lat),
                      field("lon", &JobAd::lon),
                      field("employment_type", &JobAd::employment_type, optional),
                      field("salary_text", &JobAd::salary_text, optional),
                      field("salary_min", &JobAd::salary_min),
                      field("salary_max", &JobAd::salary_max),
                      field("salary_currency", &JobAd::salary_currency, optional),
                      field("salary_unit", &JobAd::salary_unit, optional),
                      field("posted_at", &JobAd::posted_at, optional),
                      field("valid_through", &JobAd::valid_through, optional),
                      field("description", &JobAd::description)};
  }

  friend bool operator==(const JobAd&, const JobAd&) = default;
};

}  // namespace rwp::recruitment
