#include <conformance/job_store_conformance.hpp>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;

UsageReservation reservation(std::int64_t amount, std::string account = "a",
                             std::int64_t limit = 100) {
  return {.id = Uuid::make_v7(),
          .account = std::move(account),
          .amount = {amount},
          .limit = {limit},
          .lapses_after = 10min};
}

TEST_P(JobStoreConformance, UsageReservationsTogetherKeepWithinTheLimit) {
  UsageLedger& usage = store_->usage();

  EXPECT_TRUE(wait(usage.reserve(reservation(60))).has_value());
  EXPECT_TRUE(wait(usage.reserve(reservation(40))).has_value()) << "the limit itself is within it";
  EXPECT_EQ(wait(usage.reserve(reservation(1))).error().code(), Errc::budget_exceeded);

  EXPECT_EQ(wait(usage.balance("a"))->micro_usd, 100);
}

TEST_P(JobStoreConformance, UsageAccountsAreApart) {
  UsageLedger& usage = store_->usage();
  ASSERT_TRUE(wait(usage.reserve(reservation(100, "a"))).has_value());

  EXPECT_TRUE(wait(usage.reserve(reservation(100, "b'; --"))).has_value());
  EXPECT_EQ(wait(usage.balance("b'; --"))->micro_usd, 100);
  EXPECT_EQ(wait(usage.balance("never heard of"))->micro_usd, 0);
}

TEST_P(JobStoreConformance, UsageReservationIsIdempotentByItsId) {
  UsageLedger& usage = store_->usage();
  const auto once = reservation(60);

  ASSERT_TRUE(wait(usage.reserve(once)).has_value());
  EXPECT_TRUE(wait(usage.reserve(once)).has_value());

  EXPECT_EQ(wait(usage.balance("a"))->micro_usd, 60);
}

TEST_P(JobStoreConformance, UsageSettlementReplacesTheReservationOnce) {
  UsageLedger& usage = store_->usage();
  const auto reserved = reservation(60);
  ASSERT_TRUE(wait(usage.reserve(reserved)).has_value());

  ASSERT_TRUE(wait(usage.settle(reserved.id, "a", {25})).has_value());
  EXPECT_EQ(wait(usage.balance("a"))->micro_usd, 25);
  ASSERT_TRUE(wait(usage.settle(reserved.id, "a", {25})).has_value());
  EXPECT_EQ(wait(usage.balance("a"))->micro_usd, 25) << "repeated because its answer was lost";
  EXPECT_TRUE(wait(usage.reserve(reservation(75))).has_value());
}

TEST_P(JobStoreConformance, UsageReservationRepeatedAfterItsSettlementReservesNothing) {
  UsageLedger& usage = store_->usage();
  const auto reserved = reservation(60);
  ASSERT_TRUE(wait(usage.reserve(reserved)).has_value());
  ASSERT_TRUE(wait(usage.settle(reserved.id, "a", {10})).has_value());

  EXPECT_TRUE(wait(usage.reserve(reserved)).has_value());

  EXPECT_EQ(wait(usage.balance("a"))->micro_usd, 10);
}

TEST_P(JobStoreConformance, UsageSettlementAtZeroReleases) {
  UsageLedger& usage = store_->usage();
  const auto reserved = reservation(100);
  ASSERT_TRUE(wait(usage.reserve(reserved)).has_value());

  ASSERT_TRUE(wait(usage.settle(reserved.id, "a", {0})).has_value());

  EXPECT_EQ(wait(usage.balance("a"))->micro_usd, 0);
  EXPECT_TRUE(wait(usage.reserve(reservation(100))).has_value());
}

TEST_P(JobStoreConformance, UsageReservationLapsesAndIsBookedAllTheSameWhenSettled) {
  UsageLedger& usage = store_->usage();
  const auto lost = reservation(100);
  ASSERT_TRUE(wait(usage.reserve(lost)).has_value());

  pass_time(9min);
  EXPECT_EQ(wait(usage.reserve(reservation(100))).error().code(), Errc::budget_exceeded);
  pass_time(2min);
  EXPECT_EQ(wait(usage.balance("a"))->micro_usd, 0);
  ASSERT_TRUE(wait(usage.reserve(reservation(30))).has_value());

  ASSERT_TRUE(wait(usage.settle(lost.id, "a", {90})).has_value());
  EXPECT_EQ(wait(usage.balance("a"))->micro_usd, 120) << "the money is gone";
  EXPECT_EQ(wait(usage.reserve(reservation(1))).error().code(), Errc::budget_exceeded);
}

TEST_P(JobStoreConformance, UsageSettlementBeyondTheReservationIsBooked) {
  UsageLedger& usage = store_->usage();
  const auto reserved = reservation(10);
  ASSERT_TRUE(wait(usage.reserve(reserved)).has_value());

  ASSERT_TRUE(wait(usage.settle(reserved.id, "a", {150})).has_value());

  EXPECT_EQ(wait(usage.balance("a"))->micro_usd, 150);
}

TEST_P(JobStoreConformance, UsageEntriesAreBookedOnceUnderTheirIds) {
  UsageLedger& usage = store_->usage();
  const UsageEntry entry{.id = Uuid::make_v7(),
                         .tenant = "acme",
                         .kind = "job_ad.enrich",
                         .model = "m",
                         .input_tokens = 100,
                         .output_tokens = 20,
                         .cost = {7}};

  ASSERT_TRUE(wait(usage.record({entry, entry})).has_value());
  ASSERT_TRUE(wait(usage.record({entry})).has_value());
  ASSERT_TRUE(wait(usage.record({})).has_value());

  const UsageSum sum = wait(usage.sum({})).value();
  EXPECT_EQ(sum.calls, 1);
  EXPECT_EQ(sum.input_tokens, 100);
  EXPECT_EQ(sum.output_tokens, 20);
  EXPECT_EQ(sum.cost.micro_usd, 7);
}

TEST_P(JobStoreConformance, UsageSumsTakeWhatTheFilterNames) {
  UsageLedger& usage = store_->usage();
  const auto start = clock_->now();
  const auto entry = [](const char* tenant, const char* kind, const char* model,
                        std::int64_t cost) {
    return UsageEntry{.id = Uuid::make_v7(),
                      .tenant = tenant,
                      .kind = kind,
                      .model = model,
                      .input_tokens = 1,
                      .output_tokens = 2,
                      .cost = {cost}};
  };
  UsageEntry dated = entry("globex", "b", "m2", 1'000);
  dated.at = start + 2h;
  ASSERT_TRUE(wait(usage.record({entry("acme", "a", "m1", 1), entry("acme", "b", "m1", 10),
                                 entry("globex", "a", "m2", 100), dated}))
                  .has_value());

  const auto cost = [&](const UsageFilter& filter) {
    return wait(usage.sum(filter)).value().cost.micro_usd;
  };
  EXPECT_EQ(cost({}), 1'111);
  EXPECT_EQ(cost({.tenant = "acme"}), 11);
  EXPECT_EQ(cost({.kind = "a"}), 101);
  EXPECT_EQ(cost({.model = "m2"}), 1'100);
  EXPECT_EQ(cost({.tenant = "globex", .kind = "a"}), 100);
  EXPECT_EQ(cost({.from = start, .to = start + 2h}), 111) << "`to` is exclusive";
  EXPECT_EQ(cost({.from = start + 2h}), 1'000) << "`from` is inclusive";
  EXPECT_EQ(wait(usage.sum({.tenant = "nobody"}))->calls, 0);
}

TEST_P(JobStoreConformance, UsageIsThereWhenTheStoreIsOpenedAgain) {
  if (!GetParam().is_shared) GTEST_SKIP() << "keeps nothing beyond its life";
  ASSERT_TRUE(wait(store_->usage().reserve(reservation(60))).has_value());

  store_.reset();
  store_ = open_another();

  EXPECT_EQ(wait(store_->usage().balance("a"))->micro_usd, 60);
}

UsageEntry entry(std::string tenant, std::string model, UsageSource source, std::int64_t calls,
                 std::int64_t cost, std::int64_t saved) {
  return {.id = Uuid::make_v7(),
          .tenant = std::move(tenant),
          .kind = "job_ad.enrich",
          .model = std::move(model),
          .input_tokens = 10 * calls,
          .output_tokens = calls,
          .cost = {cost},
          .source = source,
          .calls = calls,
          .saved = {saved}};
}

TEST_P(JobStoreConformance, UsageIsGroupedByWhoseWhatAndHowItWasComeBy) {
  UsageLedger& usage = store_->usage();
  std::vector<UsageEntry> entries = {entry("b", "m", UsageSource::call, 1, 100, 0),
                                     entry("a", "m", UsageSource::call, 1, 100, 0),
                                     entry("a", "m", UsageSource::call, 1, 50, 0),
                                     entry("a", "m", UsageSource::batch, 1, 50, 50),
                                     entry("a", "m", UsageSource::cache, 7, 0, 700),
                                     entry("a", "n", UsageSource::shared, 2, 0, 20)};
  ASSERT_TRUE(wait(usage.record(entries)).has_value());
  ASSERT_TRUE(wait(usage.record(entries)).has_value()) << "repeated because its answer was lost";

  const auto all = wait(usage.groups(UsageFilter(), 100));
  ASSERT_TRUE(all.has_value()) << all.error().to_string();
  std::vector<std::string> told;
  for (const auto& group : *all) {
    told.push_back(group.tenant + " " + group.kind + " " + group.model + " " +
                   std::string(to_string(group.source)) + " " + std::to_string(group.sum.calls) +
                   " " + std::to_string(group.sum.input_tokens) + " " +
                   std::to_string(group.sum.cost.micro_usd) + " " +
                   std::to_string(group.sum.saved.micro_usd));
  }
  EXPECT_EQ(told, (std::vector<std::string>{
                      "a job_ad.enrich m call 2 20 150 0", "a job_ad.enrich m batch 1 10 50 50",
                      "a job_ad.enrich m cache 7 70 0 700", "a job_ad.enrich n shared 2 20 0 20",
                      "b job_ad.enrich m call 1 10 100 0"}));
  UsageFilter of_b;
  of_b.tenant = "b";
  EXPECT_EQ(wait(usage.groups(of_b, 1))->size(), 1U);
  EXPECT_EQ(wait(usage.groups(UsageFilter(), 4)).error().code(), Errc::invalid_argument);
  // What cost nothing is not among what was paid for.
  const auto paid = wait(usage.sum(UsageFilter()));
  EXPECT_EQ(paid->calls, 4);
  EXPECT_EQ(paid->cost.micro_usd, 300);
  EXPECT_EQ(paid->saved.micro_usd, 50);
}

}  // namespace
}  // namespace rwp::tests
