#include "documents/text_encoding.hpp"

#include <rwp/core/utf8.hpp>

#include <array>
#include <cstddef>

namespace rwp::documents {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// 0x80 to 0x9F; 0: no character.
constexpr std::array<char16_t, 32> kWindows1252{
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

void append_utf8(std::string& out, char32_t point) {
  const auto byte = [&out](char32_t value) { out.push_back(static_cast<char>(value)); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0U | (point >> 6U));
    byte(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    byte(0xE0U | (point >> 12U));
    byte(0x80U | ((point >> 6U) & 0x3FU));
    byte(0x80U | (point & 0x3FU));
  } else {
    byte(0xF0U | (point >> 18U));
    byte(0x80U | ((point >> 12U) & 0x3FU));
    byte(0x80U | ((point >> 6U) & 0x3FU));
    byte(0x80U | (point & 0x3FU));
  }
}

struct ByteCounts {
  std::size_t high = 0;
  std::size_t control = 0;
  bool has_zero = false;
};

ByteCounts count_bytes(std::string_view content) {
  ByteCounts counts;
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) counts.has_zero = true;
    if (byte >= 0x80) ++counts.high;
    const bool white = byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
    const bool unused = byte >= 0x80 && byte < 0xA0 && kWindows1252.at(byte - 0x80U) == 0;
    if ((byte < 0x20 && !white) || byte == 0x7F || unused) ++counts.control;
  }
  return counts;
}

struct SequenceCounts {
  std::size_t good = 0;  ///< Of more than one byte.
  std::size_t bad = 0;
};

SequenceCounts count_sequences(std::string_view content) {
  SequenceCounts counts;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t length = utf8_sequence_length(content.substr(at, 4));
    if (length == 0) ++counts.bad;
    if (length > 1) ++counts.good;
    at += length == 0 ? 1 : length;
  }
  return counts;
}

std::string from_utf16(std::string_view content, bool big) {
  std::string out;
  out.reserve(content.size());
  const auto unit = [content, big](std::size_t at) {
    const auto first = static_cast<unsigned char>(content[at]);
    const auto second = static_cast<unsigned char>(content[at + 1]);
    return static_cast<char32_t>(big ? (first << 8U) | second : (second << 8U) | first);
  };
  for (std::size_t at = 0; at + 1 < content.size(); at += 2) {
    const char32_t lead = unit(at);
    if (lead < 0xD800 || lead > 0xDFFF) {
      append_utf8(out, lead);
      continue;
    }
    const bool paired = lead < 0xDC00 && at + 3 < content.size() && unit(at + 2) >= 0xDC00 &&
                        unit(at + 2) <= 0xDFFF;
    if (!paired) {
      out += kReplacement;
      continue;
    }
    append_utf8(out, 0x10000 + ((lead - 0xD800) << 10U) + (unit(at + 2) - 0xDC00));
    at += 2;
  }
  return out;
}

std::string from_windows_1252(std::string_view content) {
  std::string out;
  out.reserve(content.size() + content.size() / 8);
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    const bool mapped = byte >= 0x80 && byte < 0xA0;
    const char32_t point = mapped ? kWindows1252.at(byte - 0x80U) : byte;
    if (mapped && point == 0) {
      out += kReplacement;
    } else {
      append_utf8(out, point);
    }
  }
  return out;
}

}  // namespace

Encoding detect_encoding(std::string_view content) noexcept {
  if (content.starts_with("\xFF\xFE")) return Encoding::utf16_little;
  if (content.starts_with("\xFE\xFF")) return Encoding::utf16_big;
  const ByteCounts bytes = count_bytes(content);
  // A text has next to none of these; noise has a tenth.
  if (bytes.has_zero || bytes.control * 100 > content.size()) return Encoding::none;
  if (bytes.high == 0) return Encoding::utf8;
  const SequenceCounts sequences = count_sequences(content);
  if (sequences.bad == 0) return Encoding::utf8;
  if (sequences.good > 4 * sequences.bad) return Encoding::utf8_damaged;
  // Western text is ASCII for the most part; what is not would become wrong letters unnoticed.
  return bytes.high * 3 < content.size() ? Encoding::windows_1252 : Encoding::none;
}

std::string to_utf8(std::string_view content, Encoding encoding) {
  switch (encoding) {
    case Encoding::utf16_little:
      return from_utf16(content.substr(2), false);
    case Encoding::utf16_big:
      return from_utf16(content.substr(2), true);
    case Encoding::windows_1252:
      return from_windows_1252(content);
    case Encoding::utf8:
    case Encoding::utf8_damaged:
    case Encoding::none:
      break;
  }
  if (content.starts_with("\xEF\xBB\xBF")) content.remove_prefix(3);
  return repaired_utf8(content);
}

std::string repaired_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_sequence_length(text.substr(at, 4));
    if (length == 0) {
      out += kReplacement;
      ++at;
      continue;
    }
    out += text.substr(at, length);
    at += length;
  }
  return out;
}

std::string tidy_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t line_feeds = 2;  // As if an empty line had been, so that none begins the text.
  const auto end_line = [&out, &line_feeds] {
    while (!out.empty() && (out.back() == ' ' || out.back() == '\t')) out.pop_back();
    if (line_feeds < 2) {
      out.push_back('\n');
      ++line_feeds;
    }
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\r' && at + 1 < text.size() && text[at + 1] == '\n') continue;
    // U+0080 to U+009F, of which one ends a line.
    if (byte == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0) {
      ++at;
      if (static_cast<unsigned char>(text[at]) == 0x85) end_line();
      continue;
    }
    if (byte == '\n' || byte == '\r') {
      end_line();
    } else if (byte == '\f') {
      end_line();
      end_line();
    } else if (byte >= 0x20 ? byte != 0x7F : byte == '\t') {
      out.push_back(static_cast<char>(byte));
      if (byte != ' ' && byte != '\t') line_feeds = 0;
    }
  }
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ' || out.back() == '\t')) {
    out.pop_back();
  }
  return out;
}

}  // namespace rwp::documents
