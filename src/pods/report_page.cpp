#include "pods/report.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rwp::pods {
namespace {

std::string count_text(std::size_t number) { return grouped(static_cast<double>(number)); }

std::string share(std::size_t part, std::size_t all) {
  if (all == 0) return "0 %";
  return grouped(std::round(100.0 * static_cast<double>(part) / static_cast<double>(all))) + " %";
}

std::string tile(const std::string& value, const std::string& name, const std::string& note,
                 const std::string& look = std::string()) {
  return "<div class=\"tile " + look + "\"><b>" + escape_html(value) + "</b><span>" +
         escape_html(name) + "</span><small>" + escape_html(note) + "</small></div>";
}

std::string card(const std::string& heading, const std::string& body,
                 const std::string& look = std::string()) {
  return "<section class=\"card " + look + "\"><h3>" + escape_html(heading) + "</h3>" + body +
         "</section>";
}

std::string headline(const AdStatistics& statistics, const RunFacts& facts) {
  const std::size_t all = statistics.count();
  const auto median = statistics.median_pay();
  std::string out = "<div class=\"tiles\">";
  out += tile(count_text(all), "adverts enriched",
              count_text(facts.read) + " read, " + count_text(facts.rejected) + " refused" +
                  (facts.failed > 0 ? ", " + count_text(facts.failed) + " failed" : ""));
  out += tile(grouped(statistics.mean_quality()), "mean quality", "of 100",
              std::string(score_band(static_cast<int>(statistics.mean_quality()))));
  out += tile(median ? money_text(std::round(*median), statistics.main_currency()) : "–",
              "median yearly pay", "middle of the stated ranges");
  out += tile(share(all - statistics.without_pay(), all), "state what they pay",
              count_text(statistics.without_pay()) + " do not");
  out += tile(share(statistics.with_wording(), all), "may put people off",
              count_text(statistics.with_wording()) + " adverts by their wording");
  out += tile(count_text(statistics.distinct_skills()), "different skills", "asked for in all");
  return out + "</div>";
}

std::string ad_link(const recruitment::AdRecord& record, std::size_t number,
                    const std::string& note) {
  return "<li><a href=\"#ad-" + std::to_string(number) + "\"><b>" + escape_html(record.ad.title) +
         "</b> <span>" + escape_html(record.ad.company) + "</span></a><span class=\"score " +
         std::string(score_band(record.enriched.quality_score)) + "\">" +
         std::to_string(record.enriched.quality_score) + "</span><small>" + escape_html(note) +
         "</small></li>";
}

std::string joined(const std::vector<std::string>& texts, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < std::min(most, texts.size()); ++i) {
    out += (out.empty() ? "" : " ") + sentence(texts[i]);
    if (!out.ends_with('.') && !out.ends_with('!')) out += ".";
  }
  return out;
}

std::string worst_ads(const std::vector<recruitment::AdRecord>& rows) {
  std::vector<std::size_t> order(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return rows[a].enriched.quality_score < rows[b].enriched.quality_score;
  });
  std::string out = "<ol class=\"ads\">";
  for (std::size_t i = 0; i < std::min<std::size_t>(12, order.size()); ++i) {
    const auto& record = rows[order[i]];
    out += ad_link(record, order[i] + 1, joined(record.enriched.quality_reasons, 3));
  }
  return out + "</ol>";
}

std::string wording_table(const AdStatistics& statistics) {
  const auto all = statistics.wordings(14);
  if (all.empty()) return "<p class=\"none\">None was found.</p>";
  std::string out =
      "<table><thead><tr><th>Wording</th><th class=\"n\">Ads</th><th>Why</th></tr></thead><tbody>";
  for (const auto& entry : all) {
    std::string titles;
    for (const auto& title : entry.examples) titles += (titles.empty() ? "" : " · ") + title;
    out += "<tr><td><mark>" + escape_html(entry.phrase) + "</mark></td><td class=\"n\">" +
           count_text(entry.count) + "</td><td>" + escape_html(sentence(entry.reason)) + "<small>" +
           escape_html(titles) + "</small></td></tr>";
  }
  return out + "</tbody></table>";
}

std::string reasons_list(const AdStatistics& statistics) {
  const auto reasons = statistics.quality_reasons(14);
  if (reasons.empty()) return "<p class=\"none\">No remarks.</p>";
  std::string out =
      "<table><thead><tr><th class=\"n\">Ads</th><th>Remark</th><th title=\"Mean quality of the "
      "adverts with this remark\">Their mean</th></tr></thead><tbody>";
  for (const auto& reason : reasons) {
    const int mean = static_cast<int>(std::lround(reason.mean_score));
    out += "<tr><td class=\"n\">" + count_text(reason.count) + "</td><td>" +
           escape_html(sentence(reason.name)) + "</td><td><span class=\"score " +
           std::string(score_band(mean)) + "\">" + std::to_string(mean) + "</span></td></tr>";
  }
  return out + "</tbody></table>";
}

std::string unpaid_ads(const AdStatistics& statistics,
                       const std::vector<recruitment::AdRecord>& rows) {
  constexpr std::size_t kShown = 12;
  std::string out;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < rows.size() && shown < kShown; ++i) {
    if (rows[i].enriched.salary) continue;
    ++shown;
    const auto& written = rows[i].ad.salary_text;
    out += ad_link(rows[i], i + 1, written.empty() ? "" : "written: " + written);
  }
  if (out.empty()) return "<p class=\"none\">All of them state what they pay.</p>";
  out = "<ol class=\"ads\">" + out + "</ol>";
  if (statistics.without_pay() > shown) {
    out += "<p class=\"note\">and " + count_text(statistics.without_pay() - shown) +
           " more: choose “No pay stated” in the list below.</p>";
  }
  return out;
}

std::string problems(const RunFacts& facts) {
  if (facts.problems.empty()) return {};
  std::string out = "<ul class=\"counted\">";
  for (const auto& problem : facts.problems) {
    out += "<li><b>" + count_text(problem.count) + "</b><span>" + escape_html(problem.name) +
           "</span></li>";
  }
  return card("Refused and failed", out + "</ul>");
}

constexpr const char* kControls = R"(<div class="controls" hidden>
<input id="find" type="search" placeholder="Find title, employer, place, skill…" aria-label="Find">
<select id="show" aria-label="Show"><option value="">All adverts</option>
<option value="poor">Quality below 50</option><option value="fair">Quality 50 to 74</option>
<option value="good">Quality 75 and above</option><option value="unpaid">No pay stated</option>
<option value="wording">Off-putting wording</option></select>
<select id="sort" aria-label="Order"><option value="n">As in the input</option>
<option value="q">Lowest quality first</option><option value="-q">Highest quality first</option>
<option value="-p">Highest pay first</option><option value="p">Lowest pay first</option>
<option value="-s">Most senior first</option><option value="s">Most junior first</option>
<option value="-w">Most off-putting first</option></select>
<output id="shown"></output></div>
)";

}  // namespace

void Report::add(recruitment::AdRecord record) {
  statistics_.add(record);
  if (rows_.size() == kMostRows) return;
  record.ad.description = std::string();
  rows_.push_back(std::move(record));
}

std::string Report::html(const RunFacts& facts) const {
  std::string models;
  for (const auto& model : statistics_.models()) {
    models += (models.empty() ? "" : ", ") + model.name;
  }
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<meta name=\"color-scheme\" content=\"light dark\">"
      // The page holds other people's text: should an escape ever be missing, nothing of it runs.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src '";
  out += report_script_hash();
  out += "'\"><title>Job adverts: " + escape_html(facts.run) + "</title><style>";
  out += report_style();
  out += "</style></head><body><header><p class=\"kind\">Job advert report</p><h1>" +
         escape_html(facts.input.empty() ? facts.run : facts.input) + "</h1><p>" +
         escape_html(facts.made_at) +
         (models.empty() ? "" : " · enriched by " + escape_html(models)) + " · run " +
         escape_html(facts.run) + "</p></header><main>";
  out += headline(statistics_, facts);

  out += "<h2>What to act on</h2><div class=\"grid two\">";
  const std::string left = card("Adverts to rewrite first", worst_ads(rows_)) +
                           card("What adverts are marked for", reasons_list(statistics_));
  const std::string right =
      card("Wording that may put candidates off", wording_table(statistics_)) +
      card("Adverts that do not state pay (" + count_text(statistics_.without_pay()) + ")",
           unpaid_ads(statistics_, rows_)) +
      problems(facts);
  out += "<div class=\"stack\">" + left + "</div><div class=\"stack\">" + right + "</div></div>";

  out += "<h2>The market in these adverts</h2><div class=\"grid two\">";
  out += "<div class=\"stack\">" + card("Skills most asked for", skills_chart(statistics_)) +
         card("Seniority", seniority_chart(statistics_)) + "</div><div class=\"stack\">" +
         card("Yearly pay", pay_chart(statistics_)) + card("Quality", quality_chart(statistics_)) +
         card("Employment", employment_chart(statistics_)) +
         card("Place of work", work_place_chart(statistics_)) + "</div></div>";

  out += "<h2 id=\"list\">All adverts</h2>";
  out += kControls;
  out +=
      "<div class=\"list\"><div class=\"head\"><span>Post</span><span>Place</span><span>Level"
      "</span><span>Pay</span><span>Skills</span><span>Quality</span></div><div id=\"ads\">\n";
  for (std::size_t i = 0; i < rows_.size(); ++i) out += ad_row(rows_[i], i + 1);
  out += "</div></div>";
  if (statistics_.count() > rows_.size()) {
    out += "<p class=\"note\">The list holds the first " + count_text(rows_.size()) +
           " adverts; the figures above count all " + count_text(statistics_.count()) + ".</p>";
  }
  out +=
      "</main><footer>Made by librwp. Summaries, skills and scores are a machine's reading: "
      "look at the advert before you act.</footer><script>";
  out += report_script();
  return out + "</script></body></html>\n";
}

}  // namespace rwp::pods
