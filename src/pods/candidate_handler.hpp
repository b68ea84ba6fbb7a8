#pragma once

#include "pods/candidate_document.hpp"
#include "pods/enrich_handler.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/recruitment/candidate.hpp>
#include <rwp/recruitment/match_result.hpp>

#include <string>
#include <tuple>

namespace rwp::pods {

/// The result of a job "candidate.parse".
struct ParseResult {
  /// Key of the candidate in the object store.
  std::string object{};
  DocumentFacts document{};
  recruitment::Candidate candidate{};

  static constexpr auto describe() {
    return std::tuple{field("object", &ParseResult::object),
                      field("document", &ParseResult::document),
                      field("candidate", &ParseResult::candidate)};
  }
};

/// "candidate.parse": read the document, parse the CV, store the candidate under the tenant's and
/// its own id, emit the event `candidate_parsed` with the completion. Repeated after a crash, it
/// writes the same object again; event and result take effect once. Events carry no personal data.
void handle_candidates(jobs::Worker& worker, HandlerParts parts);

/// "match.score": find the two sides where they are named by id, score them, emit the event
/// `match_scored`. The result is a recruitment::Match.
void handle_matches(jobs::Worker& worker, HandlerParts parts);

}  // namespace rwp::pods
