#include "ai_local/analysis.hpp"

#include "ai_local/job_facts.hpp"
#include "ai_local/text.hpp"

#include <utility>

namespace rwp::ai_local {
namespace {

constexpr std::size_t kKeyPhrases = 10;

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
    const std::string context = source_.location + "\n" + source_.salary;
    auto salary = source_.salary.empty()
                      ? std::nullopt
                      : find_salary(source_.salary, true, context + "\n" + source_.body);
    if (!salary) salary = find_salary(title_, false, context);
    if (!salary) salary = find_salary(source_.body, false, context);
    return salary;
  });
}

const std::vector<FoundSkill>& Analysis::skills() {
  return once(skills_, [&] { return dictionary_.find(title_ + "\n\n" + source_.body); });
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
