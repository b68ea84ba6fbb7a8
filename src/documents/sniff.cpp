#include "documents/sniff.hpp"

#include "documents/text_encoding.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string>

namespace rwp::documents {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t offset = 0;
  std::string_view bytes{};
  Sniffed meaning{};
};

constexpr std::array kMagics{
    Magic{0, "PK\x03\x04"sv, {Kind::zip, "a ZIP archive"}},
    Magic{0, "PK\x05\x06"sv, {Kind::zip, "a ZIP archive"}},
    Magic{0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, {Kind::ole, "an old Office file"}},
    Magic{0, "\x89PNG\r\n\x1A\n"sv, {Kind::foreign, "a PNG image"}},
    Magic{0, "\xFF\xD8\xFF"sv, {Kind::foreign, "a JPEG image"}},
    Magic{0, "GIF8"sv, {Kind::foreign, "a GIF image"}},
    Magic{0, "II*\0"sv, {Kind::foreign, "a TIFF image"}},
    Magic{0, "MM\0*"sv, {Kind::foreign, "a TIFF image"}},
    Magic{8, "WEBP"sv, {Kind::foreign, "a WebP image"}},
    Magic{4, "ftyphei"sv, {Kind::foreign, "a HEIC image"}},
    Magic{0,
          "\x7F"
          "ELF"sv,
          {Kind::foreign, "a Linux program"}},
    Magic{0, R"({\rtf)"sv, {Kind::foreign, "an RTF document"}},
    Magic{0, "%!PS"sv, {Kind::foreign, "a PostScript document"}},
    Magic{0, "\x1F\x8B"sv, {Kind::foreign, "a gzip archive"}},
    Magic{0, "7z\xBC\xAF\x27\x1C"sv, {Kind::foreign, "a 7-Zip archive"}},
    Magic{0, "Rar!\x1A\x07"sv, {Kind::foreign, "a RAR archive"}},
    Magic{0, "SQLite format 3\0"sv, {Kind::foreign, "an SQLite database"}},
};

constexpr std::array kHtmlStarts{"!doctype html"sv, "html"sv, "head"sv, "body"sv, "title"sv,
                                 "meta"sv,          "div"sv,  "p"sv,    "table"sv};

std::string lower_start(std::string_view text) {
  std::string lower(text.substr(0, 2'048));
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

/// Whether markup begins at `text`: a tag that HTML documents begin with.
bool begins_with_html_tag(std::string_view text) {
  for (const std::string_view start : kHtmlStarts) {
    if (!text.starts_with('<') || !text.substr(1).starts_with(start)) continue;
    const std::string_view rest = text.substr(1 + start.size());
    if (!rest.empty() && std::isalnum(static_cast<unsigned char>(rest.front())) != 0) continue;
    return true;
  }
  return false;
}

bool looks_like_html(std::string_view text, bool declared_html) {
  const std::string lower = lower_start(text);
  std::string_view rest = lower;
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n\f"), rest.size()));
    const bool skipped = rest.starts_with("<!--") || rest.starts_with("<?xml");
    if (!skipped) break;
    const std::size_t end = rest.find('>');
    if (end == std::string_view::npos) return declared_html;
    rest.remove_prefix(end + 1);
  }
  if (begins_with_html_tag(rest)) return true;
  return declared_html && rest.find('<') != std::string_view::npos;
}

}  // namespace

Sniffed sniff(std::string_view content, bool declared_html) noexcept {
  if (content.empty()) return {Kind::empty, "empty"};
  // Readers look for a PDF's head within its first kilobyte.
  if (content.substr(0, 1'024).find("%PDF-") != std::string_view::npos) {
    return {Kind::pdf, "a PDF document"};
  }
  for (const Magic& magic : kMagics) {
    if (content.size() > magic.offset && content.substr(magic.offset).starts_with(magic.bytes)) {
      return magic.meaning;
    }
  }
  const Encoding encoding = detect_encoding(content);
  if (encoding == Encoding::none) {
    // A text may begin so too: with a name in capitals.
    if (content.starts_with("MZ")) return {Kind::foreign, "a Windows program"};
    return {Kind::noise, "binary data"};
  }
  // UTF-16 keeps ASCII tags legible once its zero bytes are left out.
  std::string start;
  for (const char c : content.substr(0, 4'096)) {
    if (c != '\0' && static_cast<unsigned char>(c) < 0x80) start.push_back(c);
  }
  if (looks_like_html(start, declared_html)) return {Kind::html, "an HTML document"};
  return {Kind::text, "plain text"};
}

}  // namespace rwp::documents
