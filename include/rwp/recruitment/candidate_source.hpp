#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace rwp::recruitment {

/// A CV in a file; its bytes, or where they lie.
struct CandidateDocument {
  /// The file in base64 (RFC 4648); line breaks may be in it.
  std::string content_base64{};
  /// Key in the object store: below "uploads/", and below "uploads/<tenant>/" for a job with a
  /// tenant.
  std::string object{};
  /// What the sender calls it; both may be empty. A document is read as what it is: PDF, DOCX, HTML
  /// or plain text.
  std::string media_type{};
  std::string file_name{};

  static constexpr auto describe() {
    constexpr FieldRules optional{.may_be_absent = true};
    return std::tuple{field("content_base64", &CandidateDocument::content_base64, optional),
                      field("object", &CandidateDocument::object, optional),
                      field("media_type", &CandidateDocument::media_type, optional),
                      field("file_name", &CandidateDocument::file_name, optional)};
  }
};

/// The payload of the job "candidate.parse": a CV as text or as a document.
struct CandidateSource {
  /// Names the candidate where the CV comes from; 1 to 256 bytes.
  std::string id{};
  /// Plain text; empty: there is a document.
  std::string text{};
  std::optional<CandidateDocument> document{};
  /// As CandidateText::as_of.
  std::string as_of{};

  static constexpr std::string_view job_kind = "candidate.parse";
  static constexpr int job_version = 1;
  static constexpr auto describe() {
    constexpr FieldRules optional{.may_be_absent = true};
    return std::tuple{field("id", &CandidateSource::id),
                      field("text", &CandidateSource::text, optional),
                      field("document", &CandidateSource::document),
                      field("as_of", &CandidateSource::as_of, optional)};
  }
};

/// Success when a source is one that a job of `tenant` may have parsed. `Errc::invalid_argument`
/// names the field and the rule; `Errc::permission_denied`: the object is not the tenant's.
Result<void> check_source(const CandidateSource& source, std::string_view tenant);

}  // namespace rwp::recruitment
