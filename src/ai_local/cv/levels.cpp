#include "ai_local/cv/abilities.hpp"
#include "ai_local/text.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace rwp::ai_local {
namespace {

using Level = std::pair<std::string_view, std::string_view>;

/// The first that is there counts: "very good" stands before "good".
constexpr auto kLevels = std::to_array<Level>({Level{"mother tongue", "expert"},
                                               Level{"native", "expert"},
                                               Level{"muttersprache", "expert"},
                                               Level{"langue maternelle", "expert"},
                                               Level{"lengua materna", "expert"},
                                               Level{"nativo", "expert"},
                                               Level{"nativa", "expert"},
                                               Level{"moedertaal", "expert"},
                                               Level{"madrelingua", "expert"},
                                               Level{"bilingual", "expert"},
                                               Level{"bilingue", "expert"},
                                               Level{"bilingüe", "expert"},
                                               Level{"c2", "expert"},
                                               Level{"c1", "advanced"},
                                               Level{"b2", "intermediate"},
                                               Level{"b1", "intermediate"},
                                               Level{"a2", "beginner"},
                                               Level{"a1", "beginner"},
                                               Level{"fluent", "expert"},
                                               Level{"fließend", "expert"},
                                               Level{"courant", "expert"},
                                               Level{"fluido", "expert"},
                                               Level{"vloeiend", "expert"},
                                               Level{"fluente", "expert"},
                                               Level{"verhandlungssicher", "advanced"},
                                               Level{"full professional", "advanced"},
                                               Level{"professional working", "advanced"},
                                               Level{"limited working", "intermediate"},
                                               Level{"expert", "expert"},
                                               Level{"experte", "expert"},
                                               Level{"expertise in", "expert"},
                                               Level{"excellent", "expert"},
                                               Level{"ausgezeichnet", "expert"},
                                               Level{"very good", "advanced"},
                                               Level{"sehr gut", "advanced"},
                                               Level{"sehr gute", "advanced"},
                                               Level{"très bon", "advanced"},
                                               Level{"muy bueno", "advanced"},
                                               Level{"advanced", "advanced"},
                                               Level{"avancé", "advanced"},
                                               Level{"avanzado", "advanced"},
                                               Level{"gevorderd", "advanced"},
                                               Level{"fortgeschritten", "advanced"},
                                               Level{"proficient", "advanced"},
                                               Level{"highly skilled", "advanced"},
                                               Level{"strong", "advanced"},
                                               Level{"intermediate", "intermediate"},
                                               Level{"intermédiaire", "intermediate"},
                                               Level{"intermedio", "intermediate"},
                                               Level{"competent", "intermediate"},
                                               Level{"conversational", "intermediate"},
                                               Level{"good", "intermediate"},
                                               Level{"gut", "intermediate"},
                                               Level{"gute", "intermediate"},
                                               Level{"goed", "intermediate"},
                                               Level{"bon niveau", "intermediate"},
                                               Level{"working knowledge", "intermediate"},
                                               Level{"familiar", "beginner"},
                                               Level{"basic", "beginner"},
                                               Level{"basics", "beginner"},
                                               Level{"beginner", "beginner"},
                                               Level{"elementary", "beginner"},
                                               Level{"novice", "beginner"},
                                               Level{"some", "beginner"},
                                               Level{"learning", "beginner"},
                                               Level{"grundkenntnisse", "beginner"},
                                               Level{"grundlagen", "beginner"},
                                               Level{"anfänger", "beginner"},
                                               Level{"notions", "beginner"},
                                               Level{"débutant", "beginner"},
                                               Level{"scolaire", "beginner"},
                                               Level{"básico", "beginner"},
                                               Level{"principiante", "beginner"},
                                               Level{"basis", "beginner"},
                                               Level{"di base", "beginner"},
                                               Level{"scolastico", "beginner"}});

/// Five of five and the like.
std::string_view of_five(std::size_t count) {
  switch (count) {
    case 1:
    case 2:
      return "beginner";
    case 3:
      return "intermediate";
    case 4:
      return "advanced";
    default:
      return "expert";
  }
}

std::size_t count_of(std::string_view text, std::string_view mark) {
  std::size_t count = 0;
  for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace

std::string_view find_level(std::string_view folded) {
  for (const auto& [word, level] : kLevels) {
    if (has_word(folded, word)) return level;
  }
  for (const std::string_view mark : {"\xE2\x98\x85", "\xE2\x97\x8F", "\xE2\xAC\xA4", "*"}) {
    const auto count = count_of(folded, mark);
    if (count > (mark == "*" ? 1U : 0U)) return of_five(count);
  }
  const auto slash = folded.find("/5");
  if (slash != std::string_view::npos && slash > 0 && is_digit(folded[slash - 1])) {
    return of_five(static_cast<std::size_t>(folded[slash - 1] - '0'));
  }
  return {};
}

}  // namespace rwp::ai_local
