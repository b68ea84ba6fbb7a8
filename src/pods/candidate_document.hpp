#pragma once

#include "pods/enrich_handler.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/recruitment/candidate_source.hpp>

#include <string>
#include <tuple>
#include <vector>

namespace rwp::pods {

/// What the file of a CV was found to be.
struct DocumentFacts {
  /// Such as "application/pdf"; "text/plain" for a CV that came as text.
  std::string media_type{};
  int pages = 1;
  std::vector<std::string> warnings{};

  static constexpr auto describe() {
    return std::tuple{field("media_type", &DocumentFacts::media_type),
                      field("pages", &DocumentFacts::pages),
                      field("warnings", &DocumentFacts::warnings)};
  }
};

struct CvText {
  std::string text{};
  DocumentFacts document{};
};

/// The text of a source that check_source() takes: its own, or what a reader in a child process
/// finds in its document. Errors: as documents::read_document() and ObjectStore::get();
/// `Errc::invalid_argument`: content_base64 is none.
jobs::Awaitable<Result<CvText>> read_cv_text(HandlerParts parts,
                                             recruitment::CandidateSource source);

}  // namespace rwp::pods
