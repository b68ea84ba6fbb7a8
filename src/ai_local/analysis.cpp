#include "ai_local/analysis.hpp"

#include "ai_local/job_facts.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace rwp::ai_local {
namespace {

constexpr std::size_t kKeyPhrases = 10;

/// The names of those countries whose dollars are called "$" at home.
std::string country_name(const std::string& country) {
  constexpr auto kCodes =
      std::to_array<std::pair<std::string_view, std::string_view>>({{"AU", "Australia"},
                                                                    {"NZ", "New Zealand"},
                                                                    {"CA", "Canada"},
                                                                    {"SG", "Singapore"},
                                                                    {"HK", "Hong Kong"}});
  for (const auto& [code, name] : kCodes) {
    if (country == code) return std::string(name);
  }
  return country;
}

/// The part, made the first time.
template <class T, class Make>
const T& once(std::optional<T>& part, Make make) {
  if (!part) part.emplace(make());
  return *part;
}

}  // namespace

Analysis::Analysis(SourceText source, const SkillDictionary& dictionary)
    : source_(std::move(source)),
      dictionary_(dictionary),
      title_(source_.title.empty() ? guess_title(source_.body) : source_.title),
      folded_title_(fold(title_)),
      folded_body_(fold(source_.body)) {}

const WordedText& Analysis::worded() {
  return once(worded_, [&] { return read_words(source_.body, folded_body_); });
}

const std::string& Analysis::location() {
  return once(location_, [&] {
    return source_.location.empty() ? find_location(source_.body, folded_body_) : source_.location;
  });
}

const std::string& Analysis::employment_type() {
  return once(employment_type_, [&] {
    return find_employment_type(folded_title_, fold(source_.employment_type), folded_body_);
  });
}

const std::string& Analysis::seniority() {
  return once(seniority_, [&] { return find_seniority(folded_title_, folded_body_); });
}

const std::string& Analysis::workplace() {
  return once(workplace_,
              [&] { return find_workplace(folded_title_, fold(source_.location), folded_body_); });
}

const std::string& Analysis::education() {
  return once(education_, [&] { return find_education(folded_body_); });
}

std::optional<int> Analysis::years_of_experience() {
  return find_years_of_experience(folded_body_);
}

const std::optional<Salary>& Analysis::salary() {
  return once(salary_, [&] {
    const std::string context =
        source_.location + "\n" + source_.salary + "\n" + country_name(source_.country);
    auto salary = source_.salary.empty()
                      ? std::nullopt
                      : find_salary(source_.salary, true, context + "\n" + source_.body);
    if (!salary) salary = find_salary(title_, false, context);
    if (!salary) salary = find_salary(source_.body, false, context);
    return salary;
  });
}

const Cv* Analysis::cv() {
  if (source_.cv.empty()) return nullptr;
  return &once(cv_, [&] { return read_cv(source_.cv, source_.today, dictionary_); });
}

const std::vector<FoundSkill>& Analysis::skills() {
  return once(skills_, [&] {
    auto found = dictionary_.find(title_ + "\n\n" + source_.body);
    // The most important first: the title's, then by mentions, what everybody asks for last.
    const auto rank = [&](const FoundSkill& skill) {
      const int place = skill.position < title_.size() ? 2 : skill.category == "soft" ? 0 : 1;
      return std::pair(place, skill.mentions);
    };
    std::stable_sort(found.begin(), found.end(),
                     [&](const auto& left, const auto& right) { return rank(left) > rank(right); });
    return found;
  });
}

const std::vector<std::string>& Analysis::key_phrases() {
  return once(key_phrases_, [&] { return find_key_phrases(worded(), folded_title_, kKeyPhrases); });
}

const std::string& Analysis::summary() {
  return once(summary_, [&] {
    auto summary = summarise(worded(), folded_title_);
    return summary.empty() ? title_ : summary;
  });
}

const std::vector<OffPuttingWording>& Analysis::off_putting_wording() {
  return once(wording_, [&] {
    const std::string text = title_ + "\n" + source_.body;
    return find_off_putting_wording(text, fold(text));
  });
}

const Quality& Analysis::quality() {
  return once(quality_, [&] {
    QualityInput input;
    input.title = title_;
    input.folded_body = folded_body_;
    input.text = &worded();
    input.has_salary = salary().has_value();
    input.has_location = !location().empty();
    input.has_employment_type = !employment_type().empty();
    input.skills = skills().size();
    input.off_putting = off_putting_wording().size();
    return judge_quality(input);
  });
}

}  // namespace rwp::ai_local
