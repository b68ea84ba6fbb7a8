#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>
#include <rwp/recruitment/candidate.hpp>
#include <rwp/recruitment/enriched_ad.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace rwp::recruitment {

/// The payload of the job "match.score": a candidate and an advert, each whole or by the id under
/// which an earlier job has stored it.
struct MatchRequest {
  /// As the result of "candidate.parse" has it.
  std::optional<Candidate> candidate{};
  /// Of a "candidate.parse" that has succeeded, of the same tenant.
  std::string candidate_id{};
  /// As "job_ad.enrich" stores it.
  std::optional<AdRecord> ad{};
  /// Of a "job_ad.enrich" that has succeeded.
  std::string ad_id{};

  static constexpr std::string_view job_kind = "match.score";
  static constexpr int job_version = 1;
  static constexpr auto describe() {
    constexpr FieldRules optional{.may_be_absent = true};
    return std::tuple{field("candidate", &MatchRequest::candidate),
                      field("candidate_id", &MatchRequest::candidate_id, optional),
                      field("ad", &MatchRequest::ad),
                      field("ad_id", &MatchRequest::ad_id, optional)};
  }
};

/// Success when each side is there once. `Errc::invalid_argument` names the field and the rule.
Result<void> check_request(const MatchRequest& request);

}  // namespace rwp::recruitment
