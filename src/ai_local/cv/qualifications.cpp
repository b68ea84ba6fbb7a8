#include "ai_local/cv/lexicon.hpp"
#include "ai_local/cv/name_list.hpp"
#include "ai_local/text.hpp"

#include <array>
#include <string>
#include <utility>

namespace rwp::ai_local {
namespace {

/// Names of qualifications, folded, and their level.
struct Level {
  std::string_view level;
  std::string_view names;
};

/// The first group that has a name of the text counts: a postgraduate diploma is no master.
constexpr auto kLevels = std::to_array<Level>({
    {"doctorate", "|phd|ph.d|dphil|doctorate|doctor of|promotion|dr. rer|doctorat|doctorado|md |"},
    {"diploma",
     "|postgraduate diploma|postgraduate certificate|pgdip|pgcert|graduate diploma|"
     "higher diploma|higher national diploma|pgce|"},
    {"master",
     "|master of|master in|master's|masters|msc|m.sc|mba|mphil|meng|m.eng|mres|mpharm|mphys|"
     "mchem|mmath|mpa|mph|m.a|llm|ll.m|med |diplom-|diplom |dipl.|magister|staatsexamen|"
     "master|máster|mastère|m.tech|mtech|laurea magistrale|mestrado|doctoraal|"},
    {"bachelor",
     "|bachelor|bsc|b.sc|beng|b.eng|b.e|b.tech|btech|bba|b.a|bcom|b.com|llb|ll.b|mbbs|mbchb|"
     "bds|bed|bnurs|licence|licenciatura|grado en|hbo|laurea|undergraduate degree|degree|"},
    {"diploma",
     "|hnd|hnc|btec|nvq|svq|foundation degree|associate degree|associate of|diploma|diplôme|"
     "diplom|apprenticeship|ausbildung|mbo|bts|dut|formación profesional|ciclo formativo|"
     "city & guilds|city and guilds|level 3|"},
    {"secondary",
     "|gcse|gcses|a level|a levels|a-level|a-levels|as level|abitur|fachabitur|mittlere reife|"
     "realschulabschluss|baccalauréat|baccalaureate|bac |bachillerato|havo|vwo|vmbo|matura|"
     "maturità|leaving certificate|leaving cert|high school|hsc|ssc|xii|highers|ged|"
     "secondary school|o level|o levels|"},
    {"other",
     "|certificate|certificat|cap |chartered|level 1|level 2|level 4|level 5|mrcpsych|mrcp|"
     "frcs|frca|mrcgp|acca|cima|aca |fellowship|minor in|"},
});

/// Capitals that would be words in small letters.
constexpr auto kCapitals = std::to_array<Level>({
    {"master", "|MA|MS|MEd|"},
    {"doctorate", "|MD|"},
    {"bachelor", "|BA|BS|BE|"},
    {"diploma", "|AA|AS|"},
});

}  // namespace

std::string_view qualification_level(std::string_view folded, std::string_view text) {
  // A space at the end lets "bac " and the like end a line.
  const std::string padded = std::string(folded) + " ";
  for (const auto& [level, names] : kLevels) {
    if (count_names(padded, names) > 0) return level;
  }
  for (const auto& [level, names] : kCapitals) {
    if (count_names(text, names) > 0) return level;
  }
  return {};
}

}  // namespace rwp::ai_local
