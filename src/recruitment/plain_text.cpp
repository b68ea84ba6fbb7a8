#include "recruitment/plain_text.hpp"

#include <array>
#include <utility>

namespace rwp::recruitment {
namespace {

bool is_blank(char c) noexcept { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }

/// What typists and word processors write for the same ASCII character.
constexpr std::array<std::pair<std::string_view, char>, 12> kTypographic{{
    {"\u00a0", ' '},
    {"\u2009", ' '},
    {"\u202f", ' '},
    {"\u2010", '-'},
    {"\u2011", '-'},
    {"\u2012", '-'},
    {"\u2013", '-'},
    {"\u2014", '-'},
    {"\u2018", '\''},
    {"\u2019", '\''},
    {"\u201c", '"'},
    {"\u201d", '"'},
}};

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  bool gap = false;
  for (const char c : text) {
    if (is_blank(c)) {
      gap = !line.empty();
      continue;
    }
    if (gap) line += ' ';
    gap = false;
    line += c;
  }
  return line;
}

std::string comparable(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) < 0x80U) {
      plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      ++i;
      continue;
    }
    std::size_t length = 1;
    char ascii = c;
    for (const auto& [form, replacement] : kTypographic) {
      if (text.substr(i, form.size()) != form) continue;
      length = form.size();
      ascii = replacement;
      break;
    }
    plain += ascii;
    i += length;
  }
  return one_line(plain);
}

std::string shorten(std::string_view text, std::size_t bytes) {
  std::string line = one_line(text);
  if (line.size() <= bytes) return line;
  const auto space = line.rfind(' ', bytes);
  std::size_t end = space == std::string::npos || space < bytes / 2 ? bytes : space;
  // Never within a character: continuation bytes look like 10xxxxxx.
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  line.resize(end);
  return line + "…";
}

}  // namespace rwp::recruitment
