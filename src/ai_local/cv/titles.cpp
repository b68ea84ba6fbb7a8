#include "ai_local/cv/lexicon.hpp"
#include "ai_local/cv/name_list.hpp"
#include "ai_local/text.hpp"

#include <cstddef>

namespace rwp::ai_local {
namespace {

/// Words that name people by what they do, in the languages that CVs come in.
constexpr std::string_view kEndings =
    "|nurse|staff|server|host|hostess|crew|babysitting|lecturer|engineer|developer|manager|"
    "director|assistant|officer|analyst|consultant|"
    "administrator|technician|therapist|driver|teacher|lecturer|accountant|clerk|"
    "receptionist|pharmacist|midwife|physician|psychiatrist|psychologist|surgeon|doctor|"
    "registrar|trainee|intern|apprentice|chef|cook|waiter|waitress|barista|bartender|cleaner|"
    "operative|operator|mechanic|electrician|plumber|carpenter|joiner|welder|planner|buyer|"
    "recruiter|paralegal|solicitor|lawyer|attorney|advocate|advisor|adviser|associate|"
    "coordinator|co-ordinator|supervisor|executive|president|scientist|researcher|fellow|"
    "professor|tutor|trainer|designer|architect|editor|writer|journalist|translator|"
    "interpreter|secretary|bookkeeper|auditor|controller|treasurer|broker|trader|banker|"
    "cashier|salesperson|representative|specialist|expert|strategist|owner|founder|partner|"
    "head|lead|leader|chief|ceo|cto|cfo|coo|cio|vp|generalist|practitioner|carer|worker|"
    "labourer|laborer|picker|porter|caretaker|gardener|farmer|pilot|steward|stewardess|"
    "captain|soldier|firefighter|paramedic|dentist|optometrist|radiographer|dietitian|"
    "podiatrist|veterinarian|librarian|inspector|surveyor|estimator|foreman|superintendent|"
    "mate|hand|programmer|tester|administratrice|volunteer|attendant|agent|job|member|nanny|"
    "hairdresser|beautician|photographer|artist|musician|actor|producer|merchandiser|"
    "machinist|fitter|roofer|bricklayer|painter|baker|butcher|packer|resident|preceptor|"
    "matron|sister|hca|freelancer|contractor|entwickler|entwicklerin|ingenieur|ingenieurin|"
    "leiter|leiterin|berater|beraterin|verkäufer|verkäuferin|einkäufer|einkäuferin|kaufmann|"
    "kauffrau|sachbearbeiter|sachbearbeiterin|mitarbeiter|mitarbeiterin|assistent|"
    "assistentin|praktikant|praktikantin|werkstudent|werkstudentin|geschäftsführer|"
    "geschäftsführerin|techniker|mechaniker|mechatroniker|elektroniker|krankenschwester|"
    "krankenpfleger|pflegefachkraft|arzt|ärztin|lehrer|lehrerin|auszubildende|auszubildender|"
    "koch|köchin|fahrer|projektleiter|projektleiterin|développeur|développeuse|ingénieur|"
    "ingénieure|directeur|directrice|responsable|chargé|chargée|assistante|commis|serveur|"
    "serveuse|vendeur|vendeuse|comptable|infirmier|infirmière|stagiaire|technicien|"
    "technicienne|conseiller|conseillère|gestionnaire|professeur|chauffeur|cuisinier|"
    "cuisinière|sous-chef|gérant|técnico|técnica|ingeniero|ingeniera|directora|jefe|jefa|"
    "encargado|encargada|camarero|camarera|enfermero|enfermera|profesor|profesora|contable|"
    "desarrollador|desarrolladora|dependiente|dependienta|becario|becaria|auxiliar|"
    "administrativo|administrativa|adviseur|medewerker|medewerkster|verpleegkundige|"
    "leidinggevende|docent|stagiair|ontwikkelaar|verkoper|verkoopster|";

/// Words that open a title, as "Director of …" or "Chef de partie".
constexpr std::string_view kOpenings =
    "|director|directeur|head|chef|chief|vice president|vp|manager|lead|ausbildung zur|"
    "ausbildung zum|ausbildung als|lehre als|commis|consultant in|trainee|core trainee|"
    "foundation|member of|responsable|chargé|chargée|professor of|lecturer in|fellow in|"
    "apprentice|assistant|graduate|intern|partner|senior|junior|co-founder|founder|";

/// German and Dutch titles end longer words: "Maschinenbauingenieur".
constexpr std::string_view kCompoundEndings =
    "|ingenieur|ingenieurin|entwickler|entwicklerin|leiter|leiterin|berater|beraterin|"
    "kaufmann|kauffrau|mechaniker|techniker|assistent|assistentin|verkäufer|verkäuferin|"
    "helfer|helferin|fahrer|pfleger|pflegerin|schwester|lehrer|lehrerin|führer|führerin|"
    "medewerker|adviseur|";

bool ends_with_word(std::string_view text, std::string_view word) {
  if (!text.ends_with(word)) return false;
  const auto at = text.size() - word.size();
  return at == 0 || !is_word(text[at - 1]);
}

bool ends_compound(std::string_view word) {
  bool ends = false;
  each_name(kCompoundEndings, [&](std::string_view ending) {
    ends = word.size() > ending.size() && word.ends_with(ending);
    return !ends;
  });
  return ends;
}

}  // namespace

int looks_like_title(std::string_view folded) {
  int score = 0;
  each_name(kEndings, [&](std::string_view ending) {
    if (!has_word(folded, ending)) return true;
    score += ends_with_word(folded, ending) ? 2 : 1;
    return true;
  });
  each_name(kOpenings, [&](std::string_view opening) {
    const bool opens = find_word(folded, opening) == 0;
    score += opens ? 2 : 0;
    return !opens;
  });
  const auto last = folded.find_last_of(" -");
  if (ends_compound(last == std::string_view::npos ? folded : folded.substr(last + 1))) score += 2;
  return score;
}

bool is_time_out(std::string_view folded) {
  constexpr std::string_view kNames =
      "|career break|parental leave|maternity leave|paternity leave|sabbatical|travelling|"
      "traveling|gap year|elternzeit|auszeit|congé parental|unemployed|arbeitssuchend|"
      "arbeitsuchend|full-time parent|family reasons|carer for a relative|excedencia|";
  return count_names(folded, kNames) > 0;
}

}  // namespace rwp::ai_local
