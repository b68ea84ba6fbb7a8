#include "ai_local/cv/schooling.hpp"

#include "ai_local/cv/dates.hpp"
#include "ai_local/cv/lexicon.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::ai_local {
namespace {

constexpr std::size_t kMostEntries = 30;
constexpr std::size_t kMostCertificates = 40;
constexpr std::size_t kLongestPart = 120;

std::string_view strip(std::string_view text) {
  constexpr std::string_view kEdges = " ,;:|-/.";
  const auto first = text.find_first_not_of(kEdges);
  if (first == std::string_view::npos) return {};
  text = text.substr(first, text.find_last_not_of(kEdges) - first + 1);
  // A bracket that the date has left open.
  if (text.ends_with('(')) text = trim(text.substr(0, text.size() - 1));
  return text;
}

/// What one line says of schooling.
struct Said {
  std::string qualification{};
  std::string level{};
  std::string institution{};
  std::string start{};
  std::string end{};
};

/// At commas, walls, dashes and "at"/"from" outside of brackets.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  int depth = 0;
  const auto cut = [&](std::size_t end, std::size_t next) {
    const auto part = strip(text.substr(begin, end - begin));
    if (!part.empty()) parts.emplace_back(part);
    begin = next;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && depth > 0) --depth;
    if (depth > 0) continue;
    for (const std::string_view mark : {",", "|", ";", " - ", " at ", " from ", "\xC2\xB7"}) {
      if (text.substr(i, mark.size()) != mark) continue;
      cut(i, i + mark.size());
      break;
    }
  }
  cut(text.size(), text.size());
  return parts;
}

/// The value behind a label such as "Course:", "College:", "Date:".
std::string_view unlabelled(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return text;
  const std::string name = fold(trim(text.substr(0, colon)));
  for (const std::string_view label : {"course",
                                       "college",
                                       "university",
                                       "school",
                                       "date",
                                       "dates",
                                       "degree",
                                       "qualification",
                                       "tertiary",
                                       "secondary",
                                       "primary",
                                       "titolo della qualifica",
                                       "istituto",
                                       "data",
                                       "datum",
                                       "diplôme",
                                       "établissement",
                                       "title of qualification awarded",
                                       "institution",
                                       "title of qualification",
                                       "name of institution",
                                       "studiengang"}) {
    if (name == label) return trim(text.substr(colon + 1));
  }
  return text;
}

bool is_mark(std::string_view folded) {
  for (const std::string_view mark :
       {"gpa", "cgpa", "distinction", "merit", "2:1", "2:2", "first", "upper second",
        "lower second", "grade", "note", "cum laude"}) {
    if (has_word(folded, mark) && folded.size() < 30) return true;
  }
  return false;
}

/// A name of two words and more without digits: no subject with its mark.
bool may_be_institution(std::string_view part) {
  constexpr std::size_t kShortestAcronym = 3;
  const bool acronym =
      part.size() >= kShortestAcronym && std::all_of(part.begin(), part.end(), is_upper);
  return is_upper(part.front()) && (acronym || part.find(' ') != std::string_view::npos) &&
         std::none_of(part.begin(), part.end(), is_digit);
}

Said read_line(const CvLine& line) {
  Said said;
  std::string text(unlabelled(line.text));
  const auto dates = find_dates(fold(text));
  if (!dates.empty()) {
    const auto& date = dates.front();
    said.start = date.range ? date.start_date : "";
    said.end = date.range ? date.end_date : date.start_date;
    text.replace(date.begin, date.end - date.begin, " | ");
  }
  for (auto& part : parts_of(text)) {
    const std::string folded = fold(part);
    const bool school = looks_like_school(folded);
    const auto level = qualification_level(folded, part);
    // "GCSEs: Maths 5" speaks of a level, "Example High School" of a school.
    if (school && (said.institution.empty()) &&
        (level.empty() || level == "secondary" || !said.qualification.empty())) {
      // "University of X. Thesis: …" ends at its full stop.
      const auto stop = part.find(". ");
      said.institution = part.substr(0, stop);
      if (level == "secondary" && said.level.empty()) said.level = "secondary";
      continue;
    }
    if (!level.empty() && said.level.empty()) {
      if (level != "other") said.level = std::string(level);
      // "BSc Nursing University of X", all in one.
      said.qualification = said.qualification.empty() ? part : said.qualification + ", " + part;
      continue;
    }
    if (part.size() > kLongestPart || is_mark(folded) || is_known_place(folded)) continue;
    if (said.qualification.empty() && said.institution.empty()) {
      said.qualification = part;
    } else if (said.institution.empty() && !said.qualification.empty() && !said.level.empty() &&
               may_be_institution(part)) {
      said.institution = part;
    }
  }
  return said;
}

bool says_something(const CvEducation& entry) {
  return !entry.level.empty() || !entry.institution.empty() ||
         (!entry.qualification.empty() && !entry.end.empty());
}

void take(std::string& into, std::string& from) {
  if (into.empty()) into = std::move(from);
}

}  // namespace

std::vector<CvEducation> find_education_entries(const std::vector<CvSection>& sections) {
  std::vector<CvEducation> entries;
  const auto close = [&](CvEducation& entry) {
    if (says_something(entry) && entries.size() < kMostEntries) entries.push_back(entry);
    entry = CvEducation();
  };
  for (const auto& section : sections) {
    if (section.kind != CvSectionKind::education) continue;
    CvEducation entry;
    for (const auto& line : section.lines) {
      auto said = read_line(line);
      // A second degree, a second school or second dates begin another entry.
      const bool again = (!said.level.empty() && !entry.level.empty()) ||
                         (!said.institution.empty() && !entry.institution.empty()) ||
                         (!said.end.empty() && !entry.end.empty());
      const bool names_none = said.level.empty() && said.institution.empty();
      if (names_none && (line.text.ends_with('.') || (line.bullet && says_something(entry)))) {
        continue;
      }
      if (line.opens_block || again) close(entry);
      take(entry.level, said.level);
      take(entry.institution, said.institution);
      take(entry.start, said.start);
      take(entry.end, said.end);
      take(entry.qualification, said.qualification);
    }
    close(entry);
  }
  return entries;
}

std::vector<std::string> find_certificates(const std::vector<CvSection>& sections) {
  std::vector<std::string> certificates;
  for (const auto& section : sections) {
    if (section.kind != CvSectionKind::certificates) continue;
    for (const auto& line : section.lines) {
      // Few words between commas are a list, many are a sentence.
      for (auto& part : parts_of(line.text)) {
        if (certificates.size() == kMostCertificates || part.size() > kLongestPart) break;
        const bool year_only = part.find_first_not_of("0123456789 ") == std::string::npos;
        if (year_only && !certificates.empty()) {
          certificates.back() += ", " + part;
        } else if (!year_only) {
          certificates.push_back(std::move(part));
        }
      }
    }
  }
  return certificates;
}

}  // namespace rwp::ai_local
