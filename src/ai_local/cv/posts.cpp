#include "ai_local/cv/posts.hpp"

#include "ai_local/cv/dates.hpp"
#include "ai_local/cv/lexicon.hpp"
#include "ai_local/cv/post_head.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::ai_local {
namespace {

constexpr std::size_t kMostPosts = 60;
/// Lines with dates that are looked at: more is no CV, and each is compared with its surroundings.
constexpr std::size_t kMostAnchors = 200;
constexpr std::size_t kSummaryBytes = 500;
constexpr std::size_t kLongestHeadLine = 100;
/// A longer line is prose.
constexpr std::size_t kLongestLine = 500;

/// The line of a post that tells its dates, and the lines around that tell the rest.
struct Anchor {
  std::size_t line = 0;
  DateRange date{};
  /// The line without its date.
  std::string rest{};
  std::size_t head_begin = 0;
  /// Behind the last.
  std::size_t head_end = 0;
};

std::string_view strip(std::string_view text) {
  constexpr std::string_view kEdges = " ,;:|-/.";
  const auto first = text.find_first_not_of(kEdges);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kEdges) - first + 1);
}

std::string without_date(std::string text, DateRange date) {
  // "St Anne's, Leeds (nurse, 2019 - 2021)": what shares the bracket is a piece of its own.
  const auto opened = text.rfind('(', date.begin);
  const auto closed = text.find(')', date.end);
  if (opened != std::string::npos && closed != std::string::npos &&
      text.find(')', opened) == closed) {
    text[closed] = '|';
    text[opened] = '|';
  }
  const std::string before(strip(std::string_view(text).substr(0, date.begin)));
  auto behind = std::string_view(text).substr(date.end);
  // "(3 years)" right behind the dates is how long they are.
  const auto open = behind.find_first_not_of(' ');
  if (open != std::string_view::npos && behind[open] == '(') {
    const auto close = behind.find(')');
    if (close != std::string_view::npos) behind.remove_prefix(close + 1);
  }
  const auto after = strip(behind);
  if (before.empty() || after.empty()) return std::string(before.empty() ? after : before);
  return before + " | " + std::string(after);
}

class PostReader {
 public:
  explicit PostReader(const std::vector<CvLine>& lines)
      : lines_(lines), is_anchor_(lines.size(), false) {}

  std::vector<CvPost> read() {
    find_anchors();
    for (std::size_t i = 0; i < anchors_.size(); ++i) {
      const auto until = i + 1 < anchors_.size() ? anchors_[i + 1].line : lines_.size();
      find_head(anchors_[i], i == 0 ? 0 : anchors_[i - 1].head_end, until);
    }
    std::vector<CvPost> posts;
    for (std::size_t i = 0; i < anchors_.size() && posts.size() < kMostPosts; ++i) {
      const auto until = i + 1 < anchors_.size() ? anchors_[i + 1].head_begin : lines_.size();
      auto post = read_post(anchors_[i], until);
      if (post) posts.push_back(std::move(*post));
    }
    return posts;
  }

 private:
  void find_anchors() {
    // Where no line but bullets tells dates, the bullets are the posts.
    for (const bool bullets : {false, true}) {
      for (std::size_t i = 0; i < lines_.size() && anchors_.size() < kMostAnchors; ++i) {
        if (lines_[i].bullet != bullets || lines_[i].text.size() > kLongestLine) continue;
        for (const auto& date : find_dates(lines_[i].folded)) {
          Anchor anchor;
          anchor.line = i;
          anchor.date = date;
          anchor.rest = without_date(lines_[i].text, date);
          if (!date.range && !may_be_post(anchor)) continue;
          is_anchor_[i] = true;
          anchors_.push_back(std::move(anchor));
          break;
        }
      }
      if (!anchors_.empty()) return;
    }
  }

  /// A line with one date alone: only when it begins with it or tells an employer, and a title.
  static bool may_be_post(const Anchor& anchor) {
    const std::string folded = fold(anchor.rest);
    return anchor.rest.size() <= kLongestHeadLine && looks_like_title(folded) > 0 &&
           (looks_like_employer(folded) > 0 || anchor.date.begin == 0);
  }

  /// A line that may belong to a head: no bullet, no sentence, no other post's date.
  bool may_be_head(std::size_t i) const {
    const auto& line = lines_[i];
    return !line.bullet && line.text.size() <= kLongestHeadLine &&
           (!line.text.ends_with('.') || line.text.size() < 30) && !is_anchor(i);
  }

  bool is_anchor(std::size_t i) const { return is_anchor_[i]; }

  bool names_employer(std::size_t i) const {
    return looks_like_employer(lines_[i].folded) > 0 && looks_like_title(lines_[i].folded) == 0;
  }

  bool is_label(std::size_t i) const {
    CvPost ignored;
    return read_post_label(lines_[i].text, ignored);
  }

  void find_head(Anchor& anchor, std::size_t from, std::size_t until) const {
    anchor.head_begin = anchor.line;
    anchor.head_end = anchor.line + 1;
    constexpr std::size_t kMostLines = 3;
    // Lines of the same block above and below.
    std::size_t first = anchor.line;
    while (first > from && first + kMostLines > anchor.line && !lines_[first].opens_block &&
           may_be_head(first - 1)) {
      --first;
    }
    std::size_t last = anchor.line + 1;
    while (last < until && last <= anchor.line + kMostLines && !lines_[last].opens_block &&
           may_be_head(last)) {
      ++last;
    }
    CvPost labelled;
    if (read_post_label(anchor.rest + ":", labelled)) anchor.rest.clear();
    const bool bare = anchor.rest.empty();
    const bool labels = (first < anchor.line && is_label(first)) ||
                        (last > anchor.line + 1 && is_label(anchor.line + 1));
    if (labels) {
      anchor.head_begin = first;
      anchor.head_end = last;
      return;
    }
    if (bare) {
      if (first < anchor.line) {
        anchor.head_begin = first;
      } else {
        anchor.head_end = std::min(last, head_below(anchor.line + 1, last));
      }
      return;
    }
    const std::string folded = fold(anchor.rest);
    const bool has_employer = looks_like_employer(folded) > 0;
    const bool has_title = looks_like_title(folded) > 0;
    // "Waitress at Pier Nine".
    const bool both =
        folded.find(" at ") != std::string::npos || folded.find('@') != std::string::npos;
    if ((has_employer || both) && has_title) return;
    if (first < anchor.line) {
      const auto above = anchor.line - 1;
      const bool wanted = has_employer ? looks_like_title(lines_[above].folded) > 0
                                       : names_employer(above) || mentions_employer(above);
      const bool alone = anchor.rest.find_first_of(",|") == std::string::npos;
      if (wanted || (alone && !has_title)) {
        anchor.head_begin = above;
        return;
      }
    }
    if (last > anchor.line + 1) {
      const auto below = anchor.line + 1;
      const bool alone = anchor.rest.find_first_of(",|") == std::string::npos;
      const bool wanted = has_employer || !has_title ? looks_like_title(lines_[below].folded) > 0
                                                     : names_employer(below);
      if (wanted || (alone && has_title && lines_[below].text.size() < 60 &&
                     looks_like_employer(lines_[below].folded) > 0)) {
        anchor.head_end = below + 1;
      }
    }
  }

  /// "Class Teacher, Year 4 | Wensum Primary School": title and employer above the dates.
  bool mentions_employer(std::size_t i) const { return looks_like_employer(lines_[i].folded) > 0; }

  /// How many lines below a date that stands alone tell title and employer.
  std::size_t head_below(std::size_t begin, std::size_t end) const {
    if (begin >= end) return begin;
    const auto& first = lines_[begin];
    const bool both = looks_like_title(first.folded) > 0 && looks_like_employer(first.folded) > 0;
    const bool parts = first.text.find_first_of(",|") != std::string::npos;
    if (both || begin + 1 >= end) return begin + 1;
    const auto& second = lines_[begin + 1];
    const bool helps = looks_like_title(first.folded) > 0 ? looks_like_employer(second.folded) > 0
                                                          : looks_like_title(second.folded) > 0;
    return helps || !parts ? begin + 2 : begin + 1;
  }

  /// The employer named at the head of the block, for further posts there.
  std::string employer_above(const Anchor& anchor) const {
    for (std::size_t i = anchor.line; i-- > 0;) {
      if (lines_[i].opens_block && !is_anchor(i) && !lines_[i].bullet && names_employer(i)) {
        CvPost post;
        read_post_head({lines_[i].text}, "", post);
        return post.employer.empty() ? post.title : post.employer;
      }
      if (lines_[i].opens_block) break;
    }
    return {};
  }

  std::optional<CvPost> read_post(const Anchor& anchor, std::size_t until) const {
    CvPost post;
    post.start = anchor.date.start_date;
    post.end = anchor.date.range ? anchor.date.end_date : anchor.date.start_date;
    post.current = anchor.date.current;
    std::vector<std::string> head;
    for (std::size_t i = anchor.head_begin; i < anchor.head_end; ++i) {
      head.push_back(i == anchor.line ? anchor.rest : lines_[i].text);
    }
    read_post_head(head, employer_above(anchor), post);
    if (is_time_out(fold(post.title + " " + post.employer))) return std::nullopt;
    if (post.title.empty() && post.employer.empty()) return std::nullopt;
    for (std::size_t i = anchor.head_end; i < until; ++i) {
      if (read_post_label(lines_[i].text, post)) continue;
      if (post.summary.size() > kSummaryBytes) break;
      const std::string_view end = post.summary.empty() || post.summary.ends_with('.') ? " " : ". ";
      post.summary += (post.summary.empty() ? "" : std::string(end)) + lines_[i].text;
    }
    post.summary = shorten(post.summary, kSummaryBytes);
    return post;
  }

  const std::vector<CvLine>& lines_;
  std::vector<bool> is_anchor_;
  std::vector<Anchor> anchors_;
};

bool is_same(const CvPost& left, const CvPost& right) {
  return left.start == right.start && left.end == right.end && left.current == right.current &&
         fold(left.title) == fold(right.title);
}

}  // namespace

std::vector<CvPost> find_posts(const std::vector<CvSection>& sections) {
  const bool named = std::any_of(sections.begin(), sections.end(), [](const CvSection& section) {
    return section.kind == CvSectionKind::experience;
  });
  std::vector<CvPost> posts;
  for (const auto& section : sections) {
    const bool wanted =
        named ? section.kind == CvSectionKind::experience
              : section.kind == CvSectionKind::contact || section.kind == CvSectionKind::profile;
    if (!wanted) continue;
    for (auto& post : PostReader(section.lines).read()) {
      const bool known = std::any_of(posts.begin(), posts.end(),
                                     [&](const CvPost& other) { return is_same(other, post); });
      if (!known) posts.push_back(std::move(post));
    }
  }
  return posts;
}

}  // namespace rwp::ai_local
