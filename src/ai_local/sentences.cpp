#include "ai_local/sentences.hpp"

#include "ai_local/text.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace rwp::ai_local {
namespace {

constexpr auto kAbbreviations = std::to_array<std::string_view>(
    {"mr",  "mrs", "ms",   "dr",  "prof", "st",  "no",  "ltd",  "inc", "co",  "corp", "e.g",
     "eg",  "i.e", "ie",   "etc", "vs",   "p.a", "pa",  "p.m",  "a.m", "u.s", "u.k",  "approx",
     "ext", "tel", "dept", "sr",  "jr",   "min", "max", "incl", "hrs", "ref", "fig",  "wk"});

/// The word before the full stop at `stop`, from the last space on.
std::string word_before(std::string_view line, std::size_t stop) {
  auto begin = stop;
  while (begin > 0 && line[begin - 1] != ' ' && line[begin - 1] != '\n' && line[begin - 1] != '(') {
    --begin;
  }
  return fold(line.substr(begin, stop - begin));
}

bool is_abbreviation(std::string_view line, std::size_t stop) {
  const std::string word = word_before(line, stop);
  if (word.size() == 1 && is_lower(word[0])) return true;  // An initial.
  for (const auto abbreviation : kAbbreviations) {
    if (word == abbreviation) {
      // "etc." and "p.a." also end sentences; what follows decides, as the caller has looked.
      return word != "etc" && word != "p.a" && word != "pa";
    }
  }
  return false;
}

/// Whether the mark at `at` ends a sentence in this line.
bool ends_sentence(std::string_view line, std::size_t at) {
  std::size_t next = at + 1;
  while (next < line.size() && (line[next] == '"' || line[next] == '\'' || line[next] == ')'))
    ++next;
  if (next >= line.size()) return true;
  if (line[next] != ' ' && line[next] != '\n') return false;
  while (next < line.size() && (line[next] == ' ' || line[next] == '\n')) ++next;
  if (next >= line.size()) return true;
  if (is_lower(line[next])) return false;
  return line[at] != '.' || !is_abbreviation(line, at);
}

class Splitter {
 public:
  std::vector<Sentence> split(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
      const auto end = block_end(text, at);
      add_block(text.substr(at, end - at));
      at = end + 1;
      if (at < text.size() && text[at] == '\n') opens_paragraph_ = true;
    }
    return std::move(sentences_);
  }

 private:
  /// The end of a line, together with the lines that continue it.
  static std::size_t block_end(std::string_view text, std::size_t at) {
    while (true) {
      const auto end = text.find('\n', at);
      if (end == std::string_view::npos) return text.size();
      const bool continued =
          end + 1 < text.size() && is_lower(text[end + 1]) && end > 0 &&
          std::string_view(".:;!?").find(text[end - 1]) == std::string_view::npos;
      if (!continued) return end;
      at = end + 1;
    }
  }

  static std::size_t bullet_length(std::string_view line) {
    if (line.size() < 3) return 0;
    if ((line[0] == '-' || line[0] == '*' || line[0] == '+') && line[1] == ' ') return 2;
    if (line[0] == 'o' && line[1] == ' ' && is_upper(line[2])) return 2;
    std::size_t digits = 0;
    while (digits < line.size() && is_digit(line[digits])) ++digits;
    const bool numbered = digits > 0 && digits <= 2 && digits + 1 < line.size() &&
                          (line[digits] == '.' || line[digits] == ')') && line[digits + 1] == ' ';
    return numbered ? digits + 2 : 0;
  }

  void add_block(std::string_view block) {
    block = trim(block);
    const std::size_t bullet = bullet_length(block);
    block = trim(block.substr(bullet));
    std::size_t begin = 0;
    for (std::size_t i = 0; i < block.size(); ++i) {
      if ((block[i] != '.' && block[i] != '!' && block[i] != '?') || !ends_sentence(block, i))
        continue;
      std::size_t end = i + 1;
      while (end < block.size() && (block[end] == '"' || block[end] == ')')) ++end;
      add(block.substr(begin, end - begin), bullet > 0);
      begin = end;
    }
    if (begin < block.size()) add(block.substr(begin), bullet > 0);
  }

  void add(std::string_view text, bool bullet) {
    constexpr std::size_t kLongestHeading = 60;
    text = trim(text);
    if (text.empty()) return;
    const bool stopped = text.back() == '.' || text.back() == '!' || text.back() == '?';
    const bool heading =
        text.back() == ':' || (!stopped && !bullet && text.size() <= kLongestHeading);
    sentences_.push_back({text, bullet, heading, opens_paragraph_});
    opens_paragraph_ = false;
  }

  std::vector<Sentence> sentences_;
  bool opens_paragraph_ = true;
};

}  // namespace

std::vector<Sentence> split_sentences(std::string_view text) { return Splitter().split(text); }

}  // namespace rwp::ai_local
