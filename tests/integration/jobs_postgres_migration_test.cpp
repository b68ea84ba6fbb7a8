// Databases of each earlier schema, with jobs in every state, brought up to date; and programs of
// that schema, here their SQL, that go on beside new ones.

#include "jobs_postgres/schema.hpp"
#include <rwp/jobs/record_store.hpp>
#include <rwp/jobs/worker.hpp>

#include <future>
#include <support/postgres_fixture.hpp>

namespace rwp::tests {
namespace {

using jobs::JobState;
using jobs_postgres::PostgresOptions;
using namespace std::chrono_literals;

/// As a worker of schema 1 claims: what it deletes is `$N` of the best.
constexpr const char* kOldClaim =
    "WITH taken AS (DELETE FROM rwp.ready r WHERE r.ctid = ANY (ARRAY(SELECT ctid FROM rwp.ready"
    " ORDER BY priority, seq LIMIT $N FOR UPDATE SKIP LOCKED)) RETURNING r.*),"
    " leased AS (INSERT INTO rwp.running (id, lane, priority, flags, seq, attempt, max_attempts,"
    " marks, crashes, bytes, token, finished_token, run_at, started_at, holder, claim, lease_ms,"
    " lease_until, more)"
    " SELECT id, lane, priority, 2, seq, attempt, max_attempts, marks, crashes, bytes, token + 1,"
    " finished_token, run_at, rwp.now_ms(), 77, 1, 60000, rwp.now_ms() + 60000, more FROM taken"
    " RETURNING id),"
    " counted AS (INSERT INTO rwp.tally SELECT t.lane, s.state, s.sign * t.jobs FROM"
    " (SELECT lane, count(*) AS jobs FROM taken GROUP BY lane) t,"
    " (VALUES (1::smallint, -1), (2::smallint, 1)) AS s(state, sign))"
    " SELECT coalesce(string_agg(id::text, ','), '') FROM leased";
/// All that it holds, as succeeded; a run that is not its job's any more counts as none.
constexpr const char* kOldComplete =
    "SELECT count(*) FILTER (WHERE done) FROM (SELECT rwp.complete(id, token, '\"old\"') AS done"
    " FROM (SELECT id, token FROM rwp.running WHERE holder = 77) r) c";
constexpr const char* kOldPark =
    "WITH parked AS (DELETE FROM rwp.running WHERE holder = 77 RETURNING *),"
    " waits AS (INSERT INTO rwp.waiting SELECT id, 3, lane, priority, seq, attempt, max_attempts,"
    " marks, crashes, bytes, token, token, rwp.now_ms() + 3600000, started_at, 'key', more"
    " FROM parked)"
    " INSERT INTO rwp.tally SELECT lane, s.state, s.sign FROM parked,"
    " (VALUES (2::smallint, -1), (3::smallint, 1)) AS s(state, sign)";
constexpr const char* kOldFail =
    "WITH ended AS (DELETE FROM rwp.running WHERE holder = 77 RETURNING *),"
    " fails AS (INSERT INTO rwp.ended SELECT id, lane, 5, 1, priority, attempt + 1, max_attempts,"
    " marks, crashes, token, token, run_at, started_at, rwp.now_ms(), NULL, more FROM ended)"
    " INSERT INTO rwp.tally SELECT lane, s.state, s.sign FROM ended,"
    " (VALUES (2::smallint, -1), (5::smallint, 1)) AS s(state, sign)";

class PostgresMigrationTest : public PostgresTest, public ::testing::WithParamInterface<int> {
 protected:
  /// As programs of that version have left it.
  void make_schema(int version) {
    sql("CREATE SCHEMA rwp");
    sql("CREATE TABLE rwp.schema_version (version integer PRIMARY KEY, oldest_program integer"
        " NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())");
    for (const auto& step : jobs_postgres::schema().steps) {
      if (step.version > version) break;
      for (const char* text : step.sql) {
        sql(std::string("DO $rwp_step$ BEGIN ") + text + " END $rwp_step$");
      }
      sql("INSERT INTO rwp.schema_version VALUES (" + std::to_string(step.version) + ", 1)");
    }
  }
  Uuid old_submit(const std::string& more = "") {
    return Uuid::parse(sql("SELECT rwp.enqueue('k', '{\"a\":1}'" + more + ")")).value();
  }
  std::string old_claim(int count) {
    std::string text = kOldClaim;
    return sql(text.replace(text.find("$N"), 2, std::to_string(count)));
  }
  std::size_t old_complete() { return std::stoul(sql(kOldComplete)); }

  Result<void> migrate() { return jobs_postgres::migrate(runtime_, Url::parse(url()).value()); }
  JobState state_of(jobs::JobStore& store, const Uuid& id) {
    const auto job = wait(store.get({id})).value().at(0);
    EXPECT_TRUE(job.has_value()) << id.to_string();
    return job ? job->state : JobState::cancelled;
  }
  void expect_intact(jobs::JobStore& store) {
    std::string cursor;
    do {
      const auto page = wait(store.verify(cursor, 1'000)).value();
      for (const auto& one : page.findings) ADD_FAILURE() << one.kind << ": " << one.detail;
      cursor = page.next_cursor;
    } while (!cursor.empty());
  }
};

TEST_P(PostgresMigrationTest, JobsInEveryStateAreThereAndGoOn) {
  make_schema(GetParam());
  const Uuid succeeded = old_submit(", idempotency_key => 'once', unique_key => 'u'");
  ASSERT_EQ(old_claim(1), succeeded.to_string());
  ASSERT_EQ(old_complete(), 1U);
  const Uuid failed = old_submit(", tenant => 'acme'");
  ASSERT_EQ(old_claim(1), failed.to_string());
  sql(kOldFail);
  const Uuid parked = old_submit();
  ASSERT_EQ(old_claim(1), parked.to_string());
  sql(kOldPark);
  const Uuid lapsed = old_submit();
  ASSERT_EQ(old_claim(1), lapsed.to_string());
  sql("UPDATE rwp.running SET holder = 78, lease_until = 0");
  const Uuid running = old_submit();
  ASSERT_EQ(old_claim(1), running.to_string());
  const Uuid scheduled = old_submit(", delay => '1 hour'");
  const Uuid ready = old_submit(", priority => 'high', unique_key => 'v'");

  const auto store = open();

  EXPECT_EQ(sql("SELECT max(version) FROM rwp.schema_version"),
            std::to_string(jobs_postgres::kSchemaVersion));
  expect_intact(*store);
  EXPECT_EQ(state_of(*store, succeeded), JobState::succeeded);
  EXPECT_EQ(state_of(*store, failed), JobState::failed);
  EXPECT_EQ(state_of(*store, parked), JobState::parked);
  EXPECT_EQ(state_of(*store, scheduled), JobState::scheduled);
  // Keys of old submits are known.
  jobs::NewJob again{
      .kind = "k", .payload = JsonText::trusted("{\"a\":1}"), .idempotency_key = "once"};
  EXPECT_EQ(wait(store->insert({again})).value().at(0)->id, succeeded);
  jobs::NewJob twin{.kind = "k", .unique = {.key = "v"}};
  EXPECT_EQ(wait(store->insert({twin})).value().at(0)->id, ready);
  // And each goes on.
  EXPECT_EQ(wait(store->unpark({{.id = parked, .key = "key", .value = JsonText::trusted("1")}}))
                .value()
                .at(0)
                .value(),
            JobState::ready);
  EXPECT_EQ(wait(store->retry({failed, scheduled})).value().at(0).value(), JobState::ready);
  EXPECT_EQ(wait(store->rescue()).value().leases, 1U);
  EXPECT_EQ(old_complete(), 1U) << "an old worker's run ends as ever";
  EXPECT_EQ(state_of(*store, running), JobState::succeeded);
  const auto claimed = wait(store->claim(claim_of(10))).value();
  ASSERT_EQ(claimed.size(), 5U);
  EXPECT_EQ(claimed[0].run.id, ready);
  for (const auto& job : claimed) {
    jobs::Completion completion{.run = job.run, .outcome = jobs::Succeed{}};
    EXPECT_TRUE(wait(store->finish({std::move(completion)})).value().at(0).has_value());
  }
  expect_intact(*store);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ended WHERE state = 4"), "7");
}

TEST_P(PostgresMigrationTest, OldProgramsGoOnBesideNewOnes) {
  make_schema(GetParam());
  constexpr std::size_t kOld = 60;
  constexpr std::size_t kNew = 60;
  for (std::size_t i = 0; i < kOld / 2; ++i) old_submit();
  ASSERT_FALSE(old_claim(5).empty());
  const auto store = open();
  std::size_t by_old = old_complete();
  EXPECT_EQ(by_old, 5U);

  Runtime handlers;
  jobs::WorkerOptions options;
  options.concurrency = 2;
  jobs::Worker worker(store, handlers, options);
  worker.handle("k", [](jobs::JobContext&) -> jobs::Awaitable<Result<JsonText>> {
    co_return JsonText::trusted("1");
  });
  for (std::size_t i = 0; i < kOld / 2; ++i) {
    old_submit();
    ASSERT_TRUE(wait(store->insert({{.kind = "k"}, {.kind = "k"}})).has_value());
    if (i == kOld / 4) worker.start();
    if (i % 3 == 0 && !old_claim(3).empty()) by_old += old_complete();
  }
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  while (sql("SELECT count(*) FROM rwp.ended") != std::to_string(kOld + kNew)) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    if (!old_claim(3).empty()) by_old += old_complete();
  }
  worker.stop();
  EXPECT_TRUE(worker.wait_stopped(deadline).has_value());

  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ended WHERE state = 4 AND result = '\"old\"'"),
            std::to_string(by_old));
  EXPECT_EQ(sql("SELECT count(DISTINCT id) FROM rwp.ended WHERE state = 4"),
            std::to_string(kOld + kNew));
  expect_intact(*store);
}

TEST_P(PostgresMigrationTest, WhatADispatchHandsOutIsLeftAloneByOldWorkersAndEndedByThem) {
  make_schema(GetParam());
  const auto record =
      jobs_postgres::open_postgres_record(runtime_, Url::parse(url()).value(), PostgresOptions())
          .value();
  jobs::RecordInsert item;
  item.dispatch = true;
  item.job.job.kind = "k";
  item.job.job.id = Uuid::make_v7();
  const Uuid id = item.job.job.id;
  const auto recorded = wait(record->record({item})).value();
  ASSERT_TRUE(recorded.at(0)->dispatched);

  EXPECT_EQ(old_claim(10), "");
  EXPECT_EQ(sql("SELECT rwp.complete('" + id.to_string() + "', 1, '2')"), "t");

  EXPECT_EQ(state_of(*record, id), JobState::succeeded);
  expect_intact(*record);
}

TEST_P(PostgresMigrationTest, ManyMigrateAtOnceUnderTheWorkOfOldPrograms) {
  make_schema(GetParam());
  for (int i = 0; i < 50; ++i) old_submit();

  std::vector<std::future<Result<void>>> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(std::async(std::launch::async, [this] { return migrate(); }));
  }
  std::size_t ended = 0;
  for (bool more = true; more;) {
    more = !old_claim(4).empty();
    ended += old_complete();
  }

  for (auto& one : all) {
    const auto done = one.get();
    EXPECT_TRUE(done.has_value()) << done.error().to_string();
  }
  EXPECT_EQ(ended, 50U);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.schema_version"),
            std::to_string(jobs_postgres::kSchemaVersion));
  expect_intact(*open());
}

TEST_P(PostgresMigrationTest, ARoleThatMightUseTheOldTablesMayUseTheNew) {
  make_schema(GetParam());
  const std::string role = "user_of_" + database_;
  sql("CREATE ROLE " + role + " LOGIN");
  sql("SELECT rwp.grant_use('" + role + "')");
  ASSERT_TRUE(migrate().has_value());

  PostgresOptions options;
  options.migrate = false;
  const auto record = jobs_postgres::open_postgres_record(
      runtime_, Url::parse(server().url(database_, role)).value(), options);

  ASSERT_TRUE(record.has_value()) << record.error().to_string();
  const auto dispatch = wait((*record)->dispatch_role());
  ASSERT_TRUE(dispatch.has_value()) << dispatch.error().to_string();
  EXPECT_TRUE(Uuid::parse(dispatch->database).has_value());
  ASSERT_TRUE(wait((*record)->insert({{.kind = "k"}})).has_value());
  EXPECT_EQ(wait((*record)->claim(claim_of(1))).value().size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(From, PostgresMigrationTest,
                         ::testing::Values(1, 2, 3, jobs_postgres::kSchemaVersion - 1),
                         [](const auto& version) {
                           return "Schema" + std::to_string(version.param);
                         });

}  // namespace
}  // namespace rwp::tests
