#include "ai_local/cv/lines.hpp"

#include "ai_local/cv/headings.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <utility>

namespace rwp::ai_local {
namespace {

constexpr std::size_t kNarrowestGutter = 3;

std::vector<std::string_view> split_raw(std::string_view raw) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at <= raw.size();) {
    const auto end = std::min(raw.find('\n', at), raw.size());
    auto line = raw.substr(at, end - at);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\f')) {
      line.remove_suffix(1);
    }
    lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

/// Characters, not bytes: columns are aligned by what is seen.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

/// Where the text behind a gap of at least three spaces begins; npos: no such gap within the line.
std::size_t behind_gap(std::string_view line) {
  std::size_t at = line.find_first_not_of(' ');
  if (at == std::string_view::npos) return at;
  // A line of the right column only begins with its gap.
  if (at >= kNarrowestGutter * 4) return at;
  while (at < line.size()) {
    const auto gap = line.find("   ", at);
    if (gap == std::string_view::npos) return gap;
    const auto next = line.find_first_not_of(' ', gap);
    if (next != std::string_view::npos) return next;
    at = line.size();
  }
  return std::string_view::npos;
}

/// The column at which a second column of text begins; 0: there is none.
std::size_t find_gutter(const std::vector<std::string_view>& lines) {
  std::map<std::size_t, std::size_t> starts;
  std::size_t written = 0;
  for (const auto line : lines) {
    if (trim(line).empty()) continue;
    ++written;
    const auto at = behind_gap(line);
    if (at != std::string_view::npos) ++starts[width_of(line.substr(0, at))];
  }
  std::size_t column = 0;
  std::size_t most = 0;
  for (const auto& [start, count] : starts) {
    if (count > most) {
      column = start;
      most = count;
    }
  }
  constexpr std::size_t kFewest = 6;
  return most >= kFewest && most * 3 >= written ? column : 0;
}

/// The bytes of the first `width` characters.
std::size_t bytes_of(std::string_view line, std::size_t width) {
  std::size_t at = 0;
  while (at < line.size() && width > 0) {
    ++at;
    while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0U) == 0x80U) ++at;
    --width;
  }
  return at;
}

/// Both columns, one after the other; empty where they are not two texts of their own.
std::vector<std::string_view> unfold_columns(const std::vector<std::string_view>& lines) {
  const std::size_t gutter = find_gutter(lines);
  if (gutter == 0) return {};
  std::vector<std::string_view> left;
  std::vector<std::string_view> right;
  int left_headings = 0;
  int right_headings = 0;
  for (const auto line : lines) {
    const auto at = bytes_of(line, gutter);
    const auto first = line.substr(0, at);
    const auto second = line.substr(at);
    // A line that runs through the gutter belongs to the left.
    const bool runs_through = !second.empty() && !first.empty() && first.back() != ' ';
    left.push_back(runs_through ? line : trim(first));
    right.push_back(runs_through ? std::string_view() : trim(second));
    left_headings += read_heading(normalise(left.back())).section != CvSectionKind::none ? 1 : 0;
    right_headings += read_heading(normalise(right.back())).section != CvSectionKind::none ? 1 : 0;
  }
  if (left_headings < 1 || right_headings < 1) return {};
  left.emplace_back();
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// Gaps within a line as cells; a gap behind a full stop is a typist's habit.
std::string mark_cells(std::string_view line) {
  constexpr std::string_view kBullet = "\xE2\x80\xA2";
  std::string marked;
  for (std::size_t i = 0; i < line.size();) {
    const bool gap = line[i] == '\t' || line.substr(i, 2) == "  ";
    if (gap) {
      const auto next = line.find_first_not_of(" \t", i);
      if (next == std::string_view::npos) break;
      const bool stop =
          !marked.empty() && (marked.back() == '.' || marked.back() == ':') && next == i + 2;
      marked += marked.empty() ? "" : stop ? " " : " | ";
      i = next;
    } else if (line.substr(i, kBullet.size()) == kBullet && !trim(marked).empty()) {
      marked += " | ";
      i += kBullet.size();
    } else {
      marked += line[i++];
    }
  }
  return marked;
}

constexpr auto kBullets = std::to_array<std::string_view>(
    {"- ",           "* ",           "+ ",           "o ",           "> ",           "\xC2\xB7",
     "\xE2\x80\xA2", "\xE2\x97\x8F", "\xE2\x96\xAA", "\xE2\x96\xA0", "\xE2\x97\xA6", "\xE2\x80\xA3",
     "\xE2\x9E\xA2", "\xE2\x9E\xA4", "\xE2\x96\xBA", "\xE2\x9C\x93", "\xE2\x9C\x94", "\xE2\x97\x86",
     "\xE2\x9D\x96", "\xEF\x82\xB7", "\xEF\x82\xA7", "\xEF\x83\x98", "\xEE\x80\x80"});

bool take_bullet(std::string& line) {
  for (const auto bullet : kBullets) {
    if (!line.starts_with(bullet)) continue;
    line = std::string(trim(std::string_view(line).substr(bullet.size())));
    return true;
  }
  return false;
}

/// Icons of fonts stand in the private use area.
void drop_icons(std::string& line) {
  for (std::size_t i = 0; i + 2 < line.size();) {
    const auto first = static_cast<unsigned char>(line[i]);
    const bool icon =
        first == 0xEE || (first == 0xEF && static_cast<unsigned char>(line[i + 1]) < 0xA4);
    if (icon) {
      line.replace(i, 3, " ");
    } else {
      ++i;
    }
  }
}

bool is_rule(std::string_view line) {
  return line.find_first_not_of("-=_*#|+: ") == std::string_view::npos;
}

CvLine make_line(std::string_view raw) {
  CvLine line;
  std::string text(trim(raw));
  line.bullet = take_bullet(text);
  drop_icons(text);
  text = one_line(normalise(mark_cells(trim(text))));
  // A table's outer walls.
  std::string_view inner = text;
  while (inner.starts_with("| ")) inner = trim(inner.substr(1));
  while (inner.ends_with('|')) inner = trim(inner.substr(0, inner.size() - 1));
  line.text = std::string(inner);
  line.folded = fold(line.text);
  return line;
}

/// Word processors make a paragraph of each line, with an empty line between any two: those tell
/// nothing then. Blocks begin where a list or a sentence has ended instead.
void find_blocks_without_gaps(std::vector<CvLine>& lines) {
  constexpr std::size_t kLongLine = 90;
  const auto gaps = static_cast<std::size_t>(std::count_if(
      lines.begin(), lines.end(), [](const CvLine& line) { return line.opens_block; }));
  if (gaps * 10 < lines.size() * 8) return;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto& before = lines[i - 1];
    const bool ended =
        before.bullet || before.text.ends_with('.') || before.text.size() > kLongLine;
    lines[i].opens_block = ended && !lines[i].bullet;
  }
}

}  // namespace

std::vector<CvLine> read_cv_lines(std::string_view raw) {
  const auto as_written = split_raw(raw);
  auto unfolded = unfold_columns(as_written);
  std::vector<CvLine> lines;
  bool after_blank = true;
  for (const auto raw_line : unfolded.empty() ? as_written : unfolded) {
    if (trim(raw_line).empty()) {
      after_blank = true;
      continue;
    }
    auto line = make_line(raw_line);
    if (line.text.empty() || is_rule(line.text)) continue;
    line.opens_block = std::exchange(after_blank, false);
    lines.push_back(std::move(line));
  }
  find_blocks_without_gaps(lines);
  return lines;
}

std::vector<std::string_view> split_cells(std::string_view text) {
  std::vector<std::string_view> cells;
  while (true) {
    const auto wall = text.find('|');
    const auto cell = trim(text.substr(0, wall));
    if (!cell.empty()) cells.push_back(cell);
    if (wall == std::string_view::npos) return cells;
    text.remove_prefix(wall + 1);
  }
}

}  // namespace rwp::ai_local
