#pragma once

#include <rwp/core/error.hpp>
#include <rwp/documents/read_document.hpp>

namespace rwp::documents {

/// `Errc::invalid_argument` names the limit that is out of its range.
Result<void> check_request(const DocumentRequest& request);

}  // namespace rwp::documents
