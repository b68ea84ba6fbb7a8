#include "pods/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace rwp::pods {
namespace {

std::string decimal(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", number);
  return text.data();
}

std::string percent_of(std::size_t part, std::size_t all) {
  if (all == 0) return "0 %";
  const double share = 100.0 * static_cast<double>(part) / static_cast<double>(all);
  return (share > 0 && share < 1 ? "<1" : grouped(share)) + " %";
}

struct Bar {
  std::string label{};
  std::size_t count = 0;
  /// A class of the style sheet that gives the colour.
  std::string look{};
};

/// Horizontal bars; text, so that they can be read aloud and copied.
std::string bars(const std::vector<Bar>& rows, std::size_t all) {
  std::size_t most = 1;
  for (const auto& row : rows) most = std::max(most, row.count);
  std::string out = "<div class=\"bars\">";
  for (const auto& row : rows) {
    const double width = 100.0 * static_cast<double>(row.count) / static_cast<double>(most);
    out += "<div class=\"bar\"><span class=\"bar-name\" title=\"" + escape_html(row.label) + "\">" +
           escape_html(row.label) + "</span><span class=\"bar-track\"><span class=\"bar-fill " +
           escape_html(row.look) + "\" style=\"width:" + decimal(std::max(width, 0.6)) +
           "%\"></span></span><span class=\"bar-count\">" +
           grouped(static_cast<double>(row.count)) + "<small>" + percent_of(row.count, all) +
           "</small></span></div>";
  }
  return out + "</div>";
}

template <class Enum, std::size_t size>
std::string enum_bars(const std::array<std::size_t, size>& counts, std::size_t all) {
  std::vector<Bar> rows;
  for (const auto& [value, name] : DescribeEnum<Enum>::values) {
    const std::size_t count = counts[static_cast<std::size_t>(value)];
    if (count > 0) rows.push_back({words_of(name), count, "plain"});
  }
  if (counts[size - 1] > 0) rows.push_back({"Not stated", counts[size - 1], "muted"});
  return bars(rows, all);
}

struct Column {
  std::string label{};
  std::size_t count = 0;
  std::string look{};
  /// Shown when pointed at.
  std::string title{};
};

constexpr double kWidth = 640;
constexpr double kHeight = 250;
constexpr double kFloor = 212;
constexpr double kRoof = 26;

/// Vertical columns as SVG. `marker`: 0 to 1 across the width; none below 0.
std::string columns(const std::vector<Column>& all, double marker, const std::string& marker_text,
                    const std::string& name) {
  std::size_t most = 1;
  for (const auto& column : all) most = std::max(most, column.count);
  const double step = kWidth / static_cast<double>(std::max<std::size_t>(all.size(), 1));
  std::string out = "<svg class=\"columns\" viewBox=\"0 0 640 250\" role=\"img\" aria-label=\"" +
                    escape_html(name) + "\">";
  for (const double part : {0.25, 0.5, 0.75, 1.0}) {
    const double y = kFloor - (kFloor - kRoof) * part;
    out += "<line class=\"grid\" x1=\"0\" x2=\"640\" y1=\"" + decimal(y) + "\" y2=\"" + decimal(y) +
           "\"/>";
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double height =
        (kFloor - kRoof) * static_cast<double>(all[i].count) / static_cast<double>(most);
    const double x = step * static_cast<double>(i) + step * 0.1;
    const std::string middle = decimal(step * (static_cast<double>(i) + 0.5));
    out += "<g><title>" + escape_html(all[i].title) + "</title><rect class=\"column " +
           all[i].look + "\" x=\"" + decimal(x) + "\" y=\"" + decimal(kFloor - height) +
           "\" width=\"" + decimal(step * 0.8) + "\" height=\"" + decimal(height) + "\" rx=\"3\"/>";
    if (all[i].count > 0) {
      out += "<text class=\"value\" x=\"" + middle + "\" y=\"" + decimal(kFloor - height - 6) +
             "\">" + grouped(static_cast<double>(all[i].count)) + "</text>";
    }
    // Many columns leave room for every second name.
    if (all.size() <= 12 || i % 2 == 0) {
      out += "<text class=\"tick\" x=\"" + middle + "\" y=\"232\">" + escape_html(all[i].label) +
             "</text>";
    }
    out += "</g>";
  }
  out += "<line class=\"floor\" x1=\"0\" x2=\"640\" y1=\"212\" y2=\"212\"/>";
  if (marker >= 0 && marker <= 1) {
    const double x = kWidth * marker;
    out += "<line class=\"marker\" x1=\"" + decimal(x) + "\" x2=\"" + decimal(x) +
           "\" y1=\"16\" y2=\"212\"/><text class=\"marker-text" +
           std::string(marker > 0.6 ? " left" : "") + "\" x=\"" +
           decimal(marker > 0.6 ? x - 6 : x + 6) + "\" y=\"14\">" + escape_html(marker_text) +
           "</text>";
  }
  return out + "</svg>";
}

/// 1, 2, 2.5 or 5 times a power of ten, at least `raw`.
double nice_step(double raw) {
  const double power = std::pow(10.0, std::floor(std::log10(std::max(raw, 1.0))));
  for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
    if (power * factor >= raw * 0.999) return power * factor;
  }
  return power * 10;
}

std::string thousands(double sum) {
  return sum >= 1'000 ? grouped(sum / 1'000, std::fmod(sum, 1'000) > 0.5 ? 1 : 0) + "k"
                      : grouped(sum);
}

}  // namespace

std::string skills_chart(const AdStatistics& statistics) {
  std::vector<Bar> rows;
  for (const auto& skill : statistics.top_skills(20)) {
    rows.push_back({skill.name, skill.count, "skill-" + skill.category});
  }
  if (rows.empty()) return "<p class=\"none\">No skills were found.</p>";
  std::string legend = "<p class=\"legend\">";
  for (const std::string category :
       {"technical", "tools", "methods", "soft", "domain", "languages", "other"}) {
    if (std::none_of(rows.begin(), rows.end(),
                     [&](const Bar& row) { return row.look == "skill-" + category; })) {
      continue;
    }
    legend += "<span><i class=\"skill-" + category + "\"></i>" + words_of(category) + "</span>";
  }
  return bars(rows, statistics.count()) + legend + "</p>";
}

std::string seniority_chart(const AdStatistics& statistics) {
  return enum_bars<recruitment::Seniority>(statistics.seniority(), statistics.count());
}

std::string employment_chart(const AdStatistics& statistics) {
  return enum_bars<recruitment::EmploymentType>(statistics.employment(), statistics.count());
}

std::string work_place_chart(const AdStatistics& statistics) {
  return enum_bars<recruitment::WorkPlace>(statistics.work_place(), statistics.count());
}

std::string quality_chart(const AdStatistics& statistics) {
  std::vector<Column> all;
  for (std::size_t i = 0; i < statistics.quality().size(); ++i) {
    const int from = static_cast<int>(i) * 10;
    const std::string to = std::to_string(i == 9 ? 100 : from + 9);
    Column column;
    column.label = std::to_string(from) + "–" + to;
    column.count = statistics.quality()[i];
    column.look = score_band(from + 5);
    column.title = std::to_string(column.count) + " ads score " + column.label;
    all.push_back(std::move(column));
  }
  return columns(all, statistics.mean_quality() / 100, "mean " + grouped(statistics.mean_quality()),
                 "Adverts by quality score");
}

std::string pay_chart(const AdStatistics& statistics) {
  const auto pays = statistics.yearly_pays();
  if (pays.empty()) return "<p class=\"none\">No advert states what it pays.</p>";
  const std::string currency = statistics.main_currency();
  // From the 1st to the 98th percentile; what lies beyond is counted in the outer columns, as a few
  // directors would flatten all others.
  const double low = pays[pays.size() / 100];
  const double high = pays[(pays.size() - 1) * 98 / 100];
  const double width = nice_step(std::max((high - low) / 18, 1.0));
  const double start = std::floor(low / width) * width;
  const auto count =
      static_cast<std::size_t>(std::clamp(std::floor((high - start) / width) + 1, 1.0, 20.0));
  std::vector<Column> all(count);
  for (const double pay : pays) {
    const double at = std::clamp((pay - start) / width, 0.0, static_cast<double>(count) - 1);
    ++all[static_cast<std::size_t>(at)].count;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double from = start + width * static_cast<double>(i);
    all[i].label = i + 1 == count ? thousands(from) + "+" : thousands(from);
    all[i].look = "plain";
    all[i].title = std::to_string(all[i].count) + " ads at " + money_text(from, currency) +
                   (i + 1 == count ? " and above" : " to " + money_text(from + width, currency));
  }
  const double median = *statistics.median_pay();
  return columns(all, (median - start) / (width * static_cast<double>(count)),
                 "median " + money_text(median, currency), "Adverts by yearly pay") +
         "<p class=\"note\">Middle of the stated range as full-time pay a year, in " +
         escape_html(currency.empty() ? "the currency stated" : currency) + "; " +
         grouped(static_cast<double>(pays.size())) + " of " +
         grouped(static_cast<double>(statistics.count())) +
         " ads. Hourly pay counts 1,950 hours, daily 230 days.</p>";
}

}  // namespace rwp::pods
