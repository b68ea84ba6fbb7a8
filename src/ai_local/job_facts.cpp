#include "ai_local/job_facts.hpp"

#include "ai_local/phrase_set.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

namespace rwp::ai_local {
namespace {

struct Named {
  std::string_view words;
  std::string_view value;
};

template <std::size_t N>
std::string_view first_named(std::string_view folded, const std::array<Named, N>& table) {
  for (const auto& entry : table) {
    if (has_word(folded, entry.words)) return entry.value;
  }
  return {};
}

bool has_any(std::string_view folded, std::initializer_list<std::string_view> phrases) {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](std::string_view phrase) { return has_word(folded, phrase); });
}

constexpr auto kEmployment = std::to_array<Named>({Named{"internship", "internship"},
                                                   Named{"intern", "internship"},
                                                   Named{"apprenticeship", "apprenticeship"},
                                                   Named{"apprentice", "apprenticeship"},
                                                   Named{"volunteer", "volunteer"},
                                                   Named{"volunteering", "volunteer"},
                                                   Named{"freelance", "contract"},
                                                   Named{"contractor", "contract"},
                                                   Named{"fixed term", "temporary"},
                                                   Named{"fixed-term", "temporary"},
                                                   Named{"temporary", "temporary"},
                                                   Named{"locum", "temporary"},
                                                   Named{"seasonal", "temporary"},
                                                   Named{"maternity cover", "temporary"},
                                                   Named{"maternity leave cover", "temporary"},
                                                   Named{"ftc", "temporary"},
                                                   Named{"secondment", "temporary"},
                                                   Named{"temp", "temporary"},
                                                   Named{"casual", "temporary"},
                                                   Named{"bank staff", "temporary"},
                                                   Named{"part time", "part_time"},
                                                   Named{"part-time", "part_time"},
                                                   Named{"part_time", "part_time"},
                                                   Named{"full time", "full_time"},
                                                   Named{"full-time", "full_time"},
                                                   Named{"full_time", "full_time"},
                                                   Named{"contract", "contract"},
                                                   Named{"permanent", "full_time"},
                                                   Named{"zero hours", "temporary"},
                                                   Named{"0 hours", "temporary"}});

/// The same words where prose uses them for other things too, such as "your contract".
constexpr auto kEmploymentInProse =
    std::to_array<Named>({Named{"this internship", "internship"},
                          Named{"internship programme", "internship"},
                          Named{"internship program", "internship"},
                          Named{"summer internship", "internship"},
                          Named{"apprenticeship role", "apprenticeship"},
                          Named{"this apprenticeship", "apprenticeship"},
                          Named{"volunteer role", "volunteer"},
                          Named{"unpaid role", "volunteer"},
                          Named{"voluntary role", "volunteer"},
                          Named{"freelance role", "contract"},
                          Named{"month contract", "contract"},
                          Named{"months contract", "contract"},
                          Named{"contract role", "contract"},
                          Named{"outside ir35", "contract"},
                          Named{"inside ir35", "contract"},
                          Named{"day rate", "contract"},
                          Named{"fixed term", "temporary"},
                          Named{"fixed-term", "temporary"},
                          Named{"temporary", "temporary"},
                          Named{"maternity cover", "temporary"},
                          Named{"part time", "part_time"},
                          Named{"part-time", "part_time"},
                          Named{"full time", "full_time"},
                          Named{"full-time", "full_time"},
                          Named{"permanent", "full_time"},
                          Named{"locum post", "temporary"}});

constexpr auto kTitleSeniority = std::to_array<Named>({Named{"internship", "intern"},
                                                       Named{"intern", "intern"},
                                                       Named{"work experience", "intern"},
                                                       Named{"placement student", "intern"},
                                                       Named{"apprentice", "apprentice"},
                                                       Named{"apprenticeship", "apprentice"},
                                                       Named{"assistant director", "director"},
                                                       Named{"associate director", "director"},
                                                       Named{"managing director", "executive"},
                                                       Named{"medical director", "executive"},
                                                       Named{"finance director", "executive"},
                                                       Named{"chief", "executive"},
                                                       Named{"ceo", "executive"},
                                                       Named{"cto", "executive"},
                                                       Named{"cfo", "executive"},
                                                       Named{"coo", "executive"},
                                                       Named{"vice president", "executive"},
                                                       Named{"vp", "executive"},
                                                       Named{"executive director", "executive"},
                                                       Named{"non-executive", "executive"},
                                                       Named{"director", "director"},
                                                       Named{"head of", "director"},
                                                       Named{"headteacher", "director"},
                                                       Named{"head teacher", "director"},
                                                       Named{"assistant manager", "manager"},
                                                       Named{"deputy manager", "manager"},
                                                       Named{"deputy sister", "lead"},
                                                       Named{"manager", "manager"},
                                                       Named{"matron", "manager"},
                                                       Named{"superintendent", "manager"},
                                                       Named{"supervisor", "lead"},
                                                       Named{"team leader", "lead"},
                                                       Named{"team lead", "lead"},
                                                       Named{"lead", "lead"},
                                                       Named{"leader", "lead"},
                                                       Named{"principal", "lead"},
                                                       Named{"foreman", "lead"},
                                                       Named{"ward sister", "lead"},
                                                       Named{"sister", "lead"},
                                                       Named{"charge nurse", "lead"},
                                                       Named{"staff engineer", "lead"},
                                                       Named{"nurse specialist", "senior"},
                                                       Named{"senior", "senior"},
                                                       Named{"snr", "senior"},
                                                       Named{"sr", "senior"},
                                                       Named{"specialist nurse", "senior"},
                                                       Named{"advanced", "senior"},
                                                       Named{"expert", "senior"},
                                                       Named{"junior", "junior"},
                                                       Named{"jr", "junior"},
                                                       Named{"graduate", "junior"},
                                                       Named{"trainee", "junior"},
                                                       Named{"entry level", "junior"},
                                                       Named{"entry-level", "junior"},
                                                       Named{"newly qualified", "junior"},
                                                       Named{"assistant", "junior"},
                                                       Named{"mid-level", "mid"},
                                                       Named{"mid level", "mid"}});

std::size_t number_at(std::string_view text, std::size_t at, int* value) {
  std::size_t end = at;
  int number = 0;
  while (end < text.size() && is_digit(text[end]) && end - at < 3)
    number = number * 10 + (text[end++] - '0');
  *value = number;
  return end - at;
}

constexpr auto kNumberWords = std::to_array<std::pair<std::string_view, int>>({{"one", 1},
                                                                               {"two", 2},
                                                                               {"three", 3},
                                                                               {"four", 4},
                                                                               {"five", 5},
                                                                               {"six", 6},
                                                                               {"seven", 7},
                                                                               {"eight", 8},
                                                                               {"nine", 9},
                                                                               {"ten", 10}});

/// The number that ends before `at`: "3", "3+", "three (3)", of "3-5" and "3 to 5" the first.
std::optional<int> number_before(std::string_view folded, std::size_t at) {
  const auto start = at > 24 ? at - 24 : 0;
  auto words = trim(folded.substr(start, at - start));
  while (!words.empty() && (words.back() == '+' || words.back() == ')' || words.back() == ' ')) {
    words.remove_suffix(1);
  }
  if (words.ends_with("or more")) words = trim(words.substr(0, words.size() - 7));
  std::optional<int> number;
  for (int pass = 0; pass < 2; ++pass) {
    std::optional<int> found;
    auto begin = words.size();
    while (begin > 0 && is_digit(words[begin - 1])) --begin;
    if (begin < words.size()) {
      int value = 0;
      if (number_at(words, begin, &value) == words.size() - begin) found = value;
    } else {
      for (const auto& [word, value] : kNumberWords) {
        if (words.ends_with(word) &&
            (words.size() == word.size() || !is_word(words[words.size() - word.size() - 1]))) {
          found = value;
          begin = words.size() - word.size();
        }
      }
    }
    if (!found) break;
    number = found;
    words = trim(words.substr(0, begin));
    if (words.ends_with("-")) {
      words = trim(words.substr(0, words.size() - 1));
    } else if (words.ends_with(" to")) {
      words = trim(words.substr(0, words.size() - 3));
    } else {
      break;
    }
  }
  return number;
}

}  // namespace

std::string find_employment_type(std::string_view title, std::string_view stated,
                                 std::string_view body) {
  for (const auto source : {title, stated}) {
    // "Contracts Manager" is no contract.
    const auto named = first_named(source, kEmployment);
    if (!named.empty()) return std::string(named);
  }
  std::vector<std::string_view> phrases;
  for (const auto& entry : kEmploymentInProse) phrases.push_back(entry.words);
  const auto first = PhraseSet(std::move(phrases)).first_in(body);
  return first < kEmploymentInProse.size() ? std::string(kEmploymentInProse[first].value)
                                           : std::string();
}

std::string find_seniority(std::string_view title, std::string_view body) {
  std::string_view level = first_named(title, kTitleSeniority);
  if (!level.empty()) return std::string(level);
  // The senior grade of doctors; a recruitment consultant is none.
  if (title.starts_with("consultant") ||
      has_any(title, {"locum consultant", "consultant in", "consultant psychiatrist"})) {
    return "senior";
  }
  if (has_any(body,
              {"entry level", "entry-level", "no experience necessary", "no experience required",
               "graduate scheme", "recent graduate", "newly qualified nurses are welcome"})) {
    return "junior";
  }
  if (has_any(body, {"senior position", "senior role", "a senior member of", "senior-level"}))
    return "senior";
  if (has_any(body, {"mid-level", "mid level", "intermediate level"})) return "mid";
  if (has_any(body, {"you will line manage", "you will manage a team", "you'll manage a team"}))
    return "manager";
  if (const auto years = find_years_of_experience(body)) {
    if (*years >= 7) return "senior";
    if (*years >= 2) return "mid";
  }
  return {};
}

std::string find_workplace(std::string_view title, std::string_view location,
                           std::string_view body) {
  for (const auto source : {title, location}) {
    if (has_word(source, "hybrid")) return "hybrid";
    if (has_word(source, "remote") && source.find(" / ") != std::string_view::npos) return "hybrid";
    if (has_any(source, {"remote", "work from home", "home based", "home-based"})) return "remote";
  }
  if (has_any(body, {"hybrid working", "hybrid work", "hybrid role", "hybrid model", "hybrid",
                     "days in the office", "days a week in the office", "partly remote",
                     "mix of home and office"})) {
    return "hybrid";
  }
  if (has_any(body, {"fully remote", "100% remote", "remote role", "remote position",
                     "remote-first", "work remotely", "working remotely", "remote working",
                     "work from home", "working from home", "home-based", "home based"})) {
    // Offered now and then, it is a mix.
    return has_any(body, {"fully remote", "100% remote", "remote role", "remote position",
                          "remote-first", "home-based", "home based"})
               ? "remote"
               : "hybrid";
  }
  if (has_any(body, {"on-site", "on site role", "onsite", "office-based", "office based",
                     "site-based"})) {
    return "on_site";
  }
  return {};
}

std::string find_location(std::string_view text, std::string_view folded) {
  for (const std::string_view cue :
       {"based in", "based at", "located in", "located at", "located within", "situated in",
        "job based in", "position is in", "role is in"}) {
    auto at = find_word(folded, cue);
    while (at != std::string_view::npos) {
      auto begin = at + cue.size();
      while (begin < text.size() && text[begin] == ' ') ++begin;
      for (const std::string_view article : {"our ", "the ", "central ", "beautiful "}) {
        if (folded.substr(begin).starts_with(article)) begin += article.size();
      }
      // Words with capitals, and the small ones between them: "Newcastle upon Tyne".
      std::size_t end = begin;
      std::size_t next = begin;
      while (next < text.size()) {
        std::size_t stop = next;
        while (stop < text.size() && (is_word(text[stop]) || text[stop] == '\'' ||
                                      text[stop] == '-' || text[stop] == '.')) {
          ++stop;
        }
        const auto word = folded.substr(next, stop - next);
        const bool capital = is_upper(text[next]) || static_cast<unsigned char>(text[next]) == 0xC3;
        const bool joint = word == "upon" || word == "on" || word == "of" || word == "under" ||
                           word == "le" || word == "in";
        if (word.empty() || (!capital && !joint)) break;
        if (capital) end = stop;
        if (text[stop - 1] == '.') break;
        next = stop;
        if (next < text.size() && text[next] == ',' && next + 2 < text.size() &&
            is_upper(text[next + 2]))
          ++next;
        if (next >= text.size() || text[next] != ' ') break;
        ++next;
      }
      if (end > begin) {
        auto place = text.substr(begin, std::min<std::size_t>(end - begin, 80));
        while (!place.empty() && (place.back() == '.' || place.back() == ','))
          place.remove_suffix(1);
        if (place.size() > 2) return std::string(place);
      }
      at = find_word(folded, cue, at + cue.size());
    }
  }
  return {};
}

std::optional<int> find_years_of_experience(std::string_view body) {
  std::optional<int> least;
  for (const std::string_view unit : {"years", "year", "years'", "yrs"}) {
    for (auto at = find_word(body, unit); at != std::string_view::npos;
         at = find_word(body, unit, at + unit.size())) {
      const auto number = number_before(body, at);
      if (!number || *number < 1 || *number > 30) continue;
      const auto after = body.substr(at, 70);
      const auto line = after.substr(0, std::min(after.find_first_of(".\n"), after.size()));
      const auto start = at > 50 ? at - 50 : 0;
      const auto before = body.substr(start, at - start);
      const bool about_job = line.find("experience") != std::string_view::npos ||
                             line.find("post-qualif") != std::string_view::npos ||
                             line.find("post qualif") != std::string_view::npos ||
                             line.find("pqe") != std::string_view::npos ||
                             before.find("experience of") != std::string_view::npos;
      // "Our team has over 20 years' experience" is not asked of the candidate.
      const bool about_us = before.find("we have") != std::string_view::npos ||
                            before.find("has over") != std::string_view::npos ||
                            before.find("have over") != std::string_view::npos ||
                            before.find("our ") != std::string_view::npos ||
                            before.find("with over") != std::string_view::npos;
      if (about_job && !about_us && (!least || *number > *least)) least = number;
    }
  }
  return least;
}

std::string find_education(std::string_view body) {
  if (has_any(body, {"phd", "ph.d", "doctorate", "doctoral degree", "doctoral level"}))
    return "doctorate";
  if (has_any(body, {"master's", "masters", "msc", "mba", "master of", "postgraduate degree",
                     "ma degree", "master's degree", "masters degree", "meng"})) {
    return "master";
  }
  if (has_any(body, {"bachelor's", "bachelors", "bachelor", "bsc", "b.sc", "undergraduate degree",
                     "degree in", "degree level", "degree educated", "educated to degree",
                     "ba degree", "university degree", "first degree", "degree or equivalent",
                     "beng", "honours degree"})) {
    return "bachelor";
  }
  if (has_any(body, {"diploma", "hnd", "hnc", "foundation degree", "nvq", "nvq level 3", "btec",
                     "associate degree", "a levels", "a-levels"})) {
    return "diploma";
  }
  if (has_any(body, {"gcse", "gcses", "high school", "secondary education", "ged"}))
    return "secondary";
  return {};
}

std::string guess_title(std::string_view text) {
  constexpr std::size_t kLongestTitle = 90;
  const auto first = trim(text.substr(0, std::min(trim(text).find('\n'), text.size())));
  const auto line = trim(first);
  if (line.empty() || line.size() > kLongestTitle || !is_word(line[0])) return {};
  const char last = line.back();
  if (last == '.' || last == '!' || last == '?' || last == ':' || last == ',') return {};
  if (std::count(line.begin(), line.end(), ' ') > 10) return {};
  return std::string(line);
}

}  // namespace rwp::ai_local
