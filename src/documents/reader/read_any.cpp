#include "documents/plain_text.hpp"
#include "documents/reader/task.hpp"
#include "documents/sniff.hpp"
#include "documents/text_encoding.hpp"

#include <string>
#include <utility>

namespace rwp::documents::reader {
namespace {

using namespace std::string_view_literals;

Error not_read(std::string_view name) {
  return trouble_error(Trouble::unsupported_type,
                       "this is " + std::string(name) + ", which is not read here");
}

/// Office encrypts a DOCX into a file of its old format; the name of its stream stands in UTF-16.
Error read_ole(std::string_view content) {
  constexpr auto kEncrypted = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0"sv;
  constexpr auto kWord = "W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0"sv;
  if (content.find(kEncrypted) != std::string_view::npos) {
    return trouble_error(Trouble::encrypted, "the document can only be opened with a password");
  }
  if (content.find(kWord) != std::string_view::npos) {
    return not_read("an old Word document (.doc)");
  }
  return not_read("an old Office file");
}

Result<DocumentText> read_kind(const Task& task) {
  const Sniffed sniffed = sniff(task.content, task.declared_html);
  switch (sniffed.kind) {
    case Kind::empty:
      return trouble_error(Trouble::empty, "the document has no bytes");
    case Kind::pdf:
      return read_pdf(task);
    case Kind::zip:
      return read_docx(task);
    case Kind::ole:
      return read_ole(task.content);
    case Kind::html:
      return read_html(task);
    case Kind::text:
      return read_plain_text(task.content, task.max_text_bytes);
    case Kind::foreign:
    case Kind::noise:
      break;
  }
  return not_read(sniffed.name);
}

}  // namespace

Result<DocumentText> read_any(const Task& task) {
  auto read = read_kind(task);
  if (!read) return read;
  read->text = tidy_text(repaired_utf8(read->text));
  if (!read->text.empty()) return read;
  return trouble_error(Trouble::empty, read->media_type == MediaType::pdf
                                           ? "the PDF has no text: its pages may be images"
                                           : "the document has no text");
}

}  // namespace rwp::documents::reader
