// What a month cost, and whose it was.

#include "pods/cost_report.hpp"

#include <gtest/gtest.h>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;

UsageGroup group(std::string tenant, UsageSource source, std::int64_t calls, std::int64_t cost,
                 std::int64_t saved) {
  UsageGroup made;
  made.tenant = std::move(tenant);
  made.source = source;
  made.sum.calls = calls;
  made.sum.cost = {cost};
  made.sum.saved = {saved};
  return made;
}

CostFacts month() {
  CostFacts facts;
  facts.to = facts.from + 730h;
  return facts;
}

TEST(CostReportTest, SumsSharesAndSavingsAreEachTenantsOwn) {
  CostFacts facts = month();
  facts.usage = {group("a", UsageSource::call, 50, 2'000'000, 0),
                 group("a", UsageSource::batch, 25, 500'000, 500'000),
                 group("a", UsageSource::cache, 20, 0, 800'000),
                 group("a", UsageSource::shared, 5, 0, 200'000),
                 group("b", UsageSource::call, 100, 4'000'000, 0)};
  facts.jobs = {{"a", 3'000}, {"b", 1'000}};
  facts.stored_bytes = {{"a", std::uint64_t{10} << 30U}, {"", std::uint64_t{1} << 30U}};
  CostRates rates;
  rates.usd_per_core_hour = 0.1;
  rates.usd_per_gib_hour = 0.01;
  rates.usd_per_stored_gib_month = 0.5;
  rates.pods = {{.name = "api", .replicas = 2, .cores = 1, .gib = 10, .discount = 0.5}};

  const auto report = make_cost_report(facts, rates);
  ASSERT_EQ(report.rows.size(), 3U);
  // 2 * (0.1 + 0.1) / 2 * 730 hours.
  EXPECT_NEAR(report.total.compute_usd, 146, 1e-9);
  const CostRow& a = report.rows[0];
  EXPECT_EQ(a.tenant, "a");
  EXPECT_EQ(a.answers, 100);
  EXPECT_EQ(a.cached_answers, 25);
  EXPECT_EQ(a.batch_answers, 25);
  EXPECT_EQ(a.ai.micro_usd, 2'500'000);
  EXPECT_EQ(a.saved_by_cache.micro_usd, 1'000'000);
  EXPECT_EQ(a.saved_by_batch.micro_usd, 500'000);
  EXPECT_NEAR(a.storage_usd, 5, 1e-9);
  EXPECT_NEAR(a.compute_usd, 109.5, 1e-9);
  EXPECT_NEAR(a.total_usd(), 117, 1e-9);
  EXPECT_NEAR(a.usd_per_thousand_jobs(), 39, 1e-9);
  EXPECT_EQ(report.rows[1].tenant, "b");
  EXPECT_EQ(report.rows[2].tenant, "");
  EXPECT_NEAR(report.total.total_usd(), 146 + 6.5 + 5.5, 1e-9);
}

TEST(CostReportTest, MachinesWithoutJobsAreNobodys) {
  CostRates rates;
  rates.usd_per_core_hour = 1;
  rates.pods = {{.name = "api", .replicas = 1, .cores = 1}};
  const auto report = make_cost_report(month(), rates);
  ASSERT_EQ(report.rows.size(), 1U);
  EXPECT_EQ(report.rows[0].tenant, "");
  EXPECT_NEAR(report.rows[0].compute_usd, 730, 1e-9);
  EXPECT_EQ(report.rows[0].usd_per_thousand_jobs(), 0);
}

TEST(CostReportTest, RatesThatBreakARuleAreNamed) {
  EXPECT_TRUE(read_cost_rates(R"({"usd_per_core_hour": 0.04, "usd_per_gib_hour": 0.005,
      "usd_per_stored_gib_month": 0.02, "pods": [{"name": "api", "replicas": 3, "cores": 1,
      "gib": 2}]})")
                  .has_value());
  const auto bad = read_cost_rates(R"({"usd_per_core_hour": 0.04, "usd_per_gib_hour": 0.005,
      "usd_per_stored_gib_month": 0.02, "pods": [{"name": "api", "replicas": -3, "cores": 1,
      "gib": 2}]})");
  ASSERT_FALSE(bad.has_value());
  EXPECT_NE(bad.error().message().find("pods[0].replicas"), std::string::npos)
      << bad.error().message();
  EXPECT_FALSE(read_cost_rates("{").has_value());
}

TEST(CostReportTest, KeysNameTheirTenant) {
  EXPECT_EQ(tenant_in_key("ai-results/acme/job/x.json"), "acme");
  EXPECT_EQ(tenant_in_key("archives/acme/2026/x.json"), "acme");
  EXPECT_EQ(tenant_in_key("ai-files/acme/file-1"), "acme");
  EXPECT_EQ(tenant_in_key("ai-files/-/file-1"), "");
  EXPECT_EQ(tenant_in_key("reports/run.html"), "");
  EXPECT_EQ(tenant_in_key("candidates/acme/7.json"), "acme");
  EXPECT_EQ(tenant_in_key("candidates/7.json"), "");
  EXPECT_EQ(tenant_in_key("uploads/acme/cv.pdf"), "acme");
  EXPECT_EQ(tenant_in_key("uploads/acme/jobadder-3/cv.pdf"), "acme");
  EXPECT_EQ(tenant_in_key("uploads/jobadder-3/cv.pdf"), "");
  EXPECT_EQ(tenant_in_key("uploads/cv.pdf"), "");
  EXPECT_EQ(tenant_in_key("jobadder/acme/connection"), "acme");
  EXPECT_EQ(tenant_in_key("enriched/7.json"), "");
}

}  // namespace
}  // namespace rwp::pods
