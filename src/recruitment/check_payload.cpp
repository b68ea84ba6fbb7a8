#include "recruitment/plain_text.hpp"
#include <rwp/recruitment/candidate_source.hpp>
#include <rwp/recruitment/match_request.hpp>

#include <cstddef>
#include <string_view>

namespace rwp::recruitment {
namespace {

constexpr std::size_t kLongestId = 256;

Error broken(std::string_view field, std::string_view rule) {
  return {Errc::invalid_argument, std::string(field) + ": " + std::string(rule)};
}

Result<void> check_document(const CandidateDocument& document, std::string_view tenant) {
  if (document.content_base64.empty() == document.object.empty()) {
    return broken("document", "takes either content_base64 or object");
  }
  if (document.object.empty()) return {};
  // Its folder would lie within another tenant's, or above all.
  if (tenant.find('/') != std::string_view::npos || tenant.starts_with('.')) {
    return Error(Errc::permission_denied,
                 "document.object: a tenant whose name begins with a dot or holds a slash has no "
                 "uploads; send content_base64");
  }
  std::string folder = "uploads/";
  if (!tenant.empty()) folder.append(tenant).append("/");
  if (document.object.compare(0, folder.size(), folder) != 0 ||
      document.object.find("/../") != std::string::npos) {
    return Error(Errc::permission_denied,
                 "document.object: only objects below \"" + folder + "\" may be read");
  }
  return {};
}

}  // namespace

Result<void> check_source(const CandidateSource& source, std::string_view tenant) {
  if (trim(source.id).empty()) return broken("id", "a candidate needs one");
  if (source.id.size() > kLongestId) return broken("id", "is longer than 256 bytes");
  if (source.text.empty() == !source.document) {
    return broken("text", "a candidate has either text or document");
  }
  if (source.document) return check_document(*source.document, tenant);
  return {};
}

Result<void> check_request(const MatchRequest& request) {
  if (request.candidate.has_value() != request.candidate_id.empty()) {
    return broken("candidate_id", "a match takes either candidate or candidate_id");
  }
  if (request.ad.has_value() != request.ad_id.empty()) {
    return broken("ad_id", "a match takes either ad or ad_id");
  }
  return {};
}

}  // namespace rwp::recruitment
