#include "ai_local/cv/contact.hpp"

#include "ai_local/cv/lexicon.hpp"
#include "ai_local/cv/reach.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::ai_local {
namespace {

/// Lines at the top among which a name is looked for.
constexpr std::size_t kTopLines = 6;

constexpr auto kNameLabels = std::to_array<std::string_view>(
    {"name", "full name", "nome / cognome", "name / surname", "nome e cognome",
     "first name(s) / surname(s)", "surname(s) / first name(s)", "vorname / name",
     "nachname / vorname", "nom / prénom", "nom", "nombre", "naam", "nome", "vor- und nachname",
     "candidate"});
constexpr auto kPlaceLabels = std::to_array<std::string_view>(
    {"address", "location", "town", "city", "home address", "anschrift", "adresse", "wohnort",
     "dirección", "domicilio", "ciudad", "ville", "adres", "woonplaats", "indirizzo", "morada",
     "residence", "based in", "lives in"});

constexpr auto kHonours = std::to_array<std::string_view>(
    {"dr",   "dr.",  "mr",    "mr.",       "mrs",  "mrs.", "ms",         "ms.",
     "miss", "prof", "prof.", "professor", "herr", "frau", "dipl.-ing.", "m.",
     "mme",  "ing.", "ir.",   "drs.",      "sr.",  "sra.", "sir"});

constexpr auto kParticles = std::to_array<std::string_view>(
    {"van", "von",   "der", "den", "de",  "la",   "le", "du", "da",  "di",
     "del", "della", "dos", "das", "bin", "bint", "al", "el", "ter", "ten",
     "zu",  "zur",   "y",   "e",   "i",   "ap",   "af", "av"});

/// What may follow a name and is none.
constexpr auto kPostNominals = std::to_array<std::string_view>(
    {"cpa",      "ca",   "mba",  "phd",  "msc",   "bsc",     "ba",    "ma",   "mbbs",    "mbchb",
     "mrcpsych", "mrcp", "frcs", "frca", "rn",    "rm",      "rgn",   "rmn",  "rnld",    "pmp",
     "mcsp",     "pgce", "acca", "fcca", "aca",   "cfa",     "cima",  "acma", "pe",      "p.e.",
     "md",       "esq",  "esq.", "jr",   "jr.",   "sr",      "llb",   "llm",  "frcpath", "mrics",
     "mciob",    "ceng", "miet", "fhea", "cissp", "shrm-cp", "mcipd", "acipd"});

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// "Label: value" or "Label | value", when the label is one of `labels`.
template <std::size_t N>
std::string_view labelled(const CvLine& line, const std::array<std::string_view, N>& labels) {
  const auto mark = line.text.find_first_of(":|");
  if (mark != std::string::npos &&
      is_one_of(labels, trim(std::string_view(line.folded).substr(0, mark)))) {
    return trim(std::string_view(line.text).substr(mark + 1));
  }
  return {};
}

bool begins_upper(std::string_view word) {
  if (is_upper(word.front())) return true;
  // Capitals beyond ASCII fold to something else: "Élodie".
  return static_cast<unsigned char>(word.front()) >= 0xC3 && fold(word) != word;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = text.find_first_not_of(' ', at);
    if (begin == std::string_view::npos) break;
    const auto end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    at = end;
  }
  return words;
}

bool is_name_word(std::string_view word) {
  const auto odd = [](char c) { return !is_word(c) && c != '-' && c != '\'' && c != '.'; };
  return std::none_of(word.begin(), word.end(), odd) &&
         std::none_of(word.begin(), word.end(), is_digit);
}

/// The name that a cell is, without titles and what follows names; none: it is no name.
std::optional<std::string> read_name(std::string_view cell) {
  constexpr std::size_t kLongest = 200;
  cell = trim(cell.substr(0, cell.find_first_of(",(|")));
  if (cell.size() > kLongest) return std::nullopt;
  auto words = words_of(cell);
  while (!words.empty() && is_one_of(kHonours, fold(words.front()))) words.erase(words.begin());
  while (words.size() > 2 && is_one_of(kPostNominals, fold(words.back()))) words.pop_back();
  constexpr std::size_t kMostWords = 6;
  if (words.size() < 2 || words.size() > kMostWords) return std::nullopt;
  std::size_t capitals = 0;
  std::string name;
  for (const auto word : words) {
    if (!is_name_word(word)) return std::nullopt;
    const bool upper = begins_upper(word);
    if (!upper && !is_one_of(kParticles, fold(word))) return std::nullopt;
    capitals += upper ? 1 : 0;
    name += (name.empty() ? "" : " ") + std::string(word);
  }
  const std::string folded = fold(name);
  if (capitals < 2 || looks_like_title(folded) > 1 || looks_like_employer(folded) > 0 ||
      read_heading(name).section != CvSectionKind::none || is_known_place(folded)) {
    return std::nullopt;
  }
  for (const std::string_view no_name :
       {"curriculum", "currículum", "vítae", "resume", "résumé", "lebenslauf", "vitae",
        "confidential", "page", "date", "permis", "street", "road", "avenue", "lane", "grove",
        "terrace"}) {
    if (has_word(folded, no_name)) return std::nullopt;
  }
  return name;
}

bool begins_with_mark(std::string_view text) {
  for (const std::string_view mark : {" - ", "\xC2\xB7", " / ", ";", "\xE2\x80\xA2"}) {
    if (text.starts_with(mark)) return true;
  }
  return false;
}

/// Pieces of a header line: cells, and what dashes, bullets and middle dots divide.
std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> pieces;
  for (const auto cell : split_cells(text)) {
    std::size_t at = 0;
    while (at <= cell.size()) {
      // One way through the cell, however many marks it has.
      auto end = at;
      while (end < cell.size() && !begins_with_mark(cell.substr(end))) ++end;
      const auto piece = trim(cell.substr(at, end - at));
      if (!piece.empty()) pieces.push_back(piece);
      at = end + 1;
      while (at < cell.size() && (cell[at] == ' ' || cell[at] == '-' || cell[at] == '/' ||
                                  (static_cast<unsigned char>(cell[at]) & 0xC0U) == 0x80U)) {
        ++at;
      }
    }
  }
  return pieces;
}

/// Whether a word is (part of) a postcode: "LS6", "4QW", "70599", "D02".
bool is_postcode_word(std::string_view word) {
  const auto digits = std::count_if(word.begin(), word.end(), is_digit);
  const auto letters = std::count_if(word.begin(), word.end(), is_upper);
  const auto size = static_cast<std::ptrdiff_t>(word.size());
  if (digits + letters != size || digits == 0) return false;
  return letters == 0 ? size >= 4 && size <= 6 : size <= 4;
}

std::string without_postcode(std::string_view piece) {
  std::string text;
  for (const auto word : words_of(piece)) {
    if (is_postcode_word(word)) continue;
    text += (text.empty() ? "" : " ") + std::string(word);
  }
  return text;
}

/// A part of an address between commas, without its postcode.
struct AddressPart {
  std::string text{};
  std::string folded{};
  bool had_postcode = false;
};

/// Of a text, but for pieces with `name`, which is folded.
std::vector<AddressPart> address_parts(std::string_view text, const std::string& name) {
  std::vector<AddressPart> parts;
  for (const auto piece : pieces_of(text)) {
    if (!name.empty() && fold(piece).find(name) != std::string::npos) continue;
    std::string_view rest = piece;
    while (!rest.empty()) {
      const auto comma = rest.find_first_of(",()");
      auto part = trim(rest.substr(0, comma));
      if (fold(part).starts_with("based in ")) part = trim(part.substr(9));
      std::string bare = without_postcode(part);
      const bool had_postcode = bare.size() + 2 < part.size();
      std::string folded = fold(bare);
      parts.push_back({std::move(bare), std::move(folded), had_postcode});
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return parts;
}

bool may_be_town(const AddressPart& part) {
  constexpr std::size_t kLongest = 40;
  return part.text.size() > 1 && part.text.size() < kLongest && begins_upper(part.text) &&
         std::none_of(part.text.begin(), part.text.end(), is_digit) &&
         part.text.find('@') == std::string::npos;
}

/// "NSW", "TX", "UK".
bool is_state(const AddressPart& part, std::size_t most) {
  return part.text.size() > 1 && part.text.size() <= most &&
         std::all_of(part.text.begin(), part.text.end(), is_upper);
}

/// A known place, alone or with what follows it: "Dublin 7", "Chermside QLD".
bool names_place(const AddressPart& part) {
  if (is_known_place(part.folded)) return true;
  const auto words = words_of(part.folded);
  return words.size() > 1 && words.size() < 4 && is_known_place(words.front());
}

/// The part with the state and country that follow.
std::string place_from(const std::vector<AddressPart>& parts, std::size_t i) {
  std::string place = parts[i].text;
  for (std::size_t next = i + 1; next < parts.size() && next < i + 3; ++next) {
    if (!is_state(parts[next], 3) && !is_known_place(parts[next].folded)) break;
    place += ", " + parts[next].text;
  }
  return place;
}

/// The town of an address or header: a known place, else what stands at a postcode or before a
/// state. `sure`: the whole text is an address. A piece with `name`, folded, is not looked at.
std::string find_place(std::string_view text, bool sure, const std::string& name) {
  const auto parts = address_parts(text, name);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (names_place(parts[i])) return place_from(parts, i);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].had_postcode) continue;
    if (may_be_town(parts[i])) return place_from(parts, i);
    const bool alone = parts[i].text.empty() && i > 0;
    if (alone && may_be_town(parts[i - 1])) return place_from(parts, i - 1);
  }
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const bool state = is_state(parts[i + 1], 2) && !is_one_of(kPostNominals, parts[i + 1].folded);
    if (state && may_be_town(parts[i])) return place_from(parts, i);
  }
  const auto last = std::find_if(parts.rbegin(), parts.rend(), may_be_town);
  return sure && last != parts.rend() ? last->text : std::string();
}

/// The lines before the first heading of substance and those of contact sections.
std::vector<const CvLine*> contact_lines(const std::vector<CvSection>& sections) {
  std::vector<const CvLine*> lines;
  for (const auto& section : sections) {
    if (section.kind != CvSectionKind::contact) continue;
    for (const auto& line : section.lines) lines.push_back(&line);
  }
  return lines;
}

/// "my name is Jane Doe and …".
std::string name_in_sentence(const CvLine& line) {
  for (const std::string_view cue : {"my name is ", "i am called ", "mein name ist ",
                                     "je m'appelle ", "me llamo ", "mi chiamo ", "mijn naam is "}) {
    const auto at = line.folded.find(cue);
    if (at == std::string::npos) continue;
    std::string name;
    for (const auto word : words_of(std::string_view(line.text).substr(at + cue.size()))) {
      if (!begins_upper(word) || !is_name_word(word)) break;
      name += (name.empty() ? "" : " ") + std::string(word);
    }
    if (!name.empty()) return name;
  }
  return {};
}

void find_name(const std::vector<CvSection>& sections, const std::vector<const CvLine*>& top,
               CvContact& contact) {
  for (const auto* line : top) {
    const auto value = labelled(*line, kNameLabels);
    if (value.empty()) continue;
    contact.name = std::string(trim(value.substr(0, value.find_first_of("(|"))));
    return;
  }
  // The top of the page, then the top of what a second column begins with.
  std::vector<const CvLine*> places;
  for (std::size_t i = 0; i < top.size() && i < kTopLines; ++i) places.push_back(top[i]);
  for (const auto& section : sections) {
    for (std::size_t i = 0; i < section.lines.size() && section.kind != CvSectionKind::experience;
         ++i) {
      if (section.lines[i].opens_block) places.push_back(&section.lines[i]);
    }
  }
  for (const auto* line : places) {
    contact.name = name_in_sentence(*line);
    if (!contact.name.empty()) return;
    for (const auto piece : pieces_of(line->text)) {
      auto name = read_name(piece);
      if (!name) continue;
      contact.name = std::move(*name);
      return;
    }
  }
}

void find_headline(const std::vector<const CvLine*>& top, CvContact& contact) {
  constexpr std::size_t kLongest = 70;
  const std::string name = fold(contact.name);
  for (std::size_t i = 0; i < top.size() && i < kTopLines; ++i) {
    for (const auto piece : pieces_of(top[i]->text)) {
      std::string folded = fold(piece);
      if (!name.empty() && folded.find(name) != std::string::npos) continue;
      if (piece.size() > kLongest || piece.find_first_of("@.!:") != std::string_view::npos)
        continue;
      if (looks_like_title(folded) < 2) continue;
      contact.headline = std::string(piece);
      return;
    }
  }
}

void find_location(const std::vector<const CvLine*>& top, CvContact& contact) {
  const std::string name = fold(contact.name);
  for (const auto* line : top) {
    const auto value = labelled(*line, kPlaceLabels);
    if (!value.empty()) contact.location = find_place(value, true, name);
    if (!contact.location.empty()) return;
  }
  for (const auto* line : top) {
    auto at = find_word(line->folded, "based in");
    if (at != std::string_view::npos) {
      contact.location = find_place(std::string_view(line->text).substr(at + 8), true, name);
    } else {
      // Dots end header cells too: "Ipswich. Tel 07700 …"; those of the name do not.
      std::string text = line->text;
      const auto named = name.empty() ? std::string::npos : line->folded.find(name);
      if (named != std::string::npos) text.replace(named, name.size(), name.size(), '|');
      for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] == '.' && text[i + 1] == ' ') text[i] = '|';
      }
      contact.location = find_place(text, false, name);
    }
    if (!contact.location.empty()) return;
  }
}

}  // namespace

CvContact find_contact(const std::vector<CvSection>& sections) {
  CvContact contact;
  const auto top = contact_lines(sections);
  for (const auto* line : top) {
    add_emails(*line, contact.emails);
    add_phones(*line, contact.phones);
    add_links(*line, contact.links);
  }
  // Some put it at the end.
  for (const auto& section : sections) {
    const bool others =
        section.kind == CvSectionKind::experience || section.kind == CvSectionKind::contact;
    for (const auto& line : section.lines) {
      if (others || section.kind == CvSectionKind::other) break;
      if (contact.emails.empty()) add_emails(line, contact.emails);
      if (contact.phones.empty()) add_phones(line, contact.phones);
    }
  }
  find_name(sections, top, contact);
  find_headline(top, contact);
  find_location(top, contact);
  return contact;
}

}  // namespace rwp::ai_local
