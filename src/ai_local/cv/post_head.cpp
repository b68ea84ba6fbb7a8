#include "ai_local/cv/post_head.hpp"

#include "ai_local/cv/lexicon.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace rwp::ai_local {
namespace {

constexpr std::string_view kEdges = " ,;:|-/\xC2\xB7";

std::string_view strip(std::string_view text) {
  const auto first = text.find_first_not_of(kEdges);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kEdges) - first + 1);
}

/// Words in brackets that tell how long or in what form somebody was employed.
bool is_aside(std::string_view folded) {
  for (const std::string_view word : {"year",      "years",     "yr",
                                      "yrs",       "month",     "months",
                                      "mos",       "mo",        "week",
                                      "weeks",     "contract",  "part-time",
                                      "part time", "full-time", "full time",
                                      "casual",    "temporary", "permanent",
                                      "freelance", "volunteer", "maternity cover",
                                      "jahre",     "monate",    "teilzeit",
                                      "vollzeit"}) {
    if (has_word(folded, word)) return true;
  }
  return folded.find_first_not_of("0123456789 .,-") == std::string_view::npos;
}

/// Without asides in brackets, and empty brackets that a date has left.
std::string without_asides(std::string_view text) {
  std::string kept(text);
  for (auto open = kept.find('('); open != std::string::npos; open = kept.find('(', open)) {
    const auto close = kept.find(')', open);
    if (close == std::string::npos) {
      // A bracket that was closed within the date.
      if (trim(std::string_view(kept).substr(open + 1)).empty()) kept.resize(open);
      break;
    }
    if (is_aside(fold(std::string_view(kept).substr(open + 1, close - open - 1)))) {
      kept.erase(open, close - open + 1);
    } else {
      open = close;
    }
  }
  return one_line(kept);
}

/// Whether the full stop at `at` ends a sentence, not "Ltd." or "St.".
bool ends_sentence(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size() || text[at + 1] != ' ' || is_lower(text[at + 2])) return false;
  auto word = text.substr(0, at);
  const auto space = word.rfind(' ');
  if (space != std::string_view::npos) word.remove_prefix(space + 1);
  constexpr std::size_t kLongestAbbreviation = 3;
  constexpr auto kAbbreviations = std::to_array<std::string_view>({"inc", "corp", "pvt", "dept"});
  const std::string folded = fold(word);
  // "Ltd. Pune" is no end, "Ltd. Driver" hardly ever written so.
  return word.size() > kLongestAbbreviation &&
         std::find(kAbbreviations.begin(), kAbbreviations.end(), folded) == kAbbreviations.end();
}

std::vector<std::string> split_pieces(std::string_view line) {
  std::vector<std::string> pieces;
  std::size_t begin = 0;
  const auto cut = [&](std::size_t end, std::size_t next) {
    const auto piece = strip(line.substr(begin, end - begin));
    if (!piece.empty()) pieces.emplace_back(piece);
    begin = next;
  };
  int depth = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '(') ++depth;
    if (line[i] == ')' && depth > 0) --depth;
    if (depth > 0) continue;
    for (const std::string_view mark :
         {"|", " - ", " \xC2\xB7 ", " @ ", " at ", ": ", " : ", " bei ", " chez ", " bij "}) {
      if (line.substr(i, mark.size()) != mark) continue;
      cut(i, i + mark.size());
      i += mark.size() - 1;
      break;
    }
    if (i < line.size() && line[i] == '.' && i > begin && ends_sentence(line, i)) cut(i, i + 1);
  }
  cut(line.size(), line.size());
  return pieces;
}

bool is_legal_form(std::string_view folded) {
  constexpr auto kForms =
      std::to_array<std::string_view>({"inc", "inc.", "llc", "ltd", "ltd.", "llp", "plc", "corp",
                                       "corp.", "co.", "gmbh", "s.a.", "s.l.", "b.v."});
  return std::find(kForms.begin(), kForms.end(), folded) != kForms.end();
}

/// At commas outside of brackets; a legal form stays with its name.
std::vector<std::string> split_commas(std::string_view piece) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= piece.size(); ++i) {
    const bool end = i == piece.size();
    if (!end && piece[i] == '(') ++depth;
    if (!end && piece[i] == ')') --depth;
    if (!end && (piece[i] != ',' || depth > 0)) continue;
    const auto part = strip(piece.substr(begin, i - begin));
    begin = i + 1;
    if (part.empty()) continue;
    if (!parts.empty() && is_legal_form(fold(part))) {
      parts.back().append(", ").append(part);
    } else {
      parts.emplace_back(part);
    }
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts, std::size_t from, std::size_t to) {
  std::string text;
  for (std::size_t i = from; i < to && i < parts.size(); ++i) {
    text += (text.empty() ? "" : ", ") + parts[i];
  }
  return text;
}

/// Of what stands before a bracket: "Agency driver (Class 2)".
int title_score(const std::string& text) {
  const std::string folded = fold(text);
  return looks_like_title(trim(std::string_view(folded).substr(0, folded.find(" ("))));
}
int employer_score(const std::string& text) { return looks_like_employer(fold(text)); }

/// "Neckar Antriebstechnik GmbH, Stuttgart": employer and place.
void read_employer(const std::string& piece, CvPost& post) {
  const auto parts = split_commas(piece);
  if (parts.empty()) return;
  std::size_t last = 1;
  // "Institute of Art, Design and Media": what is no place belongs to the name.
  while (last < parts.size() && !is_known_place(fold(parts[last])) &&
         employer_score(parts[last]) > 0) {
    ++last;
  }
  post.employer = join(parts, 0, last);
  if (last < parts.size() && post.location.empty()) post.location = join(parts, last, last + 2);
}

/// One piece that holds it all: "Staff Nurse, Orthopaedics, St Winifred's Hospital, Leeds".
void read_single(const std::string& piece, bool has_employer, CvPost& post) {
  const auto parts = split_commas(piece);
  if (parts.empty()) return;
  std::size_t employer = parts.size();
  for (std::size_t i = 0; i < parts.size() && employer == parts.size(); ++i) {
    if (employer_score(parts[i]) > title_score(parts[i])) employer = i;
  }
  const bool named = employer < parts.size();
  if (!named && has_employer) {
    post.title = piece;
    return;
  }
  if (!named && parts.size() > 1) {
    // The last is the place, when it can be.
    employer = 1;
    if (title_score(parts[0]) == 0 && title_score(parts[1]) > 0) employer = 0;
    if (employer == 1 && parts.size() > 3) employer = parts.size() - 2;
    if (employer == 1 && is_known_place(fold(parts[1]))) employer = parts.size();
  }
  if (employer == 0) {
    post.employer = parts[0];
    for (std::size_t i = 1; i < parts.size(); ++i) {
      if (title_score(parts[i]) > 0 && post.title.empty()) {
        post.title = join(parts, i, parts.size());
        break;
      }
      if (post.location.empty()) post.location = parts[i];
    }
    return;
  }
  post.title = join(parts, 0, named || parts.size() > 1 ? employer : 1);
  if (employer < parts.size()) {
    post.employer = parts[employer];
    post.location = join(parts, employer + 1, employer + 3);
  } else if (parts.size() > 1 && is_known_place(fold(parts[1]))) {
    post.title = parts[0];
    post.location = parts[1];
  }
}

constexpr std::size_t kLongestName = 90;

}  // namespace

void read_post_head(const std::vector<std::string>& lines, std::string_view employer,
                    CvPost& post) {
  std::vector<std::string> pieces;
  for (const auto& line : lines) {
    if (read_post_label(line, post)) continue;
    for (auto& piece : split_pieces(without_asides(line))) pieces.push_back(std::move(piece));
  }
  std::erase_if(pieces, [](const std::string& piece) { return piece.size() > 2 * kLongestName; });
  if (pieces.empty()) return;
  const auto likeness = [](const std::string& piece) {
    return 2 * title_score(piece) - employer_score(piece);
  };
  std::size_t title = 0;
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    if (likeness(pieces[i]) > likeness(pieces[title])) title = i;
  }
  const auto parts = split_commas(pieces[title]);
  const bool holds_employer = std::any_of(parts.begin(), parts.end(), [](const std::string& part) {
    return employer_score(part) > title_score(part);
  });
  std::size_t other = pieces.size();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool name = i != title && pieces[i].size() <= kLongestName &&
                      !is_known_place(fold(pieces[i].substr(0, pieces[i].find(','))));
    if (!name) continue;
    if (other == pieces.size() || employer_score(pieces[i]) > employer_score(pieces[other])) {
      other = i;
    }
  }
  CvPost read = post;
  const bool better = other < pieces.size() && employer_score(pieces[other]) > 0;
  if (other == pieces.size() || (holds_employer && !better) ||
      (holds_employer && title_score(pieces[title]) > 0 && other > title)) {
    read_single(pieces[title], !employer.empty() || !post.employer.empty(), read);
  } else {
    // "Driver, container work, nights out": what begins small are duties.
    std::size_t named = 1;
    while (named < parts.size() && !is_lower(parts[named].front())) ++named;
    read.title = join(parts, 0, named);
    read_employer(pieces[other], read);
  }
  if (read.employer.empty()) read.employer = std::string(employer);
  for (std::size_t i = 0; i < pieces.size() && read.location.empty(); ++i) {
    if (i != title && i != other &&
        is_known_place(fold(pieces[i].substr(0, pieces[i].find(','))))) {
      read.location = pieces[i];
    }
  }
  // What labels have said stands.
  if (post.title.empty()) post.title = std::move(read.title);
  if (post.employer.empty()) post.employer = std::move(read.employer);
  if (post.location.empty()) post.location = std::move(read.location);
}

bool read_post_label(std::string_view text, CvPost& post) {
  using Label = std::pair<std::string_view, std::string CvPost::*>;
  static constexpr auto kLabels = std::to_array<Label>({
      Label{"position", &CvPost::title},
      Label{"position held", &CvPost::title},
      Label{"job title", &CvPost::title},
      Label{"title", &CvPost::title},
      Label{"role", &CvPost::title},
      Label{"designation", &CvPost::title},
      Label{"occupation or position held", &CvPost::title},
      Label{"post", &CvPost::title},
      Label{"occupation", &CvPost::title},
      Label{"beruf oder funktion", &CvPost::title},
      Label{"tätigkeit", &CvPost::title},
      Label{"fonction ou poste occupé", &CvPost::title},
      Label{"lavoro o posizione ricoperti", &CvPost::title},
      Label{"posizione", &CvPost::title},
      Label{"cargo", &CvPost::title},
      Label{"funktion", &CvPost::title},
      Label{"poste", &CvPost::title},
      Label{"puesto", &CvPost::title},
      Label{"functie", &CvPost::title},
      Label{"employer", &CvPost::employer},
      Label{"company", &CvPost::employer},
      Label{"organisation", &CvPost::employer},
      Label{"organization", &CvPost::employer},
      Label{"client", &CvPost::employer},
      Label{"name of employer", &CvPost::employer},
      Label{"name and address of employer", &CvPost::employer},
      Label{"name und adresse des arbeitgebers", &CvPost::employer},
      Label{"nom de l'employeur", &CvPost::employer},
      Label{"nome del datore di lavoro", &CvPost::employer},
      Label{"datore di lavoro", &CvPost::employer},
      Label{"azienda", &CvPost::employer},
      Label{"arbeitgeber", &CvPost::employer},
      Label{"firma", &CvPost::employer},
      Label{"employeur", &CvPost::employer},
      Label{"entreprise", &CvPost::employer},
      Label{"empresa", &CvPost::employer},
      Label{"werkgever", &CvPost::employer},
      Label{"location", &CvPost::location},
      Label{"duties", &CvPost::summary},
      Label{"responsibilities", &CvPost::summary},
      Label{"main duties", &CvPost::summary},
      Label{"job description", &CvPost::summary},
      Label{"main activities and responsibilities", &CvPost::summary},
      Label{"principali attività", &CvPost::summary},
      Label{"aufgaben", &CvPost::summary},
      Label{"date", nullptr},
      Label{"dates", nullptr},
      Label{"duration", nullptr},
      Label{"period", nullptr},
      Label{"zeitraum", nullptr},
      Label{"datum", nullptr},
      Label{"data", nullptr},
      Label{"periodo", nullptr},
      Label{"periode", nullptr},
  });
  const auto colon = text.find(':');
  constexpr std::size_t kLongestLabel = 40;
  // No colon is npos, beyond all.
  if (colon > kLongestLabel) return false;
  const std::string name = fold(trim(text.substr(0, colon)));
  for (const auto& [label, member] : kLabels) {
    if (label != name) continue;
    const auto value = trim(text.substr(colon + 1));
    if (member == nullptr) return strip(value).empty();
    if (!(post.*member).empty()) return true;
    if (member == &CvPost::employer) {
      read_employer(std::string(value), post);
    } else {
      post.*member = std::string(value);
    }
    return true;
  }
  return false;
}

}  // namespace rwp::ai_local
