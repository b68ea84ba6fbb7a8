#include "documents/reader/task.hpp"
#include "documents/reader/text_builder.hpp"
#include "documents/text_encoding.hpp"

#include <algorithm>
#include <array>
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <memory>
#include <string>

namespace rwp::documents::reader {
namespace {

using namespace std::string_view_literals;

/// No page made by people comes near; the parser's time grows with the square of it.
constexpr std::size_t kMaxDepth = 1'000;

constexpr std::array kSkipped{"head"sv,     "script"sv, "style"sv,  "noscript"sv, "template"sv,
                              "iframe"sv,   "object"sv, "select"sv, "svg"sv,      "math"sv,
                              "textarea"sv, "audio"sv,  "video"sv,  "canvas"sv};
constexpr std::array kParagraphs{"p"sv,  "h1"sv, "h2"sv, "h3"sv,    "h4"sv,         "h5"sv, "h6"sv,
                                 "ul"sv, "ol"sv, "dl"sv, "table"sv, "blockquote"sv, "pre"sv};
constexpr std::array kLines{"div"sv,     "li"sv,       "tr"sv,      "dt"sv,     "dd"sv,
                            "section"sv, "article"sv,  "header"sv,  "footer"sv, "address"sv,
                            "main"sv,    "nav"sv,      "aside"sv,   "hr"sv,     "body"sv,
                            "form"sv,    "fieldset"sv, "caption"sv, "figure"sv};

template <std::size_t size>
bool is_one_of(std::string_view name, const std::array<std::string_view, size>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Walk {
  TextBuilder text;
  htmlParserCtxtPtr parser = nullptr;
  std::size_t depth = 0;
  /// Within so many elements whose text is none.
  std::size_t skipped = 0;
  std::size_t exact = 0;
  std::size_t cells = 0;
  bool too_deep = false;
};

std::string_view view(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

void stop_if_done(Walk& walk) {
  if (walk.text.is_full() || walk.too_deep) xmlStopParser(walk.parser);
}

void begin_element(void* data, const xmlChar* raw_name, const xmlChar** /*attributes*/) {
  Walk& walk = *static_cast<Walk*>(data);
  const std::string_view name = view(raw_name);
  walk.too_deep = ++walk.depth > kMaxDepth;
  stop_if_done(walk);
  if (is_one_of(name, kSkipped)) ++walk.skipped;
  if (walk.skipped > 0) return;
  if (is_one_of(name, kParagraphs)) {
    walk.text.gap();
  } else if (is_one_of(name, kLines)) {
    walk.text.new_line();
  }
  if (name == "br") walk.text.line_break();
  if (name == "li") walk.text.exact_text("- ");
  if (name == "pre") ++walk.exact;
  if (name == "tr") walk.cells = 0;
  if ((name == "td" || name == "th") && walk.cells++ > 0) walk.text.next_cell();
}

void end_element(void* data, const xmlChar* raw_name) {
  Walk& walk = *static_cast<Walk*>(data);
  const std::string_view name = view(raw_name);
  if (walk.depth > 0) --walk.depth;
  if (is_one_of(name, kSkipped)) {
    if (walk.skipped > 0) --walk.skipped;
    return;
  }
  if (walk.skipped > 0) return;
  if (name == "pre" && walk.exact > 0) --walk.exact;
  if (is_one_of(name, kParagraphs)) {
    walk.text.gap();
  } else if (is_one_of(name, kLines)) {
    walk.text.new_line();
  }
}

void add_text(void* data, const xmlChar* bytes, int length) {
  Walk& walk = *static_cast<Walk*>(data);
  if (walk.skipped > 0 || length <= 0) return;
  const std::string_view text(reinterpret_cast<const char*>(bytes),
                              static_cast<std::size_t>(length));
  if (walk.exact > 0) {
    walk.text.exact_text(text);
  } else {
    walk.text.flowing_text(text);
  }
  stop_if_done(walk);
}

}  // namespace

Result<DocumentText> read_html(const Task& task) {
  const Encoding encoding = detect_encoding(task.content);
  // The parser is given UTF-8, so that it loads no converters.
  const std::string content = to_utf8(task.content, encoding);
  htmlSAXHandler handler{};
  handler.startElement = &begin_element;
  handler.endElement = &end_element;
  handler.characters = &add_text;
  handler.cdataBlock = &add_text;
  handler.ignorableWhitespace = &add_text;
  Walk walk{.text = TextBuilder(task.max_text_bytes)};
  const std::unique_ptr<htmlParserCtxt, decltype(&htmlFreeParserCtxt)> parser(
      htmlCreatePushParserCtxt(&handler, &walk, nullptr, 0, nullptr, XML_CHAR_ENCODING_UTF8),
      &htmlFreeParserCtxt);
  if (!parser) return trouble_error(Trouble::out_of_memory, "no memory for the HTML's parser");
  walk.parser = parser.get();
  htmlCtxtUseOptions(parser.get(), HTML_PARSE_RECOVER | HTML_PARSE_NONET | HTML_PARSE_NOERROR |
                                       HTML_PARSE_NOWARNING | HTML_PARSE_IGNORE_ENC);
  constexpr std::size_t kPiece = 65'536;
  for (std::size_t at = 0; at < content.size() && !walk.text.is_full() && !walk.too_deep;
       at += kPiece) {
    const std::size_t size = std::min(kPiece, content.size() - at);
    htmlParseChunk(parser.get(), content.data() + at, static_cast<int>(size), 0);
  }
  if (!walk.text.is_full() && !walk.too_deep) htmlParseChunk(parser.get(), nullptr, 0, 1);
  if (walk.too_deep) {
    return trouble_error(Trouble::too_complex, "the HTML is nested deeper than " +
                                                   std::to_string(kMaxDepth) + " elements");
  }
  if (walk.text.is_full()) return too_much_text(task);
  DocumentText read;
  read.media_type = MediaType::html;
  read.text = walk.text.text();
  if (encoding == Encoding::utf8_damaged) {
    read.warnings.emplace_back("bytes that are not UTF-8 were replaced");
  }
  return read;
}

}  // namespace rwp::documents::reader
