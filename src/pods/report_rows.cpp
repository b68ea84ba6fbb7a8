#include "pods/report.hpp"
#include <rwp/core/describe.hpp>

#include <algorithm>

namespace rwp::pods {
namespace {

constexpr std::size_t kChipsInRow = 5;

std::string chip(const recruitment::Skill& skill) {
  return "<span class=\"chip skill-" + escape_html(skill.category) + "\">" +
         escape_html(skill.name) + "</span>";
}

std::string chips(const std::vector<recruitment::Skill>& skills, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < std::min(most, skills.size()); ++i) out += chip(skills[i]);
  if (skills.size() > most) {
    out += "<span class=\"chip more\">+" + std::to_string(skills.size() - most) + "</span>";
  }
  return out;
}

std::string list(const std::string& heading, const std::vector<std::string>& items) {
  if (items.empty()) return {};
  std::string out = "<section><h4>" + heading + "</h4><ul>";
  for (const auto& item : items) out += "<li>" + escape_html(sentence(item)) + "</li>";
  return out + "</ul></section>";
}

std::string fact(const std::string& name, const std::string& value) {
  if (value.empty()) return {};
  return "<dt>" + name + "</dt><dd>" + escape_html(value) + "</dd>";
}

template <class Enum>
std::string word(const std::optional<Enum>& value) {
  return value ? words_of(enum_name(*value)) : std::string();
}

/// "2026-11-02" of "2026-11-02T13:05:05+0000"; other forms stay as they are.
std::string day_of(const std::string& time) {
  constexpr std::size_t kDayLength = 10;
  const bool iso = time.size() > kDayLength && time[kDayLength] == 'T' && time[4] == '-';
  return iso ? time.substr(0, kDayLength) : time;
}

std::string wordings(const std::vector<recruitment::OffPuttingWording>& all) {
  if (all.empty()) return {};
  std::string out = "<section class=\"warn\"><h4>May put candidates off</h4><ul>";
  for (const auto& wording : all) {
    out += "<li><mark>" + escape_html(wording.phrase) + "</mark> " +
           escape_html(sentence(wording.reason)) + "</li>";
  }
  return out + "</ul></section>";
}

std::string detail(const recruitment::AdRecord& record) {
  const auto& ad = record.enriched;
  std::string out = "<div class=\"detail\"><div class=\"text\"><p class=\"summary\">" +
                    escape_html(ad.summary) + "</p>";
  if (!ad.skills.empty()) {
    out += "<section><h4>Skills</h4><p class=\"chips\">" + chips(ad.skills, ad.skills.size()) +
           "</p></section>";
  }
  if (!ad.key_phrases.empty()) {
    out += "<section><h4>Key phrases</h4><p class=\"phrases\">";
    for (const auto& phrase : ad.key_phrases) out += "<span>" + escape_html(phrase) + "</span>";
    out += "</p></section>";
  }
  out += "</div><div class=\"side\">";
  out += list("Quality " + std::to_string(ad.quality_score) + " of 100", ad.quality_reasons);
  out += wordings(ad.off_putting_wording);
  out += "<dl>" + fact("Advert", record.ad.id) + fact("Employment", word(ad.employment_type)) +
         fact("Work place", word(ad.remote));
  if (ad.years_experience) {
    out += fact("Experience", grouped(*ad.years_experience) + " years or more");
  }
  out += fact("Pay as written", record.ad.salary_text) +
         fact("Posted", day_of(record.ad.posted_at)) +
         fact("Open until", day_of(record.ad.valid_through));
  return out + "</dl></div></div>";
}

}  // namespace

std::string ad_row(const recruitment::AdRecord& record, std::size_t number) {
  const auto& ad = record.enriched;
  const auto pay = yearly_pay(ad);
  const std::string text = pay_text(ad);
  const std::string score = std::to_string(ad.quality_score);
  const std::string level = word(ad.seniority);
  const int rank = ad.seniority ? static_cast<int>(*ad.seniority) : -1;
  std::string out = "<details class=\"ad\" id=\"ad-" + std::to_string(number) + "\" data-n=\"" +
                    std::to_string(number) + "\" data-q=\"" + score + "\" data-s=\"" +
                    std::to_string(rank) + "\" data-p=\"" +
                    std::to_string(static_cast<long long>(pay.value_or(-1))) + "\" data-w=\"" +
                    std::to_string(ad.off_putting_wording.size()) + "\"><summary>";
  out += "<span class=\"who\"><b>" + escape_html(record.ad.title) + "</b><span>" +
         escape_html(record.ad.company.empty() ? "Employer not named" : record.ad.company) +
         "</span></span>";
  out += "<span class=\"where\">" + escape_html(ad.location) + "</span>";
  out += "<span class=\"level\">" + escape_html(level.empty() ? "–" : level) + "</span>";
  out += "<span class=\"pay" + std::string(text.empty() ? " missing" : "") + "\">" +
         escape_html(text.empty() ? "No pay stated" : text) + "</span>";
  out += "<span class=\"chips\">" + chips(ad.skills, kChipsInRow) + "</span>";
  out += "<span class=\"score " + std::string(score_band(ad.quality_score)) + "\">" + score +
         (ad.off_putting_wording.empty()
              ? ""
              : "<i title=\"Has wording that may put candidates off\">!</i>") +
         "</span></summary>";
  return out + detail(record) + "</details>\n";
}

}  // namespace rwp::pods
