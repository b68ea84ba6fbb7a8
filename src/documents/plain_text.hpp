#pragma once

#include <rwp/core/error.hpp>
#include <rwp/documents/read_document.hpp>

#include <cstddef>
#include <string_view>

namespace rwp::documents {

/// The bytes of a plain text; the errors of `Trouble`.
Result<DocumentText> read_plain_text(std::string_view content, std::size_t max_text_bytes);

}  // namespace rwp::documents
