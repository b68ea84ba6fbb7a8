#include "ai_local/pair_facts.hpp"

#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace rwp::ai_local {
namespace {

/// A sign of something, and the beginnings of words that tell it.
struct Sign {
  std::string_view name;
  std::array<std::string_view, 5> stems;
};

constexpr auto kCommunication = std::to_array<Sign>(
    {{"presenting", {"present to", "presented", "presentation", "public speaking", "speaker"}},
     {"teaching", {"teach", "taught", "lectur", "tutor", "training of"}},
     {"mentoring", {"mentor", "coach", "preceptor", "clinical supervision", "supervis"}},
     {"negotiation", {"negotiat", "verhandl", "négoci", "negoci", "collective bargaining"}},
     {"writing", {"writing", "written", "report", "document", "drafting"}},
     {"customers and patients", {"customer", "client", "patient", "parents", "residents"}},
     {"stakeholders", {"stakeholder", "investor relations", "board", "liais", "interview"}},
     {"communication", {"communicat", "telephone manner", "reception", "helpdesk", "support"}},
     {"languages", {"bilingual", "english", "german", "french", "spanish"}}});

constexpr auto kTeamFit = std::to_array<Sign>(
    {{"teamwork", {"teamwork", "team work", "team of", "team player", "teams"}},
     {"leading a team", {"led ", "lead the", "leads", "leading", "line manag"}},
     {"collaboration",
      {"collaborat", "cross-functional", "multidisciplinary", "multi-disciplinary", "partnership"}},
     {"supervision", {"supervis", "mentor", "apprentice", "junior", "students"}},
     {"own responsibility",
      {"responsible for", "independent", "autonom", "own initiative", "ownership"}},
     {"shared work", {"ward round", "rota", "shift", "agile", "brigade"}},
     {"volunteering", {"volunteer", "charity", "community", "member of", "club"}}});

constexpr auto kAdaptability = std::to_array<Sign>(
    {{"learning", {"learn", "course", "certificat", "qualified as", "part-time degree"}},
     {"introducing what is new", {"introduc", "implement", "set up", "setting up", "built"}},
     {"change", {"change management", "transform", "migrat", "rollout", "roll-out"}},
     {"improvement", {"improve", "cut ", "reduc", "optimis", "quality improvement"}},
     {"different settings", {"rotation", "agency", "assignments", "contract", "relocat"}},
     {"progress", {"promot", "senior", "lead", "head of", "director"}},
     {"resilience", {"under pressure", "resilien", "adaptab", "flexib", "night"}}});

bool tells(std::string_view folded, const Sign& sign) {
  return std::any_of(sign.stems.begin(), sign.stems.end(), [&](std::string_view stem) {
    for (auto at = folded.find(stem); at != std::string_view::npos;
         at = folded.find(stem, at + 1)) {
      if (at == 0 || !is_word(folded[at - 1])) return true;
    }
    return false;
  });
}

MaybeFact judge(const PairText& pair, std::span<const Sign> signs) {
  // Words are weak evidence: the scores keep near the middle.
  constexpr double kLeast = 46.0;
  constexpr double kStep = 3.0;
  constexpr double kMost = 76.0;
  const std::string candidate = fold(pair.candidate);
  const std::string advert = fold(pair.advert);
  double score = kLeast;
  std::string shown;
  std::string missing;
  for (const auto& sign : signs) {
    const bool asked = tells(advert, sign);
    if (!tells(candidate, sign)) {
      if (asked && missing.empty()) missing = std::string(sign.name);
      continue;
    }
    score += asked ? 2.0 * kStep : kStep;
    shown += (shown.empty() ? "" : ", ") + std::string(sign.name);
  }
  Fact fact;
  std::string reason;
  if (!shown.empty()) {
    add_member(fact, "score", of_number(std::min(score, kMost)));
    reason = "The CV tells of " + shown + ".";
    if (!missing.empty()) reason += " The advert also speaks of " + missing + ".";
  } else {
    reason = "The CV tells of nothing of the kind.";
  }
  add_member(fact, "reason", of_text(reason));
  return fact;
}

MaybeFact summary(const PairText& pair) {
  constexpr std::size_t kBytes = 600;
  std::string text;
  for (const auto& fact : pair.facts) {
    if (text.size() + fact.size() > kBytes) break;
    text += (text.empty() ? "" : " ") + fact;
  }
  return of_text(text);
}

}  // namespace

bool find_pair_fact(const PairText& pair, std::string_view name, MaybeFact& fact) {
  if (name == "communication") {
    fact = judge(pair, kCommunication);
  } else if (name == "team_fit") {
    fact = judge(pair, kTeamFit);
  } else if (name == "adaptability") {
    fact = judge(pair, kAdaptability);
  } else if (name == "summary") {
    fact = summary(pair);
  } else {
    return false;
  }
  return true;
}

}  // namespace rwp::ai_local
