#pragma once

#include <rwp/core/error.hpp>
#include <rwp/documents/read_document.hpp>

#include <string_view>

namespace rwp::documents {

/// The bytes of a plain text; the errors of `Trouble`.
Result<DocumentText> read_plain_text(std::string_view content, const Limits& limits);

}  // namespace rwp::documents
