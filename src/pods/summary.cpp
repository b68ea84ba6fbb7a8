#include "pods/summary.hpp"

#include "pods/report.hpp"
#include <rwp/core/describe.hpp>

#include <cmath>

namespace rwp::pods {
namespace {

constexpr std::size_t kNameWidth = 18;

std::string count_text(std::size_t number) { return grouped(static_cast<double>(number)); }

std::string row(const std::string& name, const std::string& value) {
  return "  " + name + std::string(name.size() < kNameWidth ? kNameWidth - name.size() : 1, ' ') +
         value + "\n";
}

/// Text from outside on a terminal: no control characters.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
  }
  return out;
}

std::string reasons(const std::vector<Tally>& tallies) {
  constexpr std::size_t kShown = 5;
  std::string out;
  for (std::size_t i = 0; i < tallies.size() && i < kShown; ++i) {
    out += row("", count_text(tallies[i].count) + " × " + plain(tallies[i].name));
  }
  if (tallies.size() > kShown)
    out += row("", "and " + count_text(tallies.size() - kShown) + " other reasons");
  return out;
}

std::string skills(const AdStatistics& statistics) {
  std::string out;
  for (const auto& skill : statistics.top_skills(8)) {
    out += (out.empty() ? "" : ", ") + plain(skill.name) + " " + count_text(skill.count);
  }
  return out.empty() ? "none found" : out;
}

std::string seniority(const AdStatistics& statistics) {
  std::string out;
  for (const auto& [value, name] : DescribeEnum<recruitment::Seniority>::values) {
    const auto count = statistics.seniority()[static_cast<std::size_t>(value)];
    if (count == 0) continue;
    out += (out.empty() ? "" : ", ") + std::string(name) + " " + count_text(count);
  }
  if (statistics.seniority().back() > 0) {
    out += (out.empty() ? "" : ", ") + std::string("not stated ") +
           count_text(statistics.seniority().back());
  }
  return out;
}

}  // namespace

std::string summary_text(const RunSummary& summary, const AdStatistics& statistics) {
  const std::size_t enriched = statistics.count();
  std::string out = "\n";
  out += row("Adverts read", count_text(summary.read));
  out += row("Refused", count_text(summary.rejected) +
                            (summary.rejected > 0 ? "  (see " + summary.rejects_path + ")" : ""));
  out += reasons(summary.reject_reasons);
  out += row("Enriched", count_text(enriched));
  out += row("Failed", count_text(summary.failed));
  out += reasons(summary.failure_reasons);
  const double rate = summary.seconds > 0 ? static_cast<double>(enriched) / summary.seconds : 0;
  out += row("Time", grouped(summary.seconds, 1) + " s, " + grouped(rate) + " adverts a second");
  if (enriched > 0) {
    out += row("Top skills", skills(statistics));
    out += row("Seniority", seniority(statistics));
    const auto median = statistics.median_pay();
    out +=
        row("Median pay",
            median ? money_text(std::round(*median), statistics.main_currency()) + " a year (" +
                         count_text(enriched - statistics.without_pay()) + " state what they pay)"
                   : "not stated");
    out += row("Mean quality", grouped(statistics.mean_quality()) + " of 100; " +
                                   count_text(statistics.with_wording()) +
                                   " with wording that may put candidates off");
  }
  if (summary.events_waiting > 0) {
    out +=
        row("Events waiting", count_text(summary.events_waiting) + "; the next run delivers them");
  }
  if (!summary.report_path.empty()) out += "\nReport: " + summary.report_path + "\n";
  return out;
}

}  // namespace rwp::pods
