#pragma once

#include <rwp/core/error.hpp>
#include <rwp/documents/read_document.hpp>
#include <rwp/documents/trouble.hpp>

#include <string>
#include <string_view>

namespace rwp::documents::reader {

/// What the reader is asked with the document's bytes.
struct Task {
  std::string_view content{};
  bool declared_html = false;
  std::size_t max_text_bytes = 0;
  std::size_t max_pages = 0;
};

/// Longest message or warning, and most of these.
constexpr std::size_t kMaxWarnings = 16;

/// The error for text beyond the limit.
inline Error too_much_text(const Task& task) {
  return trouble_error(Trouble::too_large,
                       "the text has more than " + std::to_string(task.max_text_bytes) + " bytes");
}

Result<DocumentText> read_pdf(const Task& task);
Result<DocumentText> read_docx(const Task& task);
Result<DocumentText> read_html(const Task& task);

/// Finds out what the document is, and reads it. The errors are those of `Trouble`.
Result<DocumentText> read_any(const Task& task);

}  // namespace rwp::documents::reader
