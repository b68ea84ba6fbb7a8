#include "documents/plain_text.hpp"

#include "documents/text_encoding.hpp"
#include <rwp/documents/trouble.hpp>

namespace rwp::documents {

Result<DocumentText> read_plain_text(std::string_view content, std::size_t max_text_bytes) {
  const Encoding encoding = detect_encoding(content);
  if (encoding == Encoding::none) {
    return trouble_error(Trouble::unsupported_type,
                         "the text's encoding is neither UTF-8, UTF-16 nor Windows-1252");
  }
  DocumentText document;
  document.media_type = MediaType::plain_text;
  document.text = tidy_text(to_utf8(content, encoding));
  if (document.text.empty()) return trouble_error(Trouble::empty, "the document has no text");
  if (document.text.size() > max_text_bytes) {
    return trouble_error(Trouble::too_large,
                         "the text has more than " + std::to_string(max_text_bytes) + " bytes");
  }
  if (encoding == Encoding::utf8_damaged) {
    document.warnings.emplace_back("bytes that are not UTF-8 were replaced");
  }
  return document;
}

}  // namespace rwp::documents
