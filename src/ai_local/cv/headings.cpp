#include "ai_local/cv/headings.hpp"

#include "ai_local/cv/lexicon.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace rwp::ai_local {
namespace {

using Kind = CvSectionKind;
using Name = std::pair<std::string_view, Kind>;

/// Whole headings, folded.
constexpr auto kNames = std::to_array<Name>({
    Name{"contact", Kind::contact},
    Name{"contact details", Kind::contact},
    Name{"contact information", Kind::contact},
    Name{"personal details", Kind::contact},
    Name{"personal information", Kind::contact},
    Name{"personal data", Kind::contact},
    Name{"persönliche daten", Kind::contact},
    Name{"persönliche angaben", Kind::contact},
    Name{"kontakt", Kind::contact},
    Name{"coordonnées", Kind::contact},
    Name{"datos personales", Kind::contact},
    Name{"persoonlijke gegevens", Kind::contact},
    Name{"dati personali", Kind::contact},
    Name{"profile", Kind::profile},
    Name{"professional profile", Kind::profile},
    Name{"personal profile", Kind::profile},
    Name{"personal statement", Kind::profile},
    Name{"summary", Kind::profile},
    Name{"executive summary", Kind::profile},
    Name{"professional summary", Kind::profile},
    Name{"career summary", Kind::profile},
    Name{"career profile", Kind::profile},
    Name{"summary of qualifications", Kind::profile},
    Name{"objective", Kind::profile},
    Name{"career objective", Kind::profile},
    Name{"about", Kind::profile},
    Name{"about me", Kind::profile},
    Name{"profil", Kind::profile},
    Name{"kurzprofil", Kind::profile},
    Name{"über mich", Kind::profile},
    Name{"à propos", Kind::profile},
    Name{"perfil", Kind::profile},
    Name{"perfil profesional", Kind::profile},
    Name{"sobre mí", Kind::profile},
    Name{"profiel", Kind::profile},
    Name{"over mij", Kind::profile},
    Name{"profilo", Kind::profile},
    Name{"experience", Kind::experience},
    Name{"work experience", Kind::experience},
    Name{"professional experience", Kind::experience},
    Name{"relevant experience", Kind::experience},
    Name{"clinical experience", Kind::experience},
    Name{"teaching experience", Kind::experience},
    Name{"industry experience", Kind::experience},
    Name{"volunteer experience", Kind::experience},
    Name{"volunteering", Kind::experience},
    Name{"employment", Kind::experience},
    Name{"employment history", Kind::experience},
    Name{"employment record", Kind::experience},
    Name{"work history", Kind::experience},
    Name{"work", Kind::experience},
    Name{"jobs", Kind::experience},
    Name{"career", Kind::experience},
    Name{"career history", Kind::experience},
    Name{"career overview", Kind::experience},
    Name{"professional history", Kind::experience},
    Name{"professional background", Kind::experience},
    Name{"appointments", Kind::experience},
    Name{"positions held", Kind::experience},
    Name{"permanent roles", Kind::experience},
    Name{"selected assignments", Kind::experience},
    Name{"assignments", Kind::experience},
    Name{"contracts", Kind::experience},
    Name{"internships", Kind::experience},
    Name{"previous employment", Kind::experience},
    Name{"current employment", Kind::experience},
    Name{"berufserfahrung", Kind::experience},
    Name{"beruflicher werdegang", Kind::experience},
    Name{"berufspraxis", Kind::experience},
    Name{"praktische erfahrung", Kind::experience},
    Name{"werdegang", Kind::experience},
    Name{"praktika", Kind::experience},
    Name{"expérience", Kind::experience},
    Name{"expériences", Kind::experience},
    Name{"expérience professionnelle", Kind::experience},
    Name{"expériences professionnelles", Kind::experience},
    Name{"parcours professionnel", Kind::experience},
    Name{"experiencia", Kind::experience},
    Name{"experiencia laboral", Kind::experience},
    Name{"experiencia profesional", Kind::experience},
    Name{"trayectoria profesional", Kind::experience},
    Name{"werkervaring", Kind::experience},
    Name{"loopbaan", Kind::experience},
    Name{"esperienza lavorativa", Kind::experience},
    Name{"esperienze professionali", Kind::experience},
    Name{"experiência profissional", Kind::experience},
    Name{"education", Kind::education},
    Name{"education and training", Kind::education},
    Name{"education & training", Kind::education},
    Name{"education and qualifications", Kind::education},
    Name{"academic qualification", Kind::education},
    Name{"academic qualifications", Kind::education},
    Name{"academic background", Kind::education},
    Name{"academic history", Kind::education},
    Name{"educational background", Kind::education},
    Name{"qualifications", Kind::education},
    Name{"professional qualifications", Kind::education},
    Name{"school", Kind::education},
    Name{"schools", Kind::education},
    Name{"studies", Kind::education},
    Name{"training", Kind::certificates},
    Name{"schule", Kind::education},
    Name{"schulische ausbildung", Kind::education},
    Name{"schule und ausbildung", Kind::education},
    Name{"ausbildung", Kind::education},
    Name{"bildung", Kind::education},
    Name{"bildungsweg", Kind::education},
    Name{"schulbildung", Kind::education},
    Name{"studium", Kind::education},
    Name{"akademischer werdegang", Kind::education},
    Name{"formation", Kind::education},
    Name{"formations", Kind::education},
    Name{"études", Kind::education},
    Name{"diplômes", Kind::education},
    Name{"formación", Kind::education},
    Name{"formación académica", Kind::education},
    Name{"educación", Kind::education},
    Name{"estudios", Kind::education},
    Name{"opleiding", Kind::education},
    Name{"opleidingen", Kind::education},
    Name{"istruzione", Kind::education},
    Name{"istruzione e formazione", Kind::education},
    Name{"formação", Kind::education},
    Name{"formação académica", Kind::education},
    Name{"skills", Kind::skills},
    Name{"key skills", Kind::skills},
    Name{"core skills", Kind::skills},
    Name{"top skills", Kind::skills},
    Name{"other skills", Kind::skills},
    Name{"soft skills", Kind::skills},
    Name{"technical skills", Kind::skills},
    Name{"computer skills", Kind::skills},
    Name{"it skills", Kind::skills},
    Name{"clinical skills", Kind::skills},
    Name{"professional skills", Kind::skills},
    Name{"skills and competencies", Kind::skills},
    Name{"skills & expertise", Kind::skills},
    Name{"areas of expertise", Kind::skills},
    Name{"core competencies", Kind::skills},
    Name{"competencies", Kind::skills},
    Name{"technologies", Kind::skills},
    Name{"tech stack", Kind::skills},
    Name{"tools", Kind::skills},
    Name{"software", Kind::skills},
    Name{"kenntnisse", Kind::skills},
    Name{"edv-kenntnisse", Kind::skills},
    Name{"it-kenntnisse", Kind::skills},
    Name{"fähigkeiten", Kind::skills},
    Name{"kompetenzen", Kind::skills},
    Name{"compétences", Kind::skills},
    Name{"compétences techniques", Kind::skills},
    Name{"informatique", Kind::skills},
    Name{"competencias", Kind::skills},
    Name{"habilidades", Kind::skills},
    Name{"conocimientos", Kind::skills},
    Name{"informática", Kind::skills},
    Name{"vaardigheden", Kind::skills},
    Name{"competenze", Kind::skills},
    Name{"competências", Kind::skills},
    Name{"languages", Kind::languages},
    Name{"language skills", Kind::languages},
    Name{"languages known", Kind::languages},
    Name{"languages spoken", Kind::languages},
    Name{"sprachen", Kind::languages},
    Name{"sprachkenntnisse", Kind::languages},
    Name{"fremdsprachen", Kind::languages},
    Name{"langues", Kind::languages},
    Name{"idiomas", Kind::languages},
    Name{"talen", Kind::languages},
    Name{"talenkennis", Kind::languages},
    Name{"lingue", Kind::languages},
    Name{"línguas", Kind::languages},
    Name{"certificates", Kind::certificates},
    Name{"certifications", Kind::certificates},
    Name{"certification", Kind::certificates},
    Name{"licences", Kind::certificates},
    Name{"licenses", Kind::certificates},
    Name{"licenses and certifications", Kind::certificates},
    Name{"licences and certificates", Kind::certificates},
    Name{"registration", Kind::certificates},
    Name{"registrations", Kind::certificates},
    Name{"professional memberships", Kind::certificates},
    Name{"memberships", Kind::certificates},
    Name{"professional registration", Kind::certificates},
    Name{"designations", Kind::certificates},
    Name{"courses", Kind::certificates},
    Name{"training and courses", Kind::certificates},
    Name{"professional development", Kind::certificates},
    Name{"zertifikate", Kind::certificates},
    Name{"weiterbildung", Kind::certificates},
    Name{"weiterbildungen", Kind::certificates},
    Name{"certifications et permis", Kind::certificates},
    Name{"certificados", Kind::certificates},
    Name{"cursos", Kind::certificates},
    Name{"certificaten", Kind::certificates},
    Name{"cursussen", Kind::certificates},
    Name{"interests", Kind::other},
    Name{"hobbies", Kind::other},
    Name{"hobbies and interests", Kind::other},
    Name{"references", Kind::other},
    Name{"referees", Kind::other},
    Name{"teaching", Kind::other},
    Name{"publications", Kind::other},
    Name{"awards", Kind::other},
    Name{"achievements", Kind::other},
    Name{"projects", Kind::other},
    Name{"interessen", Kind::other},
    Name{"hobbys", Kind::other},
    Name{"referenzen", Kind::other},
    Name{"centres d'intérêt", Kind::other},
    Name{"loisirs", Kind::other},
    Name{"intereses", Kind::other},
    Name{"referencias", Kind::other},
    Name{"interesses", Kind::other},
    Name{"referenties", Kind::other},
});

/// Words that make a short line a heading, whatever stands around them: "Berufliche Laufbahn",
/// "Where I have worked".
constexpr auto kRoots = std::to_array<Name>({
    Name{"experience", Kind::experience},
    Name{"experiences", Kind::experience},
    Name{"employment", Kind::experience},
    Name{"employments", Kind::experience},
    Name{"career", Kind::experience},
    Name{"appointments", Kind::experience},
    Name{"jobs", Kind::experience},
    Name{"worked", Kind::experience},
    Name{"contracts", Kind::experience},
    Name{"assignments", Kind::experience},
    Name{"laufbahn", Kind::experience},
    Name{"werdegang", Kind::experience},
    Name{"berufserfahrung", Kind::experience},
    Name{"berufstätigkeit", Kind::experience},
    Name{"expérience", Kind::experience},
    Name{"expériences", Kind::experience},
    Name{"experiencia", Kind::experience},
    Name{"esperienza", Kind::experience},
    Name{"esperienze", Kind::experience},
    Name{"werkervaring", Kind::experience},
    Name{"education", Kind::education},
    Name{"educational", Kind::education},
    Name{"degrees", Kind::education},
    Name{"qualifications", Kind::education},
    Name{"schooling", Kind::education},
    Name{"studies", Kind::education},
    Name{"learning", Kind::education},
    Name{"ausbildung", Kind::education},
    Name{"bildung", Kind::education},
    Name{"schulische", Kind::education},
    Name{"formación", Kind::education},
    Name{"istruzione", Kind::education},
    Name{"opleiding", Kind::education},
    Name{"skills", Kind::skills},
    Name{"abilities", Kind::skills},
    Name{"expertise", Kind::skills},
    Name{"competencies", Kind::skills},
    Name{"stack", Kind::skills},
    Name{"can do", Kind::skills},
    Name{"good at", Kind::skills},
    Name{"kenntnisse", Kind::skills},
    Name{"kompetenzen", Kind::skills},
    Name{"compétences", Kind::skills},
    Name{"competencias", Kind::skills},
    Name{"competenze", Kind::skills},
    Name{"vaardigheden", Kind::skills},
    Name{"language", Kind::languages},
    Name{"languages", Kind::languages},
    Name{"sprachen", Kind::languages},
    Name{"sprachkenntnisse", Kind::languages},
    Name{"linguistiques", Kind::languages},
    Name{"linguistiche", Kind::languages},
    Name{"certificates", Kind::certificates},
    Name{"certifications", Kind::certificates},
    Name{"trainings", Kind::certificates},
    Name{"courses", Kind::certificates},
    Name{"registration", Kind::certificates},
    Name{"registrations", Kind::certificates},
    Name{"licences", Kind::certificates},
    Name{"licenses", Kind::certificates},
    Name{"memberships", Kind::certificates},
    Name{"weiterbildung", Kind::certificates},
    Name{"publications", Kind::other},
    Name{"achievements", Kind::other},
    Name{"references", Kind::other},
    Name{"interests", Kind::other},
});

/// By the root that says most: languages before skills, else the first of the line.
Kind kind_by_root(std::string_view folded) {
  Kind kind = Kind::none;
  std::size_t first = std::string_view::npos;
  for (const auto& [root, of_root] : kRoots) {
    const auto at = find_word(folded, root);
    if (at == std::string_view::npos) continue;
    if (of_root == Kind::languages) return of_root;
    if (at >= first) continue;
    first = at;
    kind = of_root;
  }
  return kind;
}

/// Whether a line has the shape of a heading: a few words, none of them a title or an employer.
bool is_short_phrase(std::string_view text, std::string_view folded) {
  constexpr std::ptrdiff_t kMostSpaces = 4;
  return text.find_first_of("0123456789,.@|(") == std::string_view::npos &&
         std::count(text.begin(), text.end(), ' ') <= kMostSpaces &&
         looks_like_title(folded) == 0 && looks_like_employer(folded) == 0 && !is_time_out(folded);
}

Kind kind_of(std::string_view folded) {
  for (const auto& [name, kind] : kNames) {
    if (name == folded) return kind;
  }
  return Kind::none;
}

/// Without what decorates a heading: "## Skills ##", "SKILLS:", "1. Skills".
std::string_view bare_heading(std::string_view line) {
  const auto first = line.find_first_not_of("#*=-_:.|0123456789 ");
  if (first == std::string_view::npos) return {};
  line.remove_prefix(first);
  return line.substr(0, line.find_last_not_of("#*=-_:.| ") + 1);
}

/// "E D U C A T I O N" as "EDUCATION".
std::string closed_up(std::string_view line) {
  constexpr std::size_t kFewest = 7;
  if (line.size() < kFewest) return std::string(line);
  for (std::size_t i = 1; i < line.size(); i += 2) {
    if (line[i] != ' ') return std::string(line);
  }
  std::string closed;
  for (std::size_t i = 0; i < line.size(); i += 2) closed += line[i];
  return closed;
}

}  // namespace

CvHeading read_heading(std::string_view line) {
  constexpr std::size_t kLongest = 48;
  const auto bare = bare_heading(line);
  if (bare.size() <= kLongest) {
    const std::string folded = fold(closed_up(bare));
    const Kind kind = kind_of(folded);
    if (kind != Kind::none) return {kind, {}};
    const Kind by_root = is_short_phrase(bare, folded) && folded.find(':') == std::string::npos
                             ? kind_by_root(folded)
                             : Kind::none;
    if (by_root != Kind::none) return {by_root, {}};
  }
  const auto colon = line.substr(0, kLongest).find(':');
  if (colon == std::string_view::npos || line.find('|') < colon) return {};
  const std::string label = fold(trim(line.substr(0, colon)));
  Kind kind = kind_of(label);
  const auto rest = trim(line.substr(colon + 1));
  if (kind == Kind::none && is_short_phrase(label, label)) {
    const Kind by_root = kind_by_root(label);
    if (by_root == Kind::skills || by_root == Kind::languages) kind = by_root;
  }
  if (kind == Kind::none || kind == Kind::contact) return {};
  return {kind, rest};
}

std::vector<CvSection> split_sections(std::vector<CvLine> lines) {
  std::vector<CvSection> sections(1);
  for (auto& line : lines) {
    const auto heading = line.bullet ? CvHeading() : read_heading(line.text);
    if (heading.section == Kind::none) {
      sections.back().lines.push_back(std::move(line));
      continue;
    }
    sections.push_back({heading.section, {}});
    if (heading.rest.empty()) continue;
    CvLine rest;
    rest.text = std::string(heading.rest);
    rest.folded = fold(rest.text);
    rest.opens_block = true;
    sections.back().lines.push_back(std::move(rest));
  }
  return sections;
}

}  // namespace rwp::ai_local
