#pragma once

#include "pods/ad_statistics.hpp"
#include <rwp/recruitment/enriched_ad.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace rwp::pods {

/// What a report says of the run beside the adverts.
struct RunFacts {
  std::string run{};
  std::string input{};
  /// When the report was made, for people: "23 November 2026, 21:55 UTC".
  std::string made_at{};
  std::size_t read = 0;
  std::size_t rejected = 0;
  std::size_t failed = 0;
  /// Why adverts were refused or failed, most frequent first.
  std::vector<Tally> problems{};
};

/// Takes enriched adverts one by one and makes a page of them: HTML with inline style, SVG and one
/// small script, without anything from elsewhere; it reads and prints without the script too.
///
/// All are counted; the list holds the first `kMostRows`.
class Report {
 public:
  static constexpr std::size_t kMostRows = 5'000;

  void add(recruitment::AdRecord record);
  const AdStatistics& statistics() const noexcept { return statistics_; }
  std::string html(const RunFacts& facts) const;

 private:
  AdStatistics statistics_;
  /// Their descriptions are left out, to keep memory and page small.
  std::vector<recruitment::AdRecord> rows_;
};

/// `text` with & < > " ' escaped, fit for HTML text and quoted attributes. Control characters but
/// line breaks and tabulators, and bytes that are not UTF-8, become U+FFFD.
std::string escape_html(std::string_view text);

/// The style sheet and the script of the page, and the script's CSP hash ("sha256-…").
std::string_view report_style();
std::string_view report_script();
std::string report_script_hash();

/// The page's charts, each an HTML fragment.
std::string skills_chart(const AdStatistics& statistics);
std::string seniority_chart(const AdStatistics& statistics);
std::string employment_chart(const AdStatistics& statistics);
std::string work_place_chart(const AdStatistics& statistics);
std::string quality_chart(const AdStatistics& statistics);
std::string pay_chart(const AdStatistics& statistics);

/// The list's entry of one advert.
std::string ad_row(const recruitment::AdRecord& record, std::size_t number);

/// `text` with a capital at its start.
std::string sentence(std::string_view text);

/// "Full time" for "full_time".
std::string words_of(std::string_view name);
/// "good", "fair" or "poor": how a score is coloured.
std::string_view score_band(int score);

}  // namespace rwp::pods
