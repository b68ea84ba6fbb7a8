#include "pods/progress_display.hpp"
#include "pods/report.hpp"
#include "pods/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rwp::pods {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

recruitment::AdRecord record(const std::string& id, double pay, int score) {
  recruitment::AdRecord made;
  made.ad.id = id;
  made.ad.title = "Post " + id;
  made.ad.description = "long text";
  made.enriched.ad_id = id;
  made.enriched.quality_score = score;
  if (pay > 0) {
    recruitment::Salary salary;
    salary.min = pay;
    salary.max = pay;
    salary.currency = "GBP";
    salary.period = recruitment::PayPeriod::year;
    made.enriched.salary = salary;
  }
  return made;
}

TEST(EscapeHtmlTest, NothingOfATextIsMarkup) {
  EXPECT_EQ(escape_html("<script>alert(\"1\" & '2')</script>"),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;");
}

TEST(EscapeHtmlTest, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(escape_html(std::string("a\xFF\0\x1B\xC3\xA9", 6)),
            "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xC3\xA9");
}

TEST(ReportTest, HostileTextAppearsEscapedInEveryField) {
  const std::string attack = "\"'><img src=x onerror=alert(1)>";
  auto hostile = record("1", 0, 10);
  hostile.ad.id = attack;
  hostile.ad.title = attack;
  hostile.ad.company = attack;
  hostile.ad.salary_text = attack;
  hostile.ad.posted_at = attack;
  hostile.enriched.location = attack;
  hostile.enriched.summary = attack;
  hostile.enriched.skills = {{attack, attack}};
  hostile.enriched.key_phrases = {attack};
  hostile.enriched.quality_reasons = {attack};
  hostile.enriched.off_putting_wording = {{attack, attack}};
  hostile.enriched.provenance.model = attack;
  Report report;
  report.add(hostile);
  RunFacts facts;
  facts.run = attack;
  facts.input = attack;
  facts.problems = {{attack, attack, 1, 0}};

  const std::string html = report.html(facts);

  // Not HasSubstr(), which would print the page.
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_EQ(html.find("\"'>"), std::string::npos);
  EXPECT_NE(html.find("&lt;img"), std::string::npos);
}

TEST(ReportTest, PageNeedsNothingFromElsewhere) {
  Report report;
  report.add(record("1", 30'000, 80));

  const std::string html = report.html(RunFacts());

  for (const std::string elsewhere : {"http://", "https://", "src=", "url(", "@import"}) {
    EXPECT_EQ(html.find(elsewhere), std::string::npos) << elsewhere;
  }
  EXPECT_NE(html.find(report_script_hash()), std::string::npos);
}

TEST(ReportTest, EmptyRunStillMakesAPage) {
  EXPECT_THAT(Report().html(RunFacts()), HasSubstr("</html>"));
}

TEST(ReportTest, ListIsBoundedAndFiguresCountAll) {
  Report report;
  for (std::size_t i = 0; i < Report::kMostRows + 1; ++i) {
    report.add(record(std::to_string(i), 0, 50));
  }

  const std::string html = report.html(RunFacts());

  EXPECT_EQ(report.statistics().count(), 5'001U);
  EXPECT_THAT(html, AllOf(HasSubstr("id=\"ad-5000\""), Not(HasSubstr("id=\"ad-5001\"")),
                          HasSubstr("first 5,000 adverts")));
}

TEST(AdStatisticsTest, MedianIsOfYearlyPayInTheMainCurrency) {
  AdStatistics statistics;
  statistics.add(record("1", 20'000, 0));
  statistics.add(record("2", 30'000, 0));
  statistics.add(record("3", 50'000, 0));
  auto hourly = record("4", 20, 0);
  hourly.enriched.salary->period = recruitment::PayPeriod::hour;
  statistics.add(hourly);
  auto foreign = record("5", 9'000'000, 0);
  foreign.enriched.salary->currency = "JPY";
  statistics.add(foreign);
  statistics.add(record("6", 0, 0));

  EXPECT_EQ(statistics.main_currency(), "GBP");
  EXPECT_EQ(statistics.median_pay(), (30'000 + 39'000) / 2.0);
  EXPECT_EQ(statistics.without_pay(), 1U);
}

TEST(AdStatisticsTest, ReasonsThatDifferInAFigureAreOne) {
  AdStatistics statistics;
  auto one = record("1", 0, 40);
  one.enriched.quality_reasons = {"short (48 words); 150 are read best"};
  auto two = record("2", 0, 60);
  two.enriched.quality_reasons = {"short (52 words); 150 are read best"};
  statistics.add(one);
  statistics.add(two);

  const auto reasons = statistics.quality_reasons(5);

  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_EQ(reasons[0].name, "short; 150 are read best");
  EXPECT_EQ(reasons[0].count, 2U);
  EXPECT_EQ(reasons[0].mean_score, 50);
}

TEST(MoneyTextTest, SumsAreGroupedAndSigned) {
  EXPECT_EQ(money_text(31'400, "GBP"), "£31,400");
  EXPECT_EQ(money_text(12.5, "EUR"), "€12.50");
  EXPECT_EQ(money_text(1'234'567, "SEK"), "1,234,567 SEK");
}

TEST(ProgressLineTest, TellsStatesRateAndTimeLeft) {
  RunProgress progress;
  progress.submitted = 2'000;
  progress.all_read = true;
  progress.succeeded = 990;
  progress.failed = 10;
  progress.running = 16;

  const auto line = progress_line(progress, 10, 100, 0, false);

  EXPECT_THAT(line, AllOf(HasSubstr("50 %"), HasSubstr("990 done"), HasSubstr("16 running"),
                          HasSubstr("984 waiting"), HasSubstr("10 failed"), HasSubstr("100/s"),
                          HasSubstr("10 s left")));
}

TEST(ProgressLineTest, BarNeverExceedsTheTerminal) {
  RunProgress progress;
  progress.submitted = 2'000;
  progress.succeeded = 1'234;
  progress.rejected = 3;
  for (const std::size_t width : {1U, 20U, 40U, 80U, 200U}) {
    EXPECT_LE(progress_line(progress, 10, 100, width, true).size(),
              std::max<std::size_t>(width, 1));
  }
}

TEST(SummaryTest, NamesTopReasonsWithoutControlCharacters) {
  RunSummary summary;
  summary.read = 3;
  summary.rejected = 2;
  summary.reject_reasons = {{"title: \x1b[31mis missing", "", 2, 0}};
  summary.rejects_path = "rwp-data/rejects.jsonl";

  const auto text = summary_text(summary, AdStatistics());

  EXPECT_THAT(text, AllOf(HasSubstr("2 × title: ?[31mis missing"), HasSubstr("rejects.jsonl"),
                          Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace rwp::pods
