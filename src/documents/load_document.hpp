#pragma once

#include <rwp/core/error.hpp>
#include <rwp/documents/read_document.hpp>

#include <string>

namespace rwp::documents {

/// The request's bytes, within its limit: `Trouble::too_large`, before anything is read of a larger
/// file. `Errc::not_found`, `Errc::permission_denied`, `Errc::invalid_argument` (no regular file).
Result<std::string> load_document(DocumentRequest& request);

/// The reader program that the options name, or the first that is there of those beside this
/// process's own and the installed one. `Trouble::reader_missing` names all.
Result<std::string> find_reader(const ReaderOptions& options);

}  // namespace rwp::documents
