#include <rwp/observability/metrics.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace rwp::observability {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MetricsTest : public ::testing::Test {
 protected:
  const std::shared_ptr<Metrics> metrics_ = make_metrics();
};

TEST_F(MetricsTest, CounterRisesAndIsExposed) {
  Counter& counter = metrics_->counter("rwp_jobs_total", "Jobs taken.");

  counter.add();
  counter.add(2.5);

  EXPECT_EQ(counter.value(), 3.5);
  EXPECT_EQ(metrics_->expose(),
            "# HELP rwp_jobs_total Jobs taken.\n# TYPE rwp_jobs_total counter\n"
            "rwp_jobs_total 3.5\n");
}

TEST_F(MetricsTest, GaugeRisesAndFalls) {
  Gauge& gauge = metrics_->gauge("rwp_slots", "Free slots.");

  gauge.set(5);
  gauge.add(-7);

  EXPECT_EQ(gauge.value(), -2);
  EXPECT_THAT(metrics_->expose(), HasSubstr("# TYPE rwp_slots gauge\nrwp_slots -2\n"));
}

TEST_F(MetricsTest, HistogramCountsIntoCumulativeBuckets) {
  Histogram& histogram = metrics_->histogram("rwp_run_seconds", "Run time.", {0.1, 1});

  for (const double seconds : {0.05, 0.1, 0.5, 3.0}) histogram.observe(seconds);

  const std::string text = metrics_->expose();
  EXPECT_THAT(text, HasSubstr("rwp_run_seconds_count 4\n"));
  EXPECT_THAT(text, HasSubstr("rwp_run_seconds_sum 3.65\n"));
  EXPECT_THAT(text, HasSubstr("rwp_run_seconds_bucket{le=\"0.1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("rwp_run_seconds_bucket{le=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("rwp_run_seconds_bucket{le=\"+Inf\"} 4\n"));
}

TEST_F(MetricsTest, TheFirstBoundsOfAHistogramStand) {
  metrics_->histogram("rwp_run_seconds", "Run time.", {1, 2}, {{"kind", "a"}});
  metrics_->histogram("rwp_run_seconds", "Run time.", {5}, {{"kind", "b"}}).observe(1.5);

  EXPECT_THAT(metrics_->expose(), HasSubstr("rwp_run_seconds_bucket{kind=\"b\",le=\"2\"} 1\n"));
  EXPECT_THAT(metrics_->expose(), Not(HasSubstr("le=\"5\"")));
}

TEST_F(MetricsTest, SameNameAndLabelsGiveTheSameSeriesInAnyOrder) {
  const Labels labels = {{"kind", "ad"}, {"queue", "a"}};
  const Labels turned = {{"queue", "a"}, {"kind", "ad"}};
  const Labels other = {{"queue", "b"}, {"kind", "ad"}};

  Counter& first = metrics_->counter("rwp_jobs_total", "Jobs.", labels);

  EXPECT_EQ(&metrics_->counter("rwp_jobs_total", "Jobs.", turned), &first);
  EXPECT_NE(&metrics_->counter("rwp_jobs_total", "Jobs.", other), &first);
  EXPECT_NE(&metrics_->counter("rwp_others_total", "Others.", labels), &first);
}

TEST_F(MetricsTest, MetricsAreExposedSortedByNameWhateverTheirType) {
  metrics_->gauge("rwp_b", "B.");
  metrics_->counter("rwp_c_total", "C.");
  metrics_->histogram("rwp_a_seconds", "A.", {1});

  const std::string text = metrics_->expose();

  EXPECT_LT(text.find("# HELP rwp_a_seconds"), text.find("# HELP rwp_b"));
  EXPECT_LT(text.find("# HELP rwp_b"), text.find("# HELP rwp_c_total"));
}

TEST_F(MetricsTest, LabelValuesAndHelpCannotBreakTheText) {
  metrics_->gauge("rwp_odd", "Two\nlines.", {{"text", "a\"b\\c\nd"}});

  const std::string text = metrics_->expose();

  EXPECT_THAT(text, HasSubstr("rwp_odd{text=\"a\\\"b\\\\c\\nd\"} 0\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST_F(MetricsTest, SeriesBeyondTheBoundAreCountedTogetherAsOther) {
  for (int i = 0; i < 1'500; ++i) {
    metrics_->counter("rwp_jobs_total", "Jobs.", {{"id", std::to_string(i)}, {"queue", "q"}}).add();
  }

  Counter& first = metrics_->counter("rwp_jobs_total", "Jobs.", {{"id", "0"}, {"queue", "q"}});
  Counter& other =
      metrics_->counter("rwp_jobs_total", "Jobs.", {{"id", "other"}, {"queue", "other"}});
  EXPECT_EQ(first.value(), 1);
  EXPECT_EQ(other.value(), 500);
}

TEST_F(MetricsTest, ThreadsLoseNothing) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      Counter& counter = metrics_->counter("rwp_jobs_total", "Jobs.");
      Histogram& histogram = metrics_->histogram("rwp_run_seconds", "Run.", seconds_buckets());
      for (int i = 0; i < 5'000; ++i) {
        counter.add();
        histogram.observe(1);
        if (i % 1'000 == 0) (void)metrics_->expose();
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(metrics_->counter("rwp_jobs_total", "Jobs.").value(), 20'000);
  EXPECT_THAT(metrics_->expose(), HasSubstr("rwp_run_seconds_count 20000\n"));
  EXPECT_THAT(metrics_->expose(), HasSubstr("rwp_run_seconds_sum 20000\n"));
}

TEST_F(MetricsTest, SecondsBucketsRiseFromHalfAMillisecondToAMinute) {
  const auto& bounds = seconds_buckets();

  EXPECT_EQ(bounds.front(), 0.0005);
  EXPECT_EQ(bounds.back(), 60);
  EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
}

#ifndef NDEBUG
using MetricsDeathTest = MetricsTest;

TEST_F(MetricsDeathTest, IllegalNamesAssert) {
  EXPECT_DEATH(metrics_->gauge("", "h"), "");
  EXPECT_DEATH(metrics_->gauge("1rwp", "h"), "");
  EXPECT_DEATH(metrics_->gauge("rwp-slots", "h"), "");
  EXPECT_DEATH(metrics_->counter("rwp_jobs", "h"), "");
  EXPECT_DEATH(metrics_->gauge("rwp_slots", "h", {{"a:b", "x"}}), "");
  EXPECT_DEATH(metrics_->gauge("rwp_slots", "h", {{"__a", "x"}}), "");
  EXPECT_DEATH(metrics_->gauge("rwp_slots", "h", {{"le", "x"}}), "");
  EXPECT_DEATH(metrics_->gauge("rwp_slots", "h", {{"a", "x"}, {"a", "y"}}), "");
  EXPECT_DEATH(metrics_->histogram("rwp_run_seconds", "h", {1, 1}), "");
}

TEST_F(MetricsDeathTest, OneNameForTwoTypesAsserts) {
  metrics_->gauge("rwp_slots", "h");

  EXPECT_DEATH(metrics_->histogram("rwp_slots", "h", {1}), "");
}

TEST_F(MetricsDeathTest, ACounterThatFallsAsserts) {
  EXPECT_DEATH(metrics_->counter("rwp_jobs_total", "h").add(-1), "");
}
#endif

}  // namespace
}  // namespace rwp::observability
