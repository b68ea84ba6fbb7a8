#include <rwp/jobs/checked_job.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <limits>
#include <string>

namespace rwp::jobs {
namespace {

using namespace std::chrono_literals;

const TimePoint kNow = TimePoint(std::chrono::hours(24 * 365 * 56));

/// A job with one thing about it that is, or is not, within the rules.
struct Case {
  std::string name{};
  /// What the refusal must name.
  std::string field{};
  std::function<void(NewJob&)> change{};
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

NewJob changed(const Case& c) {
  NewJob job{.kind = "job_ad.enrich"};
  c.change(job);
  return job;
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

JsonText text_of_size(std::size_t bytes) {
  return JsonText::trusted("\"" + std::string(bytes - 2, 'x') + "\"");
}

class RefusedJob : public ::testing::TestWithParam<Case> {};

TEST_P(RefusedJob, IsAnInvalidArgumentThatNamesTheField) {
  const auto checked = check(changed(GetParam()), kNow);

  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code(), Errc::invalid_argument);
  EXPECT_NE(checked.error().message().find("\"" + GetParam().field + "\""), std::string::npos)
      << checked.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    Rules, RefusedJob,
    ::testing::Values(
        Case{"NoKind", "kind", [](NewJob& j) { j.kind.clear(); }},
        Case{"LongKind", "kind", [](NewJob& j) { j.kind.assign(129, 'k'); }},
        Case{"KindWithSpace", "kind", [](NewJob& j) { j.kind = "a b"; }},
        Case{"KindWithNul", "kind", [](NewJob& j) { j.kind = std::string("a\0b", 3); }},
        Case{"KindWithUmlaut", "kind", [](NewJob& j) { j.kind = "größe"; }},
        Case{"NoQueue", "queue", [](NewJob& j) { j.queue.clear(); }},
        Case{"QueueWithQuote", "queue", [](NewJob& j) { j.queue = "a'b"; }},
        Case{"LongQueue", "queue", [](NewJob& j) { j.queue.assign(129, 'q'); }},
        Case{"VersionZero", "version", [](NewJob& j) { j.version = 0; }},
        Case{"VersionBeyond", "version", [](NewJob& j) { j.version = 1'000'001; }},
        Case{"PriorityBeyond", "priority", [](NewJob& j) { j.priority = static_cast<Priority>(4); }},
        Case{"NoAttempts", "max_attempts", [](NewJob& j) { j.max_attempts = 0; }},
        Case{"TooManyAttempts", "max_attempts", [](NewJob& j) { j.max_attempts = 1'001; }},
        Case{"NegativeDelay", "delay", [](NewJob& j) { j.delay = -1ms; }},
        Case{"EndlessDelay", "delay", [](NewJob& j) { j.delay = std::chrono::milliseconds::max(); }},
        Case{"NegativeTimeout", "timeout", [](NewJob& j) { j.timeout = -1ms; }},
        Case{"RunAtBeyond", "run_at", [](NewJob& j) { j.run_at = kNow + 24h * 3650 + 1ms; }},
        Case{"LongIdempotencyKey", "idempotency_key",
             [](NewJob& j) { j.idempotency_key.assign(257, 'k'); }},
        Case{"IdempotencyKeyWithNul", "idempotency_key",
             [](NewJob& j) { j.idempotency_key = std::string("a\0", 2); }},
        Case{"IdempotencyKeyNotUtf8", "idempotency_key",
             [](NewJob& j) { j.idempotency_key = "a\xFF"; }},
        Case{"LongUniqueKey", "unique.key", [](NewJob& j) { j.unique.key.assign(513, 'k'); }},
        Case{"UniqueKeyWithNewline", "unique.key", [](NewJob& j) { j.unique.key = "a\nb"; }},
        Case{"UniqueInNoState", "unique.states",
             [](NewJob& j) {
               j.unique.key = "k";
               j.unique.states = StateSet();
             }},
        Case{"NegativePeriod", "unique.period", [](NewJob& j) { j.unique.period = -1ms; }},
        Case{"SeventeenTags", "tags", [](NewJob& j) { j.tags.assign(17, "t"); }},
        Case{"EmptyTag", "tags", [](NewJob& j) { j.tags = {"a", ""}; }},
        Case{"LongTag", "tags", [](NewJob& j) { j.tags = {std::string(65, 't')}; }},
        Case{"TagNotUtf8", "tags", [](NewJob& j) { j.tags = {"\xC0\x80"}; }},
        Case{"LongTenant", "tenant", [](NewJob& j) { j.tenant.assign(129, 't'); }},
        Case{"TenantNotUtf8", "tenant", [](NewJob& j) { j.tenant = "\xED\xA0\x80"; }},
        Case{"LongTraceparent", "traceparent", [](NewJob& j) { j.traceparent.assign(129, 't'); }},
        Case{"IdOfVersionFour", "id",
             [](NewJob& j) {
               j.id = Uuid::make_v7(kNow);
               j.id.bytes[6] = 0x4A;
             }},
        Case{"IdOverSevenDaysOld", "id",
             [](NewJob& j) { j.id = Uuid::make_v7(kNow - 24h * 7 - 1ms); }},
        Case{"IdOverADayAhead", "id", [](NewJob& j) { j.id = Uuid::make_v7(kNow + 24h + 1ms); }}),
    name_of);

class AcceptedJob : public ::testing::TestWithParam<Case> {};

TEST_P(AcceptedJob, IsPassedOnAsItIs) {
  const NewJob job = changed(GetParam());

  const auto checked = check(job, kNow);

  ASSERT_TRUE(checked.has_value()) << checked.error().message();
  EXPECT_EQ(checked->job.kind, job.kind);
  EXPECT_EQ(checked->job.tags, job.tags);
  EXPECT_EQ(checked->job.payload, job.payload);
  if (!job.id.is_nil()) {
    EXPECT_EQ(checked->job.id, job.id);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rules, AcceptedJob,
    ::testing::Values(
        Case{"KindAlone", "", [](NewJob&) {}},
        Case{"LongestKind", "", [](NewJob& j) { j.kind.assign(128, 'k'); }},
        Case{"KindWithEveryCharacter", "", [](NewJob& j) { j.kind = "aZ09._-/"; }},
        Case{"LongestQueue", "", [](NewJob& j) { j.queue.assign(128, 'q'); }},
        Case{"LastVersion", "", [](NewJob& j) { j.version = 1'000'000; }},
        Case{"OneAttempt", "", [](NewJob& j) { j.max_attempts = 1; }},
        Case{"MostAttempts", "", [](NewJob& j) { j.max_attempts = 1'000; }},
        Case{"DelayOfTenYears", "", [](NewJob& j) { j.delay = 24h * 3650; }},
        Case{"RunAtInTenYears", "", [](NewJob& j) { j.run_at = kNow + 24h * 3650; }},
        Case{"RunAtLongPast", "", [](NewJob& j) { j.run_at = TimePoint(); }},
        Case{"LongestIdempotencyKey", "", [](NewJob& j) { j.idempotency_key.assign(256, 'k'); }},
        Case{"LongestUniqueKey", "", [](NewJob& j) { j.unique.key.assign(512, 'k'); }},
        Case{"SixteenLongestTags", "", [](NewJob& j) { j.tags.assign(16, std::string(64, 't')); }},
        Case{"LongestTenant", "", [](NewJob& j) { j.tenant.assign(128, 't'); }},
        Case{"QuotesAndUmlautsInKeys", "",
             [](NewJob& j) {
               j.unique.key = "Ümläut '\"; --";
               j.tags = {"日本"};
               j.tenant = "a\\b%_";
             }},
        Case{"IdSevenDaysOld", "", [](NewJob& j) { j.id = Uuid::make_v7(kNow - 24h * 7); }},
        Case{"IdADayAhead", "", [](NewJob& j) { j.id = Uuid::make_v7(kNow + 24h); }}),
    name_of);

TEST(CheckJobTest, NilIdIsMadeFromTheStoresTime) {
  const auto checked = check(NewJob{.kind = "k"}, kNow);

  ASSERT_TRUE(checked.has_value());
  EXPECT_EQ(checked->job.id.version(), 7);
  EXPECT_EQ(checked->job.id.time(), kNow);
}

TEST(CheckJobTest, DigestIsThatOfThePayloadsBytes) {
  NewJob job{.kind = "k", .payload = JsonText::trusted("{ \"a\":1}"), .idempotency_key = "key"};

  const auto checked = check(job, kNow);

  ASSERT_TRUE(checked->payload_digest.has_value());
  EXPECT_EQ(to_hex(*checked->payload_digest), to_hex(sha256("{ \"a\":1}")));
}

TEST(CheckJobTest, PayloadMayBeLargerThanARowHoldsAndThenHasADigest) {
  NewJob at_limit{.kind = "k", .payload = text_of_size(kMaxInlinePayloadBytes)};
  NewJob beyond{.kind = "k", .payload = text_of_size(kMaxInlinePayloadBytes + 1)};

  EXPECT_FALSE(check(std::move(at_limit), kNow)->payload_digest.has_value());
  EXPECT_TRUE(check(std::move(beyond), kNow)->payload_digest.has_value());
}

TEST(CheckJobTest, PayloadAboveTheLargestSizeIsRefused) {
  NewJob job{.kind = "k", .payload = text_of_size(kMaxPayloadBytes + 1)};

  EXPECT_EQ(check(std::move(job), kNow).error().code(), Errc::invalid_argument);
}

TEST(CheckOutcomeTest, DelaysParksAndResultsKeepTheirLimits) {
  EXPECT_TRUE(check(RunOutcome(Succeed{text_of_size(kMaxResultBytes)})).has_value());
  EXPECT_TRUE(check(RunOutcome(Park{.key = std::string(256, 'k'), .timeout = 1ms})).has_value());
  EXPECT_TRUE(check(RunOutcome(Park{.key = "k", .timeout = 24h * 30})).has_value());
  EXPECT_TRUE(check(RunOutcome(HandBack{})).has_value());
  EXPECT_TRUE(check(RunOutcome(Cancelled{})).has_value());

  for (const RunOutcome& bad :
       {RunOutcome(Succeed{text_of_size(kMaxResultBytes + 1)}),
        RunOutcome(Retry{Error(Errc::internal, "x"), -1ms}), RunOutcome(Snooze{-1ms}),
        RunOutcome(Snooze{std::chrono::milliseconds::max()}), RunOutcome(Park{}),
        RunOutcome(Park{.key = std::string(257, 'k')}), RunOutcome(Park{.key = "k\n"}),
        RunOutcome(Park{.key = "k", .timeout = 0ms}),
        RunOutcome(Park{.key = "k", .timeout = 24h * 30 + 1ms})}) {
    EXPECT_EQ(check(bad).error().code(), Errc::invalid_argument) << "outcome " << bad.index();
  }
}

TEST(CheckClaimTest, LimitLeaseAndNamesKeepTheirRules) {
  const ClaimRequest good{.queues = {"q"}, .kinds = {{"k", 1, 2}}, .limit = 10'000, .lease = 1h};
  EXPECT_TRUE(check(good).has_value());

  std::vector<ClaimRequest> bad(8, good);
  bad[0].limit = 0;
  bad[1].limit = 10'001;
  bad[2].lease = 999ms;
  bad[3].lease = 1h + 1ms;
  bad[4].queues = {"no queue"};
  bad[5].kinds = {{"", 1, 1}};
  bad[6].kinds = {{"k", 2, 1}};
  bad[7].worker.assign(129, 'w');
  for (std::size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(check(bad[i]).error().code(), Errc::invalid_argument) << i;
  }
}

TEST(CheckProgressTest, FractionNoteAndCursorKeepTheirLimits) {
  EXPECT_TRUE(check(ProgressUpdate{.progress = 0.0}).has_value());
  EXPECT_TRUE(check(ProgressUpdate{.progress = 1.0, .note = "two\nlines"}).has_value());
  EXPECT_TRUE(check(ProgressUpdate{.note = std::string(1024, 'n')}).has_value());
  EXPECT_TRUE(check(ProgressUpdate{.cursor = text_of_size(kMaxCursorBytes)}).has_value());

  for (const ProgressUpdate& bad :
       {ProgressUpdate{.progress = -0.001}, ProgressUpdate{.progress = 1.001},
        ProgressUpdate{.progress = std::numeric_limits<double>::quiet_NaN()},
        ProgressUpdate{.note = std::string(1025, 'n')}, ProgressUpdate{.note = "\xFF"},
        ProgressUpdate{.note = std::string("a\0b", 3)},
        ProgressUpdate{.cursor = text_of_size(kMaxCursorBytes + 1)}}) {
    EXPECT_EQ(check(bad).error().code(), Errc::invalid_argument);
  }
}

TEST(CheckUnparkTest, KeyAndValueKeepTheirLimits) {
  EXPECT_TRUE(check(UnparkRequest{.key = std::string(256, 'k')}).has_value());
  EXPECT_FALSE(check(UnparkRequest{}).has_value());
  EXPECT_FALSE(check(UnparkRequest{.key = std::string(257, 'k')}).has_value());
  EXPECT_FALSE(
      check(UnparkRequest{.key = "k", .value = text_of_size(kMaxResultBytes + 1)}).has_value());
}

TEST(CheckFilterTest, EmptyMembersTakeAllAndOthersKeepTheRulesOfTheirField) {
  EXPECT_TRUE(check(JobFilter{}).has_value());
  EXPECT_FALSE(check(JobFilter{.queue = "a b"}).has_value());
  EXPECT_FALSE(check(JobFilter{.kind = "a\"b"}).has_value());
  EXPECT_FALSE(check(JobFilter{.tag = std::string(65, 't')}).has_value());
  EXPECT_FALSE(check(JobFilter{.tenant = "\xFF"}).has_value());
}

}  // namespace
}  // namespace rwp::jobs
