#include "ai_local/cv/reach.hpp"

#include "ai_local/cv/dates.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace rwp::ai_local {
namespace {

void add_once(std::vector<std::string>& list, std::string_view text) {
  constexpr std::size_t kMost = 20;
  if (list.size() == kMost) return;
  if (std::find(list.begin(), list.end(), text) == list.end()) list.emplace_back(text);
}

bool is_address_char(char c) noexcept {
  return is_word(c) || std::string_view("._%+-").find(c) != std::string_view::npos;
}

bool is_phone_char(char c) noexcept {
  return is_digit(c) || std::string_view(" .-()/+").find(c) != std::string_view::npos;
}

constexpr auto kPhoneLabels = std::to_array<std::string_view>(
    {"tel",     "tel.",  "telephone", "phone",     "mobile",   "mob",      "cell",  "hp",
     "telefon", "mobil", "handy",     "téléphone", "portable", "teléfono", "móvil", "telefoon",
     "mobiel",  "t",     "m",         "p",         "call",     "whatsapp"});

/// Ends of bare host names that make them links.
constexpr auto kDomains = std::to_array<std::string_view>(
    {"com", "org", "net", "io",   "dev", "me",  "example", "co.uk",  "uk",   "de",    "fr",
     "es",  "nl",  "ie",  "it",   "eu",  "ch",  "at",      "be",     "ca",   "au",    "nz",
     "in",  "sg",  "us",  "info", "ai",  "app", "tech",    "design", "page", "codes", "name"});

bool has_phone_label(std::string_view before) {
  return std::any_of(kPhoneLabels.begin(), kPhoneLabels.end(),
                     [&](std::string_view label) { return has_word(before, label); });
}

bool is_other_number(std::string_view before) {
  for (const std::string_view label :
       {"birth", "dob", "geboren", "geburt", "nacimiento", "naissance", "né le", "née le", "id",
        "passport", "pin", "nmc", "gmc", "hcpc", "registration", "reg", "member", "no", "gpa"}) {
    if (has_word(before, label)) return true;
  }
  return false;
}

/// Whether the digits are some line's dates.
bool overlaps_date(const std::vector<DateRange>& dates, std::size_t begin, std::size_t end) {
  return std::any_of(dates.begin(), dates.end(), [&](const DateRange& date) {
    return date.begin < end && begin < date.end && (date.range || date.start_date.size() > 4);
  });
}

bool is_host(std::string_view folded) {
  const auto dot = folded.find('.');
  if (dot == std::string_view::npos || dot == 0 || folded.find("..") != std::string_view::npos) {
    return false;
  }
  for (const auto domain : kDomains) {
    if (folded.size() > domain.size() + 1 && folded.ends_with(domain) &&
        folded[folded.size() - domain.size() - 1] == '.') {
      return true;
    }
  }
  return false;
}

bool is_link(std::string_view word) {
  if (word.find('@') != std::string_view::npos) return false;
  const std::string folded = fold(word);
  if (folded.starts_with("http://") || folded.starts_with("https://")) return folded.size() > 11;
  if (folded.starts_with("www.")) return folded.size() > 6;
  const auto slash = folded.find('/');
  const std::string_view host = std::string_view(folded).substr(0, slash);
  constexpr std::size_t kShortestHost = 5;
  // "B.Sc" and "e.g" are none, nor is "Node.js".
  return host.size() >= kShortestHost && is_host(host) &&
         (slash != std::string::npos || std::count(host.begin(), host.end(), '.') > 1 ||
          host.find('-') != std::string_view::npos || host.size() > 9);
}

}  // namespace

void add_emails(const CvLine& line, std::vector<std::string>& emails) {
  const std::string& text = line.text;
  for (auto at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1)) {
    std::size_t begin = at;
    while (begin > 0 && is_address_char(text[begin - 1])) --begin;
    std::size_t end = at + 1;
    while (end < text.size() && is_address_char(text[end])) ++end;
    while (end > at && (text[end - 1] == '.' || text[end - 1] == '-')) --end;
    const auto host = std::string_view(text).substr(at + 1, end - at - 1);
    if (begin < at && host.find('.') != std::string_view::npos) {
      add_once(emails, std::string_view(text).substr(begin, end - begin));
    }
  }
}

void add_phones(const CvLine& line, std::vector<std::string>& phones) {
  constexpr std::ptrdiff_t kFewest = 9;
  constexpr std::ptrdiff_t kFewestLabelled = 6;
  constexpr std::ptrdiff_t kMost = 15;
  const std::string_view text = line.text;
  const auto dates = find_dates(line.folded);
  for (std::size_t at = 0; at < text.size();) {
    const bool begins = (is_digit(text[at]) || text[at] == '+' || text[at] == '(') &&
                        (at == 0 || !is_word(text[at - 1]));
    if (!begins) {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && is_phone_char(text[end]) && text[end] != '+') ++end;
    auto number = text.substr(at, end - at);
    while (!number.empty() && !is_digit(number.back())) number.remove_suffix(1);
    const auto digits = std::count_if(number.begin(), number.end(), is_digit);
    // What stands before the number in its cell.
    constexpr std::size_t kReach = 24;
    const std::size_t from = at > kReach ? at - kReach : 0;
    auto before = std::string_view(line.folded).substr(from, at - from);
    before.remove_prefix(before.rfind('|') == std::string_view::npos ? 0 : before.rfind('|') + 1);
    const bool labelled = has_phone_label(before);
    // A number goes on into a word: a postcode, a part number.
    const bool goes_on = at + number.size() < text.size() && is_word(text[at + number.size()]);
    const bool is_phone = digits >= (labelled ? kFewestLabelled : kFewest) && digits <= kMost &&
                          !goes_on && (labelled || !is_other_number(before)) &&
                          !overlaps_date(dates, at, at + number.size());
    if (is_phone) {
      // "(0161) 496" keeps its bracket, "(tel 0161" has none.
      if (number.front() == '(' && number.find(')') == std::string_view::npos)
        number.remove_prefix(1);
      add_once(phones, number);
    }
    at = end;
  }
}

void add_links(const CvLine& line, std::vector<std::string>& links) {
  const std::string_view text = line.text;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = text.find_first_not_of(" |,;()<>", at);
    if (begin == std::string_view::npos) return;
    const auto end = std::min(text.find_first_of(" |,;()<>", begin), text.size());
    auto word = text.substr(begin, end - begin);
    while (!word.empty() && (word.back() == '.' || word.back() == '/')) word.remove_suffix(1);
    if (is_link(word)) add_once(links, word);
    at = end;
  }
}

}  // namespace rwp::ai_local
