#pragma once

#include "pods/jobadder/handlers.hpp"

#include <cstdint>
#include <string>

namespace rwp::pods {

/// Where the documents of a candidate are kept for "candidate.parse".
std::string jobadder_upload_folder(const std::string& tenant, std::int64_t candidate_id);

/// What was mirrored of a candidate whom JobAdder has deleted: documents and the parsed candidate;
/// and he is on the list of the forgotten, so that no job that waits brings him back. Safe to
/// repeat.
jobs::Awaitable<Result<void>> remove_candidate(SharedJobAdderParts parts, std::string tenant,
                                               std::int64_t candidate_id);

}  // namespace rwp::pods
