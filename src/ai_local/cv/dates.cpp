#include "ai_local/cv/dates.hpp"

#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace rwp::ai_local {
namespace {

using Name = std::pair<std::string_view, int>;

/// Beginnings of names of months, the longer before the shorter; seasons as their first month.
constexpr auto kMonths = std::to_array<Name>(
    {Name{"january", 1},    Name{"januar", 1},    Name{"janvier", 1},    Name{"januari", 1},
     Name{"enero", 1},      Name{"gennaio", 1},   Name{"janeiro", 1},    Name{"jänner", 1},
     Name{"jan", 1},        Name{"janv", 1},      Name{"ene", 1},        Name{"february", 2},
     Name{"februar", 2},    Name{"février", 2},   Name{"fevrier", 2},    Name{"februari", 2},
     Name{"febrero", 2},    Name{"febbraio", 2},  Name{"fevereiro", 2},  Name{"feb", 2},
     Name{"févr", 2},       Name{"fév", 2},       Name{"march", 3},      Name{"märz", 3},
     Name{"mars", 3},       Name{"maart", 3},     Name{"marzo", 3},      Name{"março", 3},
     Name{"mar", 3},        Name{"mär", 3},       Name{"mrt", 3},        Name{"april", 4},
     Name{"avril", 4},      Name{"abril", 4},     Name{"aprile", 4},     Name{"apr", 4},
     Name{"avr", 4},        Name{"abr", 4},       Name{"may", 5},        Name{"mai", 5},
     Name{"mei", 5},        Name{"mayo", 5},      Name{"maggio", 5},     Name{"maio", 5},
     Name{"june", 6},       Name{"juni", 6},      Name{"juin", 6},       Name{"junio", 6},
     Name{"giugno", 6},     Name{"junho", 6},     Name{"jun", 6},        Name{"july", 7},
     Name{"juli", 7},       Name{"juillet", 7},   Name{"julio", 7},      Name{"luglio", 7},
     Name{"julho", 7},      Name{"jul", 7},       Name{"juil", 7},       Name{"august", 8},
     Name{"août", 8},       Name{"aout", 8},      Name{"augustus", 8},   Name{"agosto", 8},
     Name{"aug", 8},        Name{"ago", 8},       Name{"september", 9},  Name{"septembre", 9},
     Name{"septiembre", 9}, Name{"settembre", 9}, Name{"setembro", 9},   Name{"sept", 9},
     Name{"sep", 9},        Name{"october", 10},  Name{"oktober", 10},   Name{"octobre", 10},
     Name{"octubre", 10},   Name{"ottobre", 10},  Name{"outubro", 10},   Name{"oct", 10},
     Name{"okt", 10},       Name{"november", 11}, Name{"novembre", 11},  Name{"noviembre", 11},
     Name{"novembro", 11},  Name{"nov", 11},      Name{"december", 12},  Name{"dezember", 12},
     Name{"décembre", 12},  Name{"decembre", 12}, Name{"diciembre", 12}, Name{"dicembre", 12},
     Name{"dezembro", 12},  Name{"dec", 12},      Name{"dez", 12},       Name{"déc", 12},
     Name{"dic", 12},       Name{"spring", 3},    Name{"summer", 6},     Name{"autumn", 9},
     Name{"fall", 9},       Name{"winter", 12}});

constexpr auto kPresent = std::to_array<std::string_view>(
    {"present",   "current",    "currently",     "now",         "today",       "date",
     "till date", "to date",    "ongoing",       "the present", "present day", "heute",
     "jetzt",     "aktuell",    "laufend",       "aujourd'hui", "maintenant",  "ce jour",
     "à ce jour", "actualidad", "la actualidad", "presente",    "actual",      "hoy",
     "heden",     "nu",         "oggi",          "in corso",    "attuale",     "atualidade",
     "atual",     "presently"});

constexpr auto kJoints = std::to_array<std::string_view>(
    {"-",       "--",         "to",    "until",    "till", "til", "through", "bis",
     "bis zum", "à",          "au",    "jusqu'à",  "a",    "al",  "hasta",   "tot",
     "t/m",     "tot en met", "up to", "up until", "thru", "~",   ">",       "até"});

constexpr auto kSince = std::to_array<std::string_view>(
    {"since", "seit", "depuis", "desde", "sinds", "dal", "from", "ab"});

constexpr int kFirstYear = 1940;
constexpr int kLastYear = 2099;

bool is_letter(char c) noexcept { return is_lower(c) || static_cast<unsigned char>(c) >= 0x80U; }

/// Reads one date at a place.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : text_(text) {}

  struct Date {
    std::size_t end = 0;
    std::string text{};
    bool present = false;
    /// Whether a year is told in four digits or with an apostrophe.
    bool year = true;
  };

  std::optional<Date> at(std::size_t begin) const {
    if (begin > 0 && is_word(text_[begin - 1]) && is_word(text_[begin])) return std::nullopt;
    if (auto date = named_month(begin)) return date;
    if (auto date = numbers(begin)) return date;
    return short_year(begin);
  }

  /// "present" and the like, from `begin` on.
  std::optional<Date> present(std::size_t begin) const {
    std::optional<Date> best;
    for (const auto word : kPresent) {
      if (!is_here(begin, word)) continue;
      if (!best || begin + word.size() > best->end) best = Date{begin + word.size(), "", true};
    }
    return best;
  }

  /// A month without a year, which the other end of its range has: "Jan - Mar 2020".
  std::optional<std::pair<std::size_t, int>> bare_month(std::size_t begin) const {
    std::size_t end = begin;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const int month = month_named(text_.substr(begin, end - begin));
    if (month == 0) return std::nullopt;
    if (end < text_.size() && text_[end] == '.') ++end;
    return std::pair(end, month);
  }

  bool is_here(std::size_t begin, std::string_view word) const {
    if (text_.substr(begin, word.size()) != word) return false;
    const auto end = begin + word.size();
    return end >= text_.size() || !is_word(text_[end]) || !is_word(word.back());
  }

  std::size_t skip(std::size_t at, std::string_view what) const {
    const auto next = text_.find_first_not_of(what, at);
    return next == std::string_view::npos ? text_.size() : next;
  }

 private:
  static int month_named(std::string_view word) {
    for (const auto& [name, month] : kMonths) {
      if (name == word) return month;
    }
    return 0;
  }

  static std::string dated(int year, int month) {
    std::string text = std::to_string(year);
    if (month == 0) return text;
    return text + (month < 10 ? "-0" : "-") + std::to_string(month);
  }

  /// `count` digits with none beside them.
  std::optional<int> digits(std::size_t begin, std::size_t count) const {
    if (begin + count > text_.size()) return std::nullopt;
    int value = 0;
    for (std::size_t i = begin; i < begin + count; ++i) {
      if (!is_digit(text_[i])) return std::nullopt;
      value = value * 10 + (text_[i] - '0');
    }
    const auto end = begin + count;
    if (end < text_.size() && is_digit(text_[end])) return std::nullopt;
    return value;
  }

  std::optional<int> year(std::size_t begin) const {
    const auto value = digits(begin, 4);
    if (!value || *value < kFirstYear || *value > kLastYear) return std::nullopt;
    // "2,019", "GBP 2019.50" and "2019m" are no years.
    const auto end = begin + 4;
    if (end < text_.size() && is_letter(text_[end]) && text_[end] != 't') return std::nullopt;
    return value;
  }

  static int full_year(int two_digits) {
    constexpr int kTurn = 40;
    return two_digits < kTurn ? 2000 + two_digits : 1900 + two_digits;
  }

  /// "march 2019", "mar. '19", "jan-2019", "mayo de 2018", "12 march 2019" without its day.
  std::optional<Date> named_month(std::size_t begin) const {
    std::size_t from = begin;
    for (const std::size_t length : {std::size_t{2}, std::size_t{1}}) {
      const auto day = digits(from, length);
      if (!day || *day < 1 || *day > 31) continue;
      std::size_t next = from + length;
      if (text_.substr(next, 2) == "th" || text_.substr(next, 2) == "st" ||
          text_.substr(next, 2) == "nd" || text_.substr(next, 2) == "rd") {
        next += 2;
      }
      from = skip(next, ". ");
      break;
    }
    const auto month = bare_month(from);
    if (!month) return std::nullopt;
    std::size_t next = skip(month->first, " -/,.");
    for (const std::string_view of : {"de ", "of ", "del "}) {
      if (text_.substr(next, of.size()) == of) next = skip(next + of.size(), " ");
    }
    if (const auto found = year(next)) return Date{next + 4, dated(*found, month->second)};
    // "August 01, 2016".
    for (const std::size_t length : {std::size_t{2}, std::size_t{1}}) {
      const auto day = digits(next, length);
      if (!day || *day < 1 || *day > 31 || from != begin) continue;
      const auto after = skip(next + length, ", ");
      if (const auto found = after > next + length ? year(after) : std::nullopt) {
        return Date{after + 4, dated(*found, month->second)};
      }
    }
    if (next < text_.size() && text_[next] == '\'') ++next;
    if (const auto found = digits(next, 2)) {
      // "june 12" may be a day; "jun '12" and "jun 12" of a range are told apart by the caller.
      return Date{next + 2, dated(full_year(*found), month->second), false,
                  text_[next - 1] == '\'' || text_[next - 1] == '-' || *found > 31};
    }
    return std::nullopt;
  }

  /// "2019", "2019-03", "2019/03/31".
  std::optional<Date> from_year(std::size_t begin) const {
    const auto first = year(begin);
    if (!first) return std::nullopt;
    const std::size_t next = begin + 4;
    const bool joined =
        next + 1 < text_.size() && (text_[next] == '-' || text_[next] == '/' || text_[next] == '.');
    const auto month = joined ? digits(next + 1, 2) : std::nullopt;
    if (!month || *month < 1 || *month > 12) return Date{next, dated(*first, 0)};
    const std::size_t end = next + 3;
    const bool day = end < text_.size() && text_[end] == text_[next] && digits(end + 1, 2);
    return Date{day ? end + 3 : end, dated(*first, *month)};
  }

  /// "03/2019", "3.2019", "03/19"; `mark` is behind the month.
  std::optional<Date> month_year(int month, std::size_t mark) const {
    if (month > 12) return std::nullopt;
    if (const auto found = year(mark + 1)) return Date{mark + 5, dated(*found, month)};
    // Never "03-19" or "3.19".
    const auto two = text_[mark] == '/' ? digits(mark + 1, 2) : std::nullopt;
    const bool more = mark + 3 < text_.size() && text_[mark + 3] == '/';
    if (!two || more) return std::nullopt;
    return Date{mark + 3, dated(full_year(*two), month), false, false};
  }

  /// "31.03.2019"; `mark` is behind the day.
  std::optional<Date> day_month_year(std::size_t mark) const {
    for (const std::size_t length : {std::size_t{2}, std::size_t{1}}) {
      const auto month = digits(mark + 1, length);
      const auto next = mark + 1 + length;
      if (!month || *month < 1 || *month > 12 || next >= text_.size()) continue;
      if (text_[next] != text_[mark]) continue;
      if (const auto found = year(next + 1)) return Date{next + 5, dated(*found, *month)};
    }
    return std::nullopt;
  }

  std::optional<Date> numbers(std::size_t begin) const {
    if (auto date = from_year(begin)) return date;
    for (const std::size_t length : {std::size_t{2}, std::size_t{1}}) {
      const auto first = digits(begin, length);
      if (!first || *first < 1 || *first > 31) continue;
      const auto mark = begin + length;
      const bool marked = mark < text_.size() &&
                          std::string_view("/.-").find(text_[mark]) != std::string_view::npos;
      if (!marked) continue;
      if (auto date = month_year(*first, mark)) return date;
      if (auto date = day_month_year(mark)) return date;
    }
    return std::nullopt;
  }

  /// "'09".
  std::optional<Date> short_year(std::size_t begin) const {
    if (text_[begin] != '\'') return std::nullopt;
    const auto found = digits(begin + 1, 2);
    if (!found) return std::nullopt;
    return Date{begin + 3, dated(full_year(*found), 0)};
  }

  const std::string_view text_;
};

/// The place behind a joint between two dates; none: there is no joint.
std::optional<std::size_t> behind_joint(const DateReader& reader, std::string_view text,
                                        std::size_t at) {
  const std::size_t from = reader.skip(at, " |.,");
  std::optional<std::size_t> best;
  for (const auto joint : kJoints) {
    if (from >= text.size() || !reader.is_here(from, joint)) continue;
    // "-present" may follow at once, "topresent" may not.
    const std::size_t end = from + joint.size();
    if (!best || end > *best) best = end;
  }
  if (!best) return std::nullopt;
  std::size_t next = reader.skip(*best, " |-");
  for (const std::string_view article : {"the ", "la ", "le ", "el ", "zum "}) {
    if (text.substr(next, article.size()) == article) next += article.size();
  }
  return next;
}

/// Whether a dash follows and nothing behind it: "2021 - | Lecturer", "(2019 -)".
bool is_open(std::string_view text, std::size_t end) {
  const auto dash = text.find_first_not_of(' ', end);
  if (dash == std::string_view::npos || text[dash] != '-') return false;
  const auto next = text.find_first_not_of(" -", dash);
  return next == std::string_view::npos || text[next] == '|' || text[next] == ')';
}

bool stands_after_since(std::string_view text, std::size_t begin, std::size_t* since) {
  const auto before = trim(text.substr(0, begin));
  for (const auto word : kSince) {
    if (!before.ends_with(word)) continue;
    const auto at = before.size() - word.size();
    if (at > 0 && is_word(before[at - 1])) continue;
    *since = static_cast<std::size_t>(before.data() - text.data()) + at;
    return word != "from" && word != "ab" && word != "desde" && word != "dal";
  }
  return false;
}

/// What stands at the place: a date, or a month whose year the other end of its range has.
struct Opening {
  std::optional<DateReader::Date> date{};
  int month_alone = 0;
  std::size_t end = 0;
};

std::optional<Opening> opening_at(const DateReader& reader, std::string_view folded,
                                  std::size_t at) {
  // A cheap look first: only a digit, an apostrophe or a month can begin a date.
  const char c = folded[at];
  if (!is_digit(c) && c != '\'' && !is_letter(c)) return std::nullopt;
  Opening opening;
  opening.date = reader.at(at);
  if (opening.date) {
    opening.end = opening.date->end;
    return opening;
  }
  if (!is_letter(c) || (at > 0 && is_word(folded[at - 1]))) return std::nullopt;
  const auto month = reader.bare_month(at);
  if (!month) return std::nullopt;
  opening.end = month->first;
  opening.month_alone = month->second;
  return opening;
}

/// "From May 2018 to …" is one with its first word.
std::size_t with_opening_words(std::string_view folded, std::size_t begin) {
  stands_after_since(folded, begin, &begin);
  for (const std::string_view of : {"de ", "du ", "von "}) {
    const bool here = begin >= of.size() && folded.substr(begin - of.size(), of.size()) == of;
    if (here && (begin == of.size() || !is_word(folded[begin - of.size() - 1]))) {
      begin -= of.size();
    }
  }
  return begin;
}

/// The stretch that begins with an opening; none: it is no date after all.
std::optional<DateRange> range_from(const DateReader& reader, std::string_view folded,
                                    std::size_t at, const Opening& opening) {
  DateRange range;
  range.begin = at;
  range.end = opening.end;
  const auto next = behind_joint(reader, folded, opening.end);
  const auto last = next ? reader.at(*next) : std::nullopt;
  if (opening.month_alone != 0) {
    // "Jan - Mar 2020".
    constexpr std::size_t kWithMonth = 7;
    if (!last || last->text.size() < kWithMonth) return std::nullopt;
    range.start_date = last->text.substr(0, 4) + (opening.month_alone < 10 ? "-0" : "-") +
                       std::to_string(opening.month_alone);
  } else {
    range.start_date = opening.date->text;
  }
  const bool sure = opening.month_alone == 0 && opening.date->year;
  const auto present = next && !last ? reader.present(*next) : std::nullopt;
  std::size_t since = at;
  if (last) {
    range.end = last->end;
    range.end_date = last->text;
  } else if (present) {
    range.current = true;
    range.end = present->end;
  } else if (sure && is_open(folded, opening.end)) {
    range.current = true;
    range.end = folded.find('-', opening.end) + 1;
  } else if (sure && stands_after_since(folded, at, &since)) {
    range.current = true;
  } else {
    // One date alone, when it tells its year for certain.
    return sure ? std::optional<DateRange>(std::move(range)) : std::nullopt;
  }
  range.range = true;
  range.begin = with_opening_words(folded, range.begin);
  return range;
}

}  // namespace

std::vector<DateRange> find_dates(std::string_view folded) {
  std::vector<DateRange> found;
  const DateReader reader(folded);
  for (std::size_t at = 0; at < folded.size();) {
    const auto opening = opening_at(reader, folded, at);
    if (!opening) {
      ++at;
      continue;
    }
    auto range = range_from(reader, folded, at, *opening);
    at = std::max(range ? range->end : opening->end, at + 1);
    if (range) found.push_back(std::move(*range));
  }
  return found;
}

}  // namespace rwp::ai_local
