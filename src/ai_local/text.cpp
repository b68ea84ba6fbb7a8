#include "ai_local/text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rwp::ai_local {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr auto kEntities = std::to_array<Pair>(
    {Pair{"&amp;", "&"}, Pair{"&nbsp;", " "}, Pair{"&lt;", "<"}, Pair{"&gt;", ">"},
     Pair{"&quot;", "\""}, Pair{"&apos;", "'"}, Pair{"&#39;", "'"}, Pair{"&rsquo;", "'"},
     Pair{"&lsquo;", "'"}, Pair{"&ndash;", "-"}, Pair{"&mdash;", "-"}, Pair{"&pound;", "\xC2\xA3"},
     Pair{"&euro;", "\xE2\x82\xAC"}, Pair{"&bull;", "\n- "}});

constexpr auto kTypography = std::to_array<Pair>(
    {Pair{"\xE2\x80\x98", "'"},    Pair{"\xE2\x80\x99", "'"},    Pair{"\xE2\x80\x9B", "'"},
     Pair{"\xE2\x80\x9C", "\""},   Pair{"\xE2\x80\x9D", "\""},   Pair{"\xE2\x80\x90", "-"},
     Pair{"\xE2\x80\x91", "-"},    Pair{"\xE2\x80\x92", "-"},    Pair{"\xE2\x80\x93", "-"},
     Pair{"\xE2\x80\x94", "-"},    Pair{"\xE2\x88\x92", "-"},    Pair{"\xE2\x80\xA6", "..."},
     Pair{"\xC2\xA0", " "},        Pair{"\xE2\x80\xAF", " "},    Pair{"\xE2\x80\x89", " "},
     Pair{"\xE2\x80\x8B", ""},     Pair{"\xEF\xBB\xBF", ""},     Pair{"\xE2\x80\xA2", "\n- "},
     Pair{"\xE2\x97\x8F", "\n- "}, Pair{"\xE2\x96\xAA", "\n- "}, Pair{"\xE2\x97\xA6", "\n- "},
     Pair{"\xEF\x82\xB7", "\n- "}});

template <std::size_t N>
const Pair* match(const std::array<Pair, N>& table, std::string_view rest) {
  for (const auto& entry : table) {
    if (rest.starts_with(entry.first)) return &entry;
  }
  return nullptr;
}

/// The length of an HTML tag at the start of `rest`; 0: it is none.
std::size_t tag_length(std::string_view rest) {
  constexpr std::size_t kLongestTag = 300;
  if (rest.size() < 3) return 0;
  const char next = rest[1] == '/' ? rest[2] : rest[1];
  if (!is_lower(next) && !is_upper(next)) return 0;
  const auto end = rest.substr(0, kLongestTag).find('>');
  return end == std::string_view::npos ? 0 : end + 1;
}

/// What stands in a tag's place: a bullet, a line break or nothing that could glue words together.
std::string_view tag_meaning(std::string_view tag) {
  const auto named = [&](std::string_view name) {
    return tag.substr(1).starts_with(name) || tag.substr(2).starts_with(name);
  };
  if (tag.starts_with("<li") || tag.starts_with("<LI")) return "\n- ";
  for (const std::string_view block : {"p", "br", "div", "ul", "ol", "h1", "h2", "h3", "h4", "tr",
                                       "P", "BR", "DIV", "UL", "OL", "H"}) {
    if (named(block)) return "\n";
  }
  return " ";
}

void append(std::string& out, std::string_view piece) {
  for (const char c : piece) {
    const bool space = c == ' ' || c == '\t' || c == '\v' || c == '\f';
    if (space && (out.empty() || out.back() == ' ' || out.back() == '\n')) continue;
    if (c == '\r') continue;
    if (c == '\n' && !out.empty() && out.back() == ' ') out.pop_back();
    out += space ? ' ' : c;
  }
}

}  // namespace

std::string normalise(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  for (std::size_t i = 0; i < text.size();) {
    const auto rest = text.substr(i);
    const char c = text[i];
    const Pair* replaced = nullptr;
    if (c == '&') replaced = match(kEntities, rest);
    if (static_cast<unsigned char>(c) >= 0xC2) replaced = match(kTypography, rest);
    if (replaced != nullptr) {
      append(out, replaced->second);
      i += replaced->first.size();
      continue;
    }
    if (const std::size_t length = c == '<' ? tag_length(rest) : 0; length > 0) {
      append(out, tag_meaning(rest.substr(0, length)));
      i += length;
      continue;
    }
    append(out, rest.substr(0, 1));
    ++i;
  }
  return out;
}

std::string fold(std::string_view text) {
  std::string folded(text);
  for (std::size_t i = 0; i < folded.size(); ++i) {
    if (is_upper(folded[i])) {
      folded[i] = static_cast<char>(folded[i] + ('a' - 'A'));
    } else if (static_cast<unsigned char>(folded[i]) == 0xC3 && i + 1 < folded.size()) {
      const auto second = static_cast<unsigned char>(folded[i + 1]);
      if (second >= 0x80 && second <= 0x9E && second != 0x97) {
        folded[i + 1] = static_cast<char>(second + 0x20U);
      }
    }
  }
  return folded;
}

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : trim(text)) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    if (space && !line.empty() && line.back() == ' ') continue;
    line += space ? ' ' : c;
  }
  return line;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_word(char c) noexcept {
  return is_lower(c) || is_upper(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80;
}

std::size_t find_word(std::string_view folded, std::string_view word, std::size_t from) noexcept {
  while (true) {
    const auto at = folded.find(word, from);
    if (at == std::string_view::npos) return at;
    const auto end = at + word.size();
    const bool starts = at == 0 || !is_word(folded[at - 1]) || !is_word(word.front());
    const bool ends = end == folded.size() || !is_word(folded[end]) || !is_word(word.back());
    if (starts && ends) return at;
    from = at + 1;
  }
}

std::string shorten(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  const auto space = text.substr(0, end).rfind(' ');
  if (space != std::string_view::npos && space > end / 2) end = space;
  return std::string(trim(text.substr(0, end)));
}

}  // namespace rwp::ai_local
