#include "ai_local/facts.hpp"

#include "ai_local/cv/cv_facts.hpp"
#include "ai_local/pair_facts.hpp"
#include "ai_local/text.hpp"

#include <array>

namespace rwp::ai_local {
namespace {

MaybeFact title(Analysis& analysis) { return of_text(analysis.title()); }
MaybeFact company(Analysis& analysis) { return of_text(analysis.company()); }
MaybeFact location(Analysis& analysis) { return of_text(analysis.location()); }
MaybeFact summary(Analysis& analysis) { return of_text(analysis.summary()); }
MaybeFact key_phrases(Analysis& analysis) { return of_texts(analysis.key_phrases()); }
MaybeFact seniority(Analysis& analysis) { return of_text(analysis.seniority()); }
MaybeFact employment_type(Analysis& analysis) { return of_text(analysis.employment_type()); }
MaybeFact education(Analysis& analysis) { return of_text(analysis.education()); }
MaybeFact quality_score(Analysis& analysis) { return of_number(analysis.quality().score); }
MaybeFact quality_reasons(Analysis& analysis) { return of_texts(analysis.quality().reasons); }

MaybeFact years(Analysis& analysis) {
  const auto found = analysis.years_of_experience();
  return found ? of_number(*found) : std::nullopt;
}

MaybeFact workplace(Analysis& analysis) {
  auto fact = of_text(analysis.workplace());
  if (fact) fact->flag = analysis.workplace() == "remote";
  return fact;
}

MaybeFact skills(Analysis& analysis) {
  std::vector<Fact> list;
  for (const auto& skill : analysis.skills()) {
    Fact fact;
    fact.text = std::string(skill.name);
    add_member(fact, "name", of_text(std::string(skill.name)));
    add_member(fact, "category", of_text(std::string(skill.category)));
    add_member(fact, "mentions", of_number(static_cast<double>(skill.mentions)));
    list.push_back(std::move(fact));
  }
  return of_list(std::move(list));
}

MaybeFact off_putting_wording(Analysis& analysis) {
  std::vector<Fact> list;
  for (const auto& wording : analysis.off_putting_wording()) {
    Fact fact;
    fact.text = wording.phrase;
    add_member(fact, "phrase", of_text(wording.phrase));
    add_member(fact, "reason", of_text(wording.reason));
    list.push_back(std::move(fact));
  }
  return of_list(std::move(list));
}

MaybeFact salary_min(Analysis& analysis) {
  return analysis.salary() ? of_number(analysis.salary()->minimum) : std::nullopt;
}
MaybeFact salary_max(Analysis& analysis) {
  return analysis.salary() ? of_number(analysis.salary()->maximum) : std::nullopt;
}
MaybeFact currency(Analysis& analysis) {
  return analysis.salary() ? of_text(analysis.salary()->currency) : std::nullopt;
}
MaybeFact period(Analysis& analysis) {
  return analysis.salary() ? of_text(analysis.salary()->period) : std::nullopt;
}

std::string whole(double number) { return std::to_string(static_cast<long long>(number)); }

MaybeFact salary(Analysis& analysis) {
  const auto& found = analysis.salary();
  if (!found) return std::nullopt;
  Fact fact;
  for (const std::string_view name : {"min", "minimum", "low", "from"}) {
    add_member(fact, name, of_number(found->minimum));
  }
  for (const std::string_view name : {"max", "maximum", "high", "to"}) {
    add_member(fact, name, of_number(found->maximum));
  }
  add_member(fact, "currency", of_text(found->currency));
  for (const std::string_view name : {"period", "unit", "interval", "per"}) {
    add_member(fact, name, of_text(found->period));
  }
  std::string text = found->currency;
  if (found->minimum) text += (text.empty() ? "" : " ") + whole(*found->minimum);
  if (found->maximum && found->maximum != found->minimum) {
    text += (found->minimum ? " - " : " up to ") + whole(*found->maximum);
  }
  if (!found->period.empty()) text += " per " + found->period;
  fact.text = std::move(text);
  fact.number = found->minimum ? found->minimum : found->maximum;
  return fact;
}

struct Source {
  std::string_view name;
  MaybeFact (*find)(Analysis& analysis);
};

constexpr auto kSources = std::to_array<Source>({{"title", title},
                                                 {"job_title", title},
                                                 {"role", title},
                                                 {"position", title},
                                                 {"headline", title},
                                                 {"company", company},
                                                 {"employer", company},
                                                 {"organisation", company},
                                                 {"organization", company},
                                                 {"location", location},
                                                 {"city", location},
                                                 {"place", location},
                                                 {"job_location", location},
                                                 {"summary", summary},
                                                 {"abstract", summary},
                                                 {"overview", summary},
                                                 {"short_description", summary},
                                                 {"tldr", summary},
                                                 {"insights", summary},
                                                 {"key_phrases", key_phrases},
                                                 {"keywords", key_phrases},
                                                 {"phrases", key_phrases},
                                                 {"tags", key_phrases},
                                                 {"topics", key_phrases},
                                                 {"key_points", key_phrases},
                                                 {"skills", skills},
                                                 {"required_skills", skills},
                                                 {"skill_names", skills},
                                                 {"technologies", skills},
                                                 {"extracted_skills", skills},
                                                 {"competencies", skills},
                                                 {"seniority", seniority},
                                                 {"level", seniority},
                                                 {"seniority_level", seniority},
                                                 {"experience_level", seniority},
                                                 {"employment_type", employment_type},
                                                 {"contract_type", employment_type},
                                                 {"job_type", employment_type},
                                                 {"salary", salary},
                                                 {"salary_range", salary},
                                                 {"pay", salary},
                                                 {"compensation", salary},
                                                 {"salary_min", salary_min},
                                                 {"salary_max", salary_max},
                                                 {"salary_currency", currency},
                                                 {"currency", currency},
                                                 {"salary_period", period},
                                                 {"salary_unit", period},
                                                 {"remote", workplace},
                                                 {"workplace", workplace},
                                                 {"work_mode", workplace},
                                                 {"is_remote", workplace},
                                                 {"quality_score", quality_score},
                                                 {"quality_reasons", quality_reasons},
                                                 {"reasons", quality_reasons},
                                                 {"off_putting_wording", off_putting_wording},
                                                 {"years_experience", years},
                                                 {"years_of_experience", years},
                                                 {"min_years_experience", years},
                                                 {"education", education},
                                                 {"degree", education},
                                                 {"education_level", education},
                                                 {"score", quality_score}});

}  // namespace

std::string to_snake_case(std::string_view name) {
  std::string snake;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool divider = c == ' ' || c == '-' || c == '_' || c == '.';
    const bool hump = is_upper(c) && i > 0 && is_lower(name[i - 1]);
    if ((divider || hump) && !snake.empty() && snake.back() != '_') snake += '_';
    if (!divider) snake += is_upper(c) ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return snake;
}

std::optional<Fact> find_fact(Analysis& analysis, std::string_view name) {
  std::optional<Fact> fact;
  if (const Cv* cv = analysis.cv(); cv != nullptr && find_cv_fact(*cv, name, fact)) return fact;
  if (analysis.pair().is_there() && find_pair_fact(analysis.pair(), name, fact)) return fact;
  for (const auto& source : kSources) {
    if (source.name == name) return source.find(analysis);
  }
  return std::nullopt;
}

}  // namespace rwp::ai_local
