#include "documents/reader/task.hpp"
#include "documents/reader/text_builder.hpp"
#include "documents/reader/zip_parts.hpp"

#include <climits>

#include <libxml/xmlreader.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::documents::reader {
namespace {

using namespace std::string_view_literals;

/// Fewer than libxml2's own, whose limit it tells by a general error.
constexpr int kMaxDepth = 200;

/// Where a document type stands, when there is one.
constexpr std::size_t kHeadBytes = 4'096;

/// Entities are declared there, and no writer of DOCX makes one.
Error declares_type() {
  return trouble_error(Trouble::damaged, "the DOCX's XML declares a document type");
}

std::string_view view(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

const xmlChar* xml_name(const char* name) { return reinterpret_cast<const xmlChar*>(name); }

/// Walks one part's XML and writes its text.
class PartWalk {
 public:
  PartWalk(xmlTextReader* reader, TextBuilder& text) : reader_(reader), text_(text) {}

  Result<void> run() {
    int more = xmlTextReaderRead(reader_);
    while (more == 1 && !text_.is_full()) {
      const int type = xmlTextReaderNodeType(reader_);
      if (type == XML_READER_TYPE_DOCUMENT_TYPE) {
        return declares_type();
      }
      if (xmlTextReaderDepth(reader_) > kMaxDepth) {
        return trouble_error(Trouble::too_complex, "the DOCX is nested deeper than " +
                                                       std::to_string(kMaxDepth) + " elements");
      }
      const std::string_view name = view(xmlTextReaderConstLocalName(reader_));
      // The same once more, for old programs; or what was deleted.
      if (type == XML_READER_TYPE_ELEMENT && (name == "Fallback" || name == "del")) {
        more = xmlTextReaderNext(reader_);
        continue;
      }
      take(type, name);
      more = xmlTextReaderRead(reader_);
    }
    if (more < 0) return trouble_error(Trouble::damaged, "the DOCX's XML is damaged");
    return {};
  }

 private:
  void take(int type, std::string_view name) {
    if (type == XML_READER_TYPE_ELEMENT) {
      begin(name);
      if (xmlTextReaderIsEmptyElement(reader_) == 1) end(name);
    } else if (type == XML_READER_TYPE_END_ELEMENT) {
      end(name);
    } else if (in_text_ && (type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_CDATA ||
                            type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE ||
                            type == XML_READER_TYPE_WHITESPACE)) {
      text_.exact_text(view(xmlTextReaderConstValue(reader_)));
    }
  }

  void begin(std::string_view name) {
    if (name == "txbxContent") {
      text_.new_line();  // A box of paragraphs within a paragraph.
    } else if (name == "t") {
      in_text_ = true;
    } else if (name == "tab") {
      // Also the name of a tab stop in a paragraph's properties.
      if (in_run_) text_.exact_text("\t");
    } else if (name == "r") {
      in_run_ = true;
    } else if (name == "br" || name == "cr") {
      text_.line_break();
    } else if (name == "noBreakHyphen") {
      text_.exact_text("-");
    } else if (name == "numPr") {
      text_.exact_text("- ");
    } else if (name == "pStyle") {
      begin_style();
    } else if (name == "tr") {
      text_.new_line();
      cells_ = 0;
    } else if (name == "tc") {
      if (cells_++ > 0) text_.next_cell();
    }
  }

  void begin_style() {
    xmlChar* value = xmlTextReaderGetAttributeNs(
        reader_, xml_name("val"),
        xml_name("http://schemas.openxmlformats.org/wordprocessingml/2006/main"));
    const std::string_view style = view(value);
    if (style.starts_with("Heading") || style.starts_with("Title")) text_.gap();
    if (value != nullptr) xmlFree(value);
  }

  void end(std::string_view name) {
    if (name == "p") {
      text_.line_break();
    } else if (name == "t") {
      in_text_ = false;
    } else if (name == "r") {
      in_run_ = false;
    } else if (name == "tr") {
      text_.new_line();
    } else if (name == "tbl") {
      text_.gap();
    }
  }

  xmlTextReader* const reader_;
  TextBuilder& text_;
  bool in_text_ = false;
  bool in_run_ = false;
  std::size_t cells_ = 0;
};

Result<void> read_part(ZipParts& parts, const std::string& name, TextBuilder& text) {
  const auto xml = parts.unpack(name);
  if (!xml) return xml.error();
  if (xml->find("<!DOCTYPE") < kHeadBytes) return declares_type();
  // No entities are put in, nothing is loaded, and its own limits on sizes stand.
  const std::unique_ptr<xmlTextReader, decltype(&xmlFreeTextReader)> reader(
      xmlReaderForMemory(xml->data(), static_cast<int>(xml->size()), nullptr, nullptr,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING),
      &xmlFreeTextReader);
  if (!reader) return trouble_error(Trouble::damaged, "the DOCX's XML is damaged");
  text.gap();
  return PartWalk(reader.get(), text).run();
}

bool is_numbered_part(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && name.ends_with(".xml") &&
         name.find('/', prefix.size()) == std::string_view::npos;
}

/// The body's own part comes in the middle: addresses often stand in the head of a page.
std::vector<std::string> parts_in_order(const ZipParts& parts, const std::string& body) {
  std::vector<std::string> order;
  const auto add = [&parts, &order](std::string_view prefix) {
    for (const std::string& name : parts.names()) {
      if (is_numbered_part(name, prefix)) order.push_back(name);
    }
  };
  add("word/header");
  order.push_back(body);
  add("word/footnotes");
  add("word/endnotes");
  add("word/footer");
  return order;
}

std::string_view other_archive(const ZipParts& parts) {
  if (parts.has("xl/workbook.xml")) return "a spreadsheet";
  if (parts.has("ppt/presentation.xml")) return "a presentation";
  if (parts.has("META-INF/manifest.xml") && parts.has("content.xml")) return "an OpenDocument file";
  return "a ZIP archive";
}

}  // namespace

Result<DocumentText> read_docx(const Task& task) {
  auto parts = ZipParts::open(task.content);
  if (!parts) return parts.error();
  std::string body = "word/document.xml";
  if (!parts->has(body)) body = "word/document2.xml";
  if (!parts->has(body)) {
    return trouble_error(
        Trouble::unsupported_type,
        "this is " + std::string(other_archive(*parts)) + ", which is not read here");
  }
  TextBuilder text(task.max_text_bytes);
  for (const std::string& name : parts_in_order(*parts, body)) {
    const auto done = read_part(*parts, name, text);
    if (!done) return done.error();
    if (text.is_full()) return too_much_text(task);
  }
  DocumentText read;
  read.media_type = MediaType::docx;
  read.text = text.text();
  return read;
}

}  // namespace rwp::documents::reader
