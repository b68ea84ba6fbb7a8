#include "ai_local/wording.hpp"

#include "ai_local/phrase_set.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace rwp::ai_local {
namespace {

struct Entry {
  std::string_view phrase;
  std::string_view reason;
};

constexpr std::string_view kMacho = "reads as a boys' club; say which skill is meant";
constexpr std::string_view kAge = "suggests an age; may put older candidates off and be unlawful";
constexpr std::string_view kYouthless = "suggests an age; may put younger candidates off";
constexpr std::string_view kHours = "suggests long hours and poor balance; say what is expected";
constexpr std::string_view kAggressive =
    "aggressive tone; puts many candidates off, women more than men";
constexpr std::string_view kGendered = "names one gender; use a neutral word";
constexpr std::string_view kOrigin =
    "may exclude by origin; name the level of language needed instead";
constexpr std::string_view kAble = "may exclude disabled people; name the task instead";
constexpr std::string_view kPerfection = "an excessive demand; few feel that they meet it";
constexpr std::string_view kFamily = "blurs work and private life; describe the team instead";
constexpr std::string_view kVague =
    "says little about pay or work; candidates skip vague advertisements";
constexpr std::string_view kThreat = "a warning; puts suited candidates off as well";

constexpr auto kLexicon = std::to_array<Entry>(
    {Entry{"rockstar", kMacho},
     Entry{"rock star", kMacho},
     Entry{"rock-star", kMacho},
     Entry{"ninja", kMacho},
     Entry{"rockstars", kMacho},
     Entry{"ninjas", kMacho},
     Entry{"barmaid", kGendered},
     Entry{"barmaids", kGendered},
     Entry{"guru", kMacho},
     Entry{"wizard", kMacho},
     Entry{"superhero", kMacho},
     Entry{"superstar", kMacho},
     Entry{"unicorn", kMacho},
     Entry{"jedi", kMacho},
     Entry{"hacker mindset", kMacho},
     Entry{"young and dynamic", kAge},
     Entry{"young, dynamic", kAge},
     Entry{"young team", kAge},
     Entry{"youthful", kAge},
     Entry{"digital native", kAge},
     Entry{"recent graduates only", kAge},
     Entry{"fresh graduate", kAge},
     Entry{"young and energetic", kAge},
     Entry{"young professional", kAge},
     Entry{"young, energetic", kAge},
     Entry{"young at heart", kAge},
     Entry{"under 30", kAge},
     Entry{"mature person", kYouthless},
     Entry{"mature candidate", kYouthless},
     Entry{"mature individual", kYouthless},
     Entry{"work hard, play hard", kHours},
     Entry{"work hard play hard", kHours},
     Entry{"work hard and play hard", kHours},
     Entry{"fast-paced", "often read as understaffed; say what the pace is"},
     Entry{"fast paced", "often read as understaffed; say what the pace is"},
     Entry{"high-pressure", kHours},
     Entry{"high pressure", kHours},
     Entry{"pressure cooker", kHours},
     Entry{"whatever it takes", kHours},
     Entry{"go the extra mile", kHours},
     Entry{"24/7 availability", kHours},
     Entry{"always available", kHours},
     Entry{"available at all times", kHours},
     Entry{"long hours", kHours},
     Entry{"no clock watchers", kHours},
     Entry{"not a 9 to 5", kHours},
     Entry{"not a 9-5", kHours},
     Entry{"wear many hats", "suggests an unclear role; name the two or three main duties"},
     Entry{"wear multiple hats", "suggests an unclear role; name the two or three main duties"},
     Entry{"jack of all trades", "suggests an unclear role; name the two or three main duties"},
     Entry{"hit the ground running", "suggests that nobody will show newcomers the work"},
     Entry{"aggressive", kAggressive},
     Entry{"aggressively", kAggressive},
     Entry{"dominate", kAggressive},
     Entry{"dominant", kAggressive},
     Entry{"crush it", kAggressive},
     Entry{"crush the competition", kAggressive},
     Entry{"killer instinct", kAggressive},
     Entry{"cut-throat", kAggressive},
     Entry{"cutthroat", kAggressive},
     Entry{"ruthless", kAggressive},
     Entry{"hungry for success", kAggressive},
     Entry{"hunter mentality", kAggressive},
     Entry{"fearless", kAggressive},
     Entry{"thick skin", kAggressive},
     Entry{"thick-skinned", kAggressive},
     Entry{"alpha", kAggressive},
     Entry{"warrior", kAggressive},
     Entry{"battle-tested", kAggressive},
     Entry{"he will", kGendered},
     Entry{"he must", kGendered},
     Entry{"his duties", kGendered},
     Entry{"his or her", "write \"their\"; it includes everybody"},
     Entry{"he/she", "write \"they\"; it includes everybody"},
     Entry{"he or she", "write \"they\"; it includes everybody"},
     Entry{"s/he", "write \"they\"; it includes everybody"},
     Entry{"she will", kGendered},
     Entry{"salesman", kGendered},
     Entry{"chairman", kGendered},
     Entry{"foreman", kGendered},
     Entry{"handyman", kGendered},
     Entry{"waitress", kGendered},
     Entry{"stewardess", kGendered},
     Entry{"cleaning lady", kGendered},
     Entry{"manpower", kGendered},
     Entry{"man hours", kGendered},
     Entry{"guys", kGendered},
     Entry{"girls", kGendered},
     Entry{"native english speaker", kOrigin},
     Entry{"native speaker", kOrigin},
     Entry{"mother tongue", kOrigin},
     Entry{"no accent", kOrigin},
     Entry{"able-bodied", kAble},
     Entry{"able bodied", kAble},
     Entry{"physically fit", kAble},
     Entry{"perfectionist", kPerfection},
     Entry{"flawless", kPerfection},
     Entry{"best of the best", kPerfection},
     Entry{"world-class", kPerfection},
     Entry{"only the best", kPerfection},
     Entry{"we are a family", kFamily},
     Entry{"we're a family", kFamily},
     Entry{"work family", kFamily},
     Entry{"competitive salary", kVague},
     Entry{"salary: competitive", kVague},
     Entry{"no time wasters", kThreat},
     Entry{"need not apply", kThreat}});

/// Phrases that mean something else where these words stand beside them.
bool harmless(std::string_view folded, std::size_t at, std::string_view phrase) {
  const auto start = at > 30 ? at - 30 : 0;
  const auto around = folded.substr(start, at - start + phrase.size() + 40);
  const auto has = [&](std::string_view word) {
    return around.find(word) != std::string_view::npos;
  };
  if (phrase == "aggressive" || phrase == "aggressively") {
    // Of patients, tumours and behaviour, not of the candidate.
    return has("behavio") || has("patient") || has("challenging") || has("tumour") ||
           has("verbal") || has("violent") || has("client") || has("disease") || has("physical") ||
           has("management");
  }
  if (phrase == "girls" || phrase == "guys")
    return has("boys") || has("school") || has("young ") || has("women");
  if (phrase == "alpha") return has("beta") || has("alpha-") || has("alpha 1");
  if (phrase == "dominant") return has("hand") || has("gene");
  if (phrase == "he will" || phrase == "she will") return false;
  if (phrase == "wizard") return has("setup") || has("software");
  if (phrase == "long hours") return has("no long hours") || has("year-long") || has("life-long");
  return false;
}

/// A run of at least four words in capitals, acronyms aside: shouting.
std::string find_shouting(std::string_view text) {
  constexpr std::size_t kShoutedWords = 5;
  std::size_t run = 0;
  std::size_t begin = 0;
  std::size_t letters = 0;
  std::size_t at = 0;
  while (at <= text.size()) {
    auto end = at;
    while (end < text.size() && text[end] != ' ' && text[end] != '\n') ++end;
    const auto word = text.substr(at, end - at);
    const bool lower = std::any_of(word.begin(), word.end(), is_lower);
    const auto upper = static_cast<std::size_t>(std::count_if(word.begin(), word.end(), is_upper));
    const bool line_end = end >= text.size() || text[end] == '\n';
    if (!lower && upper > 0) {
      if (run == 0) begin = at;
      ++run;
      letters += upper;
    }
    if (lower || line_end) {
      const auto stop = lower ? at : end;
      // A line of its own is a heading.
      const bool heading = run <= 9 && (begin == 0 || text[begin - 1] == '\n') && !lower;
      if (run >= kShoutedWords && letters >= 4 * run && !heading)
        return one_line(shorten(text.substr(begin, stop - begin), 60));
      run = 0;
      letters = 0;
    }
    at = end + 1;
  }
  return {};
}

/// "must have at least 15 years' experience": fewer and fewer feel addressed.
std::string find_excessive_years(std::string_view text, std::string_view folded) {
  for (auto at = folded.find("years"); at != std::string_view::npos;
       at = folded.find("years", at + 1)) {
    const auto start = at > 8 ? at - 8 : 0;
    for (const std::string_view number : {"10", "12", "15", "20", "25"}) {
      const auto found = find_word(folded.substr(start, at - start), number);
      if (found == std::string_view::npos) continue;
      const auto rest = folded.substr(at, 40);
      const auto before = folded.substr(start > 30 ? start - 30 : 0, start > 30 ? 30 : start);
      const bool ours = before.find("our") != std::string_view::npos ||
                        before.find("over") != std::string_view::npos ||
                        before.find("we ") != std::string_view::npos;
      if (rest.find("experience") == std::string_view::npos || ours) continue;
      const auto stop = at + rest.find("experience") + std::string_view("experience").size();
      return one_line(text.substr(start + found, stop - start - found));
    }
  }
  return {};
}

}  // namespace

std::vector<OffPuttingWording> find_off_putting_wording(std::string_view text,
                                                        std::string_view folded) {
  std::vector<std::pair<std::size_t, OffPuttingWording>> found;
  std::vector<std::string_view> phrases;
  for (const auto& entry : kLexicon) phrases.push_back(entry.phrase);
  std::vector<bool> seen(phrases.size(), false);
  PhraseSet(std::move(phrases)).scan(folded, true, [&](std::size_t index, std::size_t at) {
    const auto& [phrase, reason] = kLexicon[index];
    if (seen[index] || harmless(folded, at, phrase)) return true;
    seen[index] = true;
    found.push_back({at, {std::string(text.substr(at, phrase.size())), std::string(reason)}});
    return true;
  });
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& left, const auto& right) { return left.first < right.first; });
  std::vector<OffPuttingWording> wording;
  for (auto& [at, entry] : found) wording.push_back(std::move(entry));
  if (auto years = find_excessive_years(text, folded); !years.empty()) {
    wording.push_back({std::move(years), std::string(kPerfection)});
  }
  if (auto shouted = find_shouting(text); !shouted.empty()) {
    wording.push_back({std::move(shouted), "all capitals read as shouting and are hard to read"});
  }
  constexpr std::size_t kExclamations = 5;
  if (std::count(text.begin(), text.end(), '!') >= static_cast<std::ptrdiff_t>(kExclamations)) {
    wording.push_back({"!", "many exclamation marks read as hype"});
  }
  return wording;
}

}  // namespace rwp::ai_local
