#include "ai/personal_data.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace rwp::ai {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) {
  return is_upper(c) || is_lower(c) || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) { return is_letter(c) || is_digit(c); }
char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_local_part(char c) {
  return is_word(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-';
}
bool is_domain(char c) { return is_word(c) || c == '.' || c == '-'; }

/// "20.11.2026", "1/2/2026", "2026-11-20".
bool has_date(std::string_view text) {
  const auto run = [&](std::size_t at) {
    std::size_t end = at;
    while (end < text.size() && is_digit(text[end])) ++end;
    return end - at;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_digit(text[at]) || (at > 0 && is_digit(text[at - 1]))) continue;
    std::array<std::size_t, 3> lengths{};
    std::size_t place = at;
    bool whole = true;
    for (std::size_t i = 0; i < 3 && whole; ++i) {
      lengths.at(i) = run(place);
      place += lengths.at(i);
      whole = lengths.at(i) > 0;
      if (i == 2) break;
      whole = whole && place < text.size() &&
              (text[place] == '.' || text[place] == '/' || text[place] == '-');
      ++place;
    }
    if (!whole) continue;
    const bool day_first = lengths[0] <= 2 && lengths[1] <= 2 && lengths[2] == 4;
    const bool year_first = lengths[0] == 4 && lengths[1] <= 2 && lengths[2] <= 2;
    if (day_first || year_first) return true;
  }
  return false;
}

struct Digits {
  std::string all{};
  /// The lengths of the groups.
  std::vector<std::size_t> groups{};
};

Digits digits_of(std::string_view text) {
  Digits digits;
  bool inside = false;
  for (const char c : text) {
    if (is_digit(c)) {
      if (!inside) digits.groups.push_back(0);
      ++digits.groups.back();
      digits.all += c;
    }
    inside = is_digit(c);
  }
  return digits;
}

/// "tel", "phone", "mobile", "call", "fax" in the few bytes before it.
bool is_announced(std::string_view before) {
  std::string near(before.substr(before.size() - std::min<std::size_t>(before.size(), 14)));
  std::transform(near.begin(), near.end(), near.begin(), lower);
  constexpr std::array<std::string_view, 6> kWords = {"tel",  "phone", "mobil",
                                                      "call", "fax",   "handy"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return near.find(word) != std::string::npos; });
}

bool is_phone(std::string_view candidate, std::string_view before) {
  const Digits digits = digits_of(candidate);
  const std::size_t count = digits.all.size();
  if (count < 7 || count > 17 || has_date(candidate)) return false;
  if (candidate.front() == '+') return count >= 8 && count <= 15;
  if (digits.all.starts_with("00")) return count >= 10;
  if (digits.all.front() == '0') return count >= 9 && count <= 13;
  const auto& groups = digits.groups;
  const bool american = groups.size() >= 3 && groups[groups.size() - 1] == 4 &&
                        groups[groups.size() - 2] == 3 && groups[groups.size() - 3] == 3;
  if (american && (count == 10 || (count == 11 && digits.all.front() == '1'))) return true;
  return is_announced(before) && count <= 15;
}

struct Token {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Words and numbers; what stands between is looked at where it matters.
std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_word(text[at])) {
      ++at;
      continue;
    }
    Token token{at, at};
    while (token.end < text.size() && is_word(text[token.end])) ++token.end;
    tokens.push_back(token);
    at = token.end;
  }
  return tokens;
}

class AddressFinder {
 public:
  AddressFinder(std::string_view text, std::vector<PersonalSpan>& found)
      : text_(text), tokens_(tokens_of(text)), found_(found) {}

  void run() {
    for (std::size_t i = 0; i < tokens_.size();) {
      std::size_t after = english_street(i);
      if (after == i) after = german_street(i);
      if (after == i) after = british_postcode(i);
      if (after == i) after = american_state(i);
      if (after == i) {
        ++i;
        continue;
      }
      found_.push_back({tokens_[i].begin, tokens_[after - 1].end, "ADDRESS"});
      i = after;
    }
  }

 private:
  std::string_view word(std::size_t i) const {
    return text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
  }
  /// What stands between the token and the one before it.
  std::string_view gap(std::size_t i) const {
    return text_.substr(tokens_[i - 1].end, tokens_[i].begin - tokens_[i - 1].end);
  }
  bool joined(std::size_t i) const {
    const auto between = gap(i);
    return between == " " || between == ", " || between == ". " || between == "'" ||
           between == "-" || between == "/";
  }
  bool is_number(std::size_t i, std::size_t most) const {
    const auto text = word(i);
    if (text.empty() || text.size() > most || !is_digit(text.front())) return false;
    // "12", "12a".
    const auto digits = is_letter(text.back()) ? text.substr(0, text.size() - 1) : text;
    return std::all_of(digits.begin(), digits.end(), is_digit);
  }
  bool is_capital(std::size_t i) const {
    const char first = word(i).front();
    return is_upper(first) || static_cast<unsigned char>(first) >= 0x80;
  }

  /// "12 High Street", "221B Baker St", "1600 Pennsylvania Avenue NW".
  std::size_t english_street(std::size_t i) const {
    constexpr std::size_t kMostWords = 5;
    constexpr std::array<std::string_view, 32> kStreets = {
        "street",   "st",      "road",  "rd",   "avenue",    "ave",  "lane",    "ln",
        "drive",    "dr",      "close", "way",  "court",     "ct",   "square",  "sq",
        "crescent", "terrace", "place", "pl",   "boulevard", "blvd", "grove",   "gardens",
        "mews",     "parade",  "walk",  "hill", "row",       "quay", "parkway", "highway"};
    if (!is_number(i, 6)) return i;
    for (std::size_t j = i + 1; j < std::min(tokens_.size(), i + 1 + kMostWords); ++j) {
      if (!joined(j) || !is_capital(j)) return i;
      std::string name(word(j));
      std::transform(name.begin(), name.end(), name.begin(), lower);
      if (j > i + 1 && std::find(kStreets.begin(), kStreets.end(), name) != kStreets.end()) {
        return j + 1;
      }
    }
    return i;
  }

  /// "Hauptstraße 12", "Lange Str. 5", with ", 10115 Berlin" behind it.
  std::size_t german_street(std::size_t i) const {
    constexpr std::array<std::string_view, 9> kEndings = {
        "straße", "strasse", "str", "weg", "platz", "allee", "gasse", "ufer", "damm"};
    std::string name(word(i));
    std::transform(name.begin(), name.end(), name.begin(), lower);
    const bool street = is_capital(i) && name.size() > 3 &&
                        std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view ending) {
                          return name.ends_with(ending) && name.size() > ending.size();
                        });
    if (!street || i + 1 >= tokens_.size() || !joined(i + 1) || !is_number(i + 1, 5)) return i;
    const std::size_t after = i + 2;
    const bool town = after + 1 < tokens_.size() && joined(after) && word(after).size() == 5 &&
                      is_number(after, 5) && joined(after + 1) && is_capital(after + 1);
    return town ? after + 2 : after;
  }

  /// "SW1A 1AA", "M1 1AE".
  std::size_t british_postcode(std::size_t i) const {
    const auto outward = word(i);
    std::size_t letters = 0;
    while (letters < outward.size() && is_upper(outward[letters])) ++letters;
    if (letters < 1 || letters > 2 || outward.size() > letters + 2 || outward.size() == letters ||
        !is_digit(outward[letters])) {
      return i;
    }
    const char last = outward.back();
    if (!is_digit(last) && !is_upper(last)) return i;
    if (i + 1 >= tokens_.size() || gap(i + 1) != " ") return i;
    const auto inward = word(i + 1);
    const bool fits =
        inward.size() == 3 && is_digit(inward[0]) && is_upper(inward[1]) && is_upper(inward[2]);
    return fits ? i + 2 : i;
  }

  /// "CA 94105", "NY 10001-1234" behind a comma.
  std::size_t american_state(std::size_t i) const {
    const auto state = word(i);
    if (state.size() != 2 || !is_upper(state[0]) || !is_upper(state[1])) return i;
    if (i == 0 || gap(i) != ", " || i + 1 >= tokens_.size() || gap(i + 1) != " ") return i;
    const auto code = word(i + 1);
    if (code.size() != 5 || !std::all_of(code.begin(), code.end(), is_digit)) return i;
    const bool longer = i + 2 < tokens_.size() && gap(i + 2) == "-" && word(i + 2).size() == 4 &&
                        is_number(i + 2, 4);
    return longer ? i + 3 : i + 2;
  }

  const std::string_view text_;
  const std::vector<Token> tokens_;
  std::vector<PersonalSpan>& found_;
};

}  // namespace

void find_emails(std::string_view text, std::vector<PersonalSpan>& found) {
  // Longer ones than there can be are hidden as well: a part would be left, and half a character.
  std::size_t taken = 0;
  for (auto at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    std::size_t begin = at;
    while (begin > taken && is_local_part(text[begin - 1])) --begin;
    std::size_t end = at + 1;
    while (end < text.size() && is_domain(text[end])) ++end;
    while (end > at + 1 && (text[end - 1] == '.' || text[end - 1] == '-')) --end;
    const auto domain = text.substr(at + 1, end - at - 1);
    const auto dot = domain.rfind('.');
    const bool whole = begin < at && dot != std::string_view::npos && dot > 0 &&
                       domain.size() - dot > 2 && is_letter(domain.back());
    if (!whole) continue;
    found.push_back({begin, end, "EMAIL"});
    taken = end;
  }
}

void find_phones(std::string_view text, std::vector<PersonalSpan>& found) {
  const auto separates = [](char c) {
    return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/';
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const bool opens = is_digit(c) || c == '+' || c == '(';
    if (!opens || (at > 0 && is_word(text[at - 1]))) {
      ++at;
      continue;
    }
    std::size_t end = at + (is_digit(c) ? 0 : 1);
    std::size_t last_digit = at;
    std::size_t gap = 0;
    while (end < text.size() && gap <= 2) {
      if (is_digit(text[end])) {
        last_digit = end;
        gap = 0;
      } else if (separates(text[end])) {
        ++gap;
      } else {
        break;
      }
      ++end;
    }
    const std::size_t stop = last_digit + 1;
    const bool inside_word = stop < text.size() && is_word(text[stop]);
    const auto candidate = text.substr(at, stop - at);
    if (!inside_word && is_phone(candidate, text.substr(0, at))) {
      found.push_back({at, stop, "PHONE"});
    }
    at = std::max(stop, at + 1);
  }
}

void find_addresses(std::string_view text, std::vector<PersonalSpan>& found) {
  AddressFinder(text, found).run();
}

void find_word(std::string_view text, std::string_view word, bool exact,
               std::vector<PersonalSpan>& found) {
  if (word.empty() || word.size() > text.size()) return;
  const auto same = [exact](char a, char b) { return a == b || (!exact && lower(a) == lower(b)); };
  for (std::size_t at = 0; at + word.size() <= text.size();) {
    const std::size_t end = at + word.size();
    const bool fits =
        same(text[at], word.front()) &&
        std::equal(word.begin(), word.end(), text.begin() + static_cast<std::ptrdiff_t>(at),
                   [&](char a, char b) { return same(b, a); }) &&
        (at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]));
    if (fits) found.push_back({at, end, "NAME"});
    at = fits ? end : at + 1;
  }
}

}  // namespace rwp::ai
