// What every table of events promises (rwp/analytics/event_table.hpp).

#include "support/event_tables.hpp"
#include "support/run.hpp"
#include "support/sample_event.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <ostream>
#include <random>
#include <sys/stat.h>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using analytics::Event;
using analytics::FunnelRow;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct TableBackend {
  std::string name{};
  std::function<TestTable(Runtime& runtime, std::chrono::hours keep)> make{};
  std::function<bool()> is_here{};
};
void PrintTo(const TableBackend& backend, std::ostream* out) { *out << backend.name; }

constexpr auto kForEver = std::chrono::hours(24 * 36'500);

/// An event of somebody's way to job 42, so long after the sample's time.
Event step(const std::string& name, const std::string& client, std::chrono::seconds later,
           const std::string& source = "") {
  Event event = sample_event();
  event.name = name;
  event.client_id = client;
  event.time += later;
  if (!source.empty()) event.parameters["source"] = source;
  return event;
}

class EventTableConformance : public ::testing::TestWithParam<TableBackend> {
 protected:
  void SetUp() override {
    if (!GetParam().is_here()) GTEST_SKIP() << "no server of this kind is installed";
    opened_ = GetParam().make(runtime_, kForEver);
  }
  void deliver(std::vector<Event> events) {
    ASSERT_TRUE(run(runtime_, opened_.table->deliver(std::move(events))).has_value());
  }
  std::vector<std::string> hours(analytics::ReportRange range = analytics::ReportRange()) {
    std::vector<std::string> rows;
    for (const auto& row : run(runtime_, opened_.table->hours(std::move(range))).value()) {
      const auto since = row.hour - std::chrono::floor<std::chrono::hours>(sample_event().time);
      rows.push_back(std::to_string(std::chrono::duration_cast<std::chrono::hours>(since).count()) +
                     " " + row.name + " " + std::to_string(row.events));
    }
    return rows;
  }
  std::vector<FunnelRow> funnel(analytics::ReportRange range = analytics::ReportRange()) {
    return run(runtime_, opened_.table->funnel(std::move(range))).value();
  }

  Runtime runtime_;
  TestTable opened_;
};

TEST_P(EventTableConformance, AnEventIsInTheTableAndInItsCountsOnce) {
  const Event event = sample_event();
  const Event other = sample_event();

  deliver({event, event});
  deliver({event, other});
  deliver({event});

  EXPECT_THAT(opened_.arrived(), ElementsAre(event, other));
  EXPECT_THAT(hours(), ElementsAre("0 apply_started 2"));
}

TEST_P(EventTableConformance, DeliveredEventsAreFound) {
  const Event event = sample_event();
  const Event missing = sample_event();
  deliver({event});

  EXPECT_THAT(run(runtime_, opened_.table->find_delivered({missing.id, event.id})).value(),
              ElementsAre(event.id));
}

TEST_P(EventTableConformance, EventsAreCountedByHourNameAndTenant) {
  Event of_other = step("job_viewed", "c", 0s);
  of_other.tenant = "agency-2";
  deliver({step("job_viewed", "c", 0s), step("job_viewed", "c", 1s), step("job_viewed", "c", 1h),
           step("apply_completed", "c", 1h), of_other});

  EXPECT_THAT(hours(), ElementsAre("0 job_viewed 3", "1 apply_completed 1", "1 job_viewed 1"));
  analytics::ReportRange range;
  range.tenant = "agency-1";
  range.until = std::chrono::floor<std::chrono::hours>(sample_event().time) + 1h;
  EXPECT_THAT(hours(range), ElementsAre("0 job_viewed 2"));
  range.from = range.until;
  EXPECT_THAT(hours(range), IsEmpty());
}

TEST_P(EventTableConformance, AFunnelCountsJourneysBySourceAndTellsTheTimeBetweenStages) {
  deliver({
      step("job_viewed", "a", 0s, "newsletter"),
      step("apply_completed", "a", 100s),
      step("application_screened", "a", 1'100s),
      step("application_placed", "a", 2'100s),
      step("view_item", "b", 0s, "newsletter"),
      step("generate_lead", "b", 300s),
      step("job_viewed", "c", 0s, "newsletter"),
      step("job_viewed", "d", 0s),
  });

  const auto rows = funnel();

  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].source, "newsletter");
  EXPECT_THAT(rows[0].reached, ElementsAre(3, 2, 1, 1));
  EXPECT_EQ(rows[0].times[0].journeys, 2);
  EXPECT_DOUBLE_EQ(rows[0].times[0].mean_seconds, 200);
  EXPECT_DOUBLE_EQ(rows[0].times[0].longest_seconds, 300);
  EXPECT_DOUBLE_EQ(rows[0].times[1].mean_seconds, 1'000);
  EXPECT_EQ(rows[0].times[2].journeys, 1);
  EXPECT_EQ(rows[1].source, "");
  EXPECT_THAT(rows[1].reached, ElementsAre(1, 0, 0, 0));
  EXPECT_EQ(rows[1].times[0].journeys, 0);
}

TEST_P(EventTableConformance, JourneysDoNotDependOnTheOrderOrTheRepetitionOfEvents) {
  std::vector<Event> events = {
      step("job_viewed", "a", 0s, "x"),        step("job_viewed", "a", 50s, "x"),
      step("apply_completed", "a", 100s),      step("application_screened", "a", 200s),
      step("application_screened", "a", 250s), step("application_placed", "a", 300s),
  };
  std::mt19937 random(7);
  for (int i = 0; i < 5; ++i) {
    std::shuffle(events.begin(), events.end(), random);
    for (const Event& event : events) deliver({event});
  }

  const auto rows = funnel();

  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(rows[0].reached, ElementsAre(1, 1, 1, 1));
  EXPECT_DOUBLE_EQ(rows[0].times[0].mean_seconds, 100);
  EXPECT_DOUBLE_EQ(rows[0].times[1].mean_seconds, 100);
  EXPECT_DOUBLE_EQ(rows[0].times[2].mean_seconds, 100);
}

TEST_P(EventTableConformance, JourneysOfTenantsAndRangesAreApart) {
  Event of_other = step("job_viewed", "a", 0s, "x");
  of_other.tenant = "agency-2";
  deliver({of_other, step("job_viewed", "a", 0s, "x"), step("job_viewed", "b", 24h, "x")});

  EXPECT_THAT(funnel()[0].reached, ElementsAre(3, 0, 0, 0));
  analytics::ReportRange range;
  range.tenant = "agency-1";
  EXPECT_THAT(funnel(range)[0].reached, ElementsAre(2, 0, 0, 0));
  range.from = sample_event().time + 1h;
  EXPECT_THAT(funnel(range)[0].reached, ElementsAre(1, 0, 0, 0));
}

TEST_P(EventTableConformance, AForgottenPersonLeavesCountsAlone) {
  Event by_account = step("job_viewed", "phone", 0s);
  by_account.user_id = "person-1";
  Event by_client = step("apply_completed", "person-1", 10s);
  Event other = step("job_viewed", "b", 0s);
  Event of_other_tenant = by_client;
  of_other_tenant.id = Uuid::make_v7();
  of_other_tenant.tenant = "agency-2";
  deliver({by_account, by_client, other, of_other_tenant});

  EXPECT_EQ(run(runtime_, opened_.table->forget_person("agency-1", "person-1")).value(), 2);
  EXPECT_EQ(run(runtime_, opened_.table->forget_person("agency-1", "person-1")).value(), 0);
  EXPECT_EQ(run(runtime_, opened_.table->forget_person("agency-1", "")).error().code(),
            Errc::invalid_argument);

  EXPECT_THAT(opened_.arrived(), ElementsAre(other, of_other_tenant));
  EXPECT_THAT(funnel()[0].reached, ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(hours(), ElementsAre("0 apply_completed 2", "0 job_viewed 2"));
}

TEST_P(EventTableConformance, AForgottenCandidateIsInNoTenantsTable) {
  Event theirs = step("application_screened", "a", 0s);
  theirs.parameters["candidate"] = std::string("c-1");
  Event also = step("match_scored", "b", 0s);
  also.tenant = "agency-2";
  also.parameters["candidate"] = std::string("c-1");
  Event other = step("application_screened", "c", 0s);
  other.parameters["candidate"] = std::string("c-11");
  deliver({theirs, also, other});

  EXPECT_EQ(run(runtime_, opened_.table->forget_candidate("c-1")).value(), 2);

  EXPECT_THAT(opened_.arrived(), ElementsAre(other));
  EXPECT_THAT(funnel()[0].reached, ElementsAre(0, 0, 1, 0));
  analytics::Sink& sink = *opened_.table;
  EXPECT_EQ(run(runtime_, sink.forget("c-11")).value(), 1U);
  EXPECT_THAT(opened_.arrived(), IsEmpty());
  EXPECT_EQ(run(runtime_, sink.forget("c\"1")).error().code(), Errc::invalid_argument);
}

TEST_P(EventTableConformance, WhatIsOlderThanTheTableKeepsGoesAndItsCountsStay) {
  // The sample's time is long ago; one more event comes now.
  opened_ = GetParam().make(runtime_, 24h);
  Event now = step("job_viewed", "now", 0s);
  now.time = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());

  deliver({step("job_viewed", "then", 0s), now});

  EXPECT_THAT(opened_.arrived(), ElementsAre(now));
  EXPECT_THAT(funnel()[0].reached, ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(hours(), SizeIs(2));
}

TEST_P(EventTableConformance, WritersBesideEachOtherCountEachEventOnce) {
  const auto other = opened_.again();
  std::vector<Event> events;
  for (int i = 0; i < 200; ++i) {
    events.push_back(step("job_viewed", "client-" + std::to_string(i % 20), 0s));
  }
  auto one = [](std::shared_ptr<analytics::Sink> sink, std::vector<Event> some,
                std::shared_ptr<std::promise<bool>> done) -> boost::asio::awaitable<void> {
    const auto delivered = co_await sink->deliver(std::move(some));
    done->set_value(delivered.has_value());
  };
  std::vector<std::future<bool>> waiting;
  std::mt19937 random(11);
  for (int i = 0; i < 40; ++i) {
    // Each event is delivered by several, in different orders.
    std::vector<Event> some;
    std::sample(events.begin(), events.end(), std::back_inserter(some), 25, random);
    std::shuffle(some.begin(), some.end(), random);
    auto done = std::make_shared<std::promise<bool>>();
    waiting.push_back(done->get_future());
    spawn(runtime_.executor(), one(i % 2 == 0 ? opened_.table : other, std::move(some), done));
  }
  for (auto& each : waiting) EXPECT_TRUE(each.get());
  deliver(events);

  EXPECT_THAT(opened_.arrived(), SizeIs(200));
  EXPECT_THAT(hours(), ElementsAre("0 job_viewed 200"));
  EXPECT_THAT(funnel()[0].reached, ElementsAre(20, 0, 0, 0));
}

TEST_P(EventTableConformance, ADeliveryThatIsRefusedFailsNoOtherThatSharesItsTransaction) {
  opened_.refuse();
  auto one = [](std::shared_ptr<analytics::Sink> sink, std::vector<Event> events,
                std::shared_ptr<std::promise<Result<void>>> done) -> boost::asio::awaitable<void> {
    done->set_value(co_await sink->deliver(std::move(events)));
  };
  std::vector<std::future<Result<void>>> waiting;
  std::vector<Event> good;
  for (int i = 0; i < 30; ++i) {
    const bool bad = i % 10 == 5;
    std::vector<Event> events = {step("job_viewed", bad ? "refused" : "c", 0s)};
    if (!bad) good.push_back(events.front());
    auto done = std::make_shared<std::promise<Result<void>>>();
    waiting.push_back(done->get_future());
    spawn(runtime_.executor(), one(opened_.table, std::move(events), done));
  }

  for (int i = 0; i < 30; ++i) {
    const Result<void> delivered = waiting[static_cast<std::size_t>(i)].get();
    EXPECT_EQ(delivered.has_value(), i % 10 != 5);
    const bool is_final = !delivered && !delivered.error().retryable();
    EXPECT_EQ(is_final, i % 10 == 5);
  }
  EXPECT_THAT(opened_.arrived(), ::testing::UnorderedElementsAreArray(good));
  EXPECT_THAT(hours(), ElementsAre("0 job_viewed 27"));
}

TEST_P(EventTableConformance, NamesBeyondTheBoundOfAnHourAreCountedTogether) {
  constexpr int kNames = 2 * static_cast<int>(analytics::kMaxHourNames);
  std::vector<Event> events;
  for (int i = 0; i < kNames; ++i) events.push_back(step("n" + std::to_string(i), "c", 0s));
  Event of_other_tenant = step("mine", "c", 0s);
  of_other_tenant.tenant = "agency-2";
  events.push_back(of_other_tenant);

  deliver(events);
  deliver({step("another", "c", 0s), step("job_viewed", "c", 0s), step("n0", "c", 0s),
           step("another", "c", 1h)});

  analytics::ReportRange range;
  range.tenant = "agency-1";
  const auto rows = hours(range);
  // Those of the bound, "(other)", the platform's own, and the next hour's.
  ASSERT_THAT(rows, SizeIs(analytics::kMaxHourNames + 3));
  EXPECT_THAT(rows, ::testing::Contains("0 job_viewed 1"));
  EXPECT_THAT(rows, ::testing::Contains("0 n0 2"));
  EXPECT_THAT(rows, ::testing::Contains("1 another 1"));
  EXPECT_EQ(rows.front(), "0 (other) " + std::to_string(kNames / 2 + 1));
  range.tenant = "agency-2";
  EXPECT_THAT(hours(range), ElementsAre("0 mine 1"));
}

TEST_P(EventTableConformance, SourcesBeyondTheBoundOfAFunnelAreOneRow) {
  std::vector<Event> events;
  for (std::size_t i = 0; i < analytics::kMaxFunnelSources + 5; ++i) {
    const std::string client = "c" + std::to_string(i);
    events.push_back(step("job_viewed", client, 0s, "s" + std::to_string(i)));
  }
  events.push_back(step("job_viewed", "x", 0s, "s7"));
  events.push_back(step("job_viewed", "y", 0s, "s7"));

  deliver(events);

  const auto rows = funnel();
  ASSERT_THAT(rows, SizeIs(analytics::kMaxFunnelSources + 1));
  EXPECT_EQ(rows[0].source, "(other)");
  EXPECT_EQ(rows[0].reached[0], 5);
  EXPECT_EQ(rows[1].source, "s7");
  EXPECT_EQ(rows[1].reached[0], 3);
}

TEST_P(EventTableConformance, TextsWithZeroBytesArriveWhole) {
  Event event = step("job_viewed", std::string("a\0b", 3), 0s);
  event.parameters["job_id"] = std::string("4\0002", 3);

  deliver({event});

  EXPECT_THAT(opened_.arrived(), ElementsAre(event));
}

std::string table_name(const ::testing::TestParamInfo<TableBackend>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Backends, EventTableConformance,
                         ::testing::Values(TableBackend{"sqlite", &make_sqlite_table,
                                                        [] { return true; }},
                                           TableBackend{"postgres", &make_postgres_table,
                                                        &PostgresServer::is_installed}),
                         &table_name);

TEST(SqliteEventTableTest, AFileOfAnotherProgramIsRefusedAndLeftAlone) {
  TemporaryDirectory directory;
  Runtime runtime;
  const std::string path = directory.path() / "other.db";
  net_sqlite::ConnectionOptions opening;
  opening.path = path;
  {
    net_sqlite::Connection other(opening);
    other.execute("CREATE TABLE theirs (id INTEGER)");
  }
  const analytics::SqliteEventTableOptions options{.path = path};

  EXPECT_EQ(analytics::open_sqlite_event_table(runtime, options).error().code(), Errc::unsupported);

  net_sqlite::Connection other(opening);
  auto tables = other.query("SELECT count(*) FROM sqlite_schema");
  ASSERT_TRUE(tables.step());
  EXPECT_EQ(tables.integer(0), 1);
}

TEST(SqliteEventTableTest, TheFileAndItsLogAreItsOwnersAlone) {
  TemporaryDirectory directory;
  Runtime runtime;
  const std::string path = directory.path() / "events.db";
  const ::mode_t before = ::umask(022);
  const auto table = analytics::open_sqlite_event_table(runtime, {.path = path}).value();
  ASSERT_TRUE(run(runtime, table->deliver({sample_event()})).has_value());
  ::umask(before);

  for (const char* suffix : {"", "-wal", "-shm"}) {
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(path + suffix).permissions(),
              perms::owner_read | perms::owner_write)
        << suffix;
  }
}

TEST(PostgresEventTableTest, ADatabaseThatMayNotBeMigratedIsRefused) {
  if (!PostgresServer::is_installed()) GTEST_SKIP() << "PostgreSQL is not installed";
  Runtime runtime;
  events_server().create_database("not_migrated");
  analytics::PostgresEventTableOptions options;
  options.migrate = false;
  const auto url = Url::parse(events_server().url("not_migrated")).value();

  EXPECT_EQ(analytics::open_postgres_event_table(runtime, url, options).error().code(),
            Errc::unsupported);
}

}  // namespace
}  // namespace rwp::tests
