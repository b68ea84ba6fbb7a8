// What the hot tables and the server's log come to over time.

#include <rwp/jobs/worker.hpp>

#include <algorithm>
#include <libpq-fe.h>
#include <set>
#include <sstream>
#include <support/postgres_fixture.hpp>
#include <thread>

namespace rwp::tests {
namespace {

using jobs::JobState;
using namespace std::chrono_literals;

class PostgresUpkeepTest : public PostgresTest {
 protected:
  using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

  /// A transaction elsewhere in the database, in which nothing more is done.
  Connection hold_snapshot(const std::string& first = "SELECT 1") {
    Connection connection(PQconnectdb(url().c_str()), &PQfinish);
    for (const std::string& text : {std::string("BEGIN ISOLATION LEVEL REPEATABLE READ"), first}) {
      PQclear(PQexec(connection.get(), text.c_str()));
    }
    EXPECT_EQ(PQtransactionStatus(connection.get()), PQTRANS_INTRANS);
    return connection;
  }
  std::int64_t bytes_of(const std::string& table) {
    return std::stoll(sql("SELECT pg_total_relation_size('rwp." + table + "')"));
  }
  /// The server's own vacuum holds a lock for which a rewrite does not wait.
  void keep_autovacuum_away() {
    for (const char* table : {"ready", "running", "waiting", "tally"}) {
      sql(std::string("ALTER TABLE rwp.") + table + " SET (autovacuum_enabled = false)");
    }
  }
  /// As so many jobs that wait, each with this SQL as what a retry keeps.
  void leave_ready(const std::string& more, int rows) {
    sql("INSERT INTO rwp.ready SELECT 1, 2, i, gen_random_uuid(), 0, 20, 0, 0, 0, 0, 0, 0, NULL,"
        " NULL, " +
        more + " FROM generate_series(1, " + std::to_string(rows) + ") AS g(i)");
  }
  /// As so many jobs that have come and gone.
  void leave_dead_rows(const std::string& table, int rows) {
    const std::string columns = table == "running"
                                    ? " SELECT gen_random_uuid(), 1, 2, 0, i, 0, 20, 0, 0, 0, 1, 0,"
                                      " 0, NULL, 5, 5, 1000, 9000000000000, repeat('m', 100)"
                                    : " SELECT 1, 2, 1000000 + i, gen_random_uuid(), 0, 20, 0, 0,"
                                      " 0, 0, 0, 0, NULL, NULL, repeat('m', 300)";
    const std::string where = table == "running" ? "holder = 5" : "seq > 1000000";
    sql("INSERT INTO rwp." + table + columns + " FROM generate_series(1, " + std::to_string(rows) +
        ") AS g(i)");
    sql("DELETE FROM rwp." + table + " WHERE " + where);
  }
  /// What the server has logged of this test's database at this level, each entry with its further
  /// lines, which begin with a tabulator.
  std::string logged(const std::string& level) {
    const std::string marker = "end of " + database_;
    sql("DO $$ BEGIN RAISE LOG '" + marker + "'; END $$");
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    std::string log;
    while ((log = sql("SELECT pg_read_file(pg_current_logfile())")).find(marker) ==
           std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no log");
      std::this_thread::sleep_for(5ms);
    }
    std::istringstream lines(log);
    std::string entries;
    bool is_wanted = false;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with('\t')) is_wanted = line.starts_with(database_ + " " + level + ":");
      if (is_wanted) entries += line + "\n";
    }
    return entries;
  }
  /// From here on the server logs the plans of what sessions of the role run, and the pages that
  /// these read.
  void log_plans_of(const std::string& role) {
    for (const char* setting :
         {"session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0",
          "auto_explain.log_analyze = on", "auto_explain.log_timing = off",
          "auto_explain.log_nested_statements = on", "auto_explain.log_buffers = on"}) {
      sql("ALTER ROLE " + role + " SET " + setting);
    }
  }
};

TEST_F(PostgresUpkeepTest, ATableThatASnapshotKeepsFromVacuumIsWrittenAnewAndItsLeasesStand) {
  // Whatever the database's own settings are, the store's snapshots are those of each statement.
  sql("ALTER DATABASE " + database_ + " SET default_transaction_isolation = 'repeatable read'");
  const auto store = open();
  keep_autovacuum_away();
  std::vector<jobs::NewJob> jobs(3, {.kind = "k"});
  ASSERT_TRUE(wait(store->insert(std::move(jobs))).has_value());
  const auto claimed = wait(store->claim(claim_of(1))).value();
  ASSERT_EQ(claimed.size(), 1U);
  const auto snapshot = hold_snapshot("SELECT count(*) FROM rwp.queue");
  leave_dead_rows("running", 100'000);
  leave_dead_rows("ready", 100'000);
  sql("VACUUM rwp.running, rwp.ready");
  ASSERT_GT(bytes_of("running"), 33'554'432);
  ASSERT_GT(bytes_of("ready"), 33'554'432);

  // A store looks once in a while, a new one at once: where the machine is slow, a rewrite puts off
  // what would hold the others up.
  for (int i = 0; i < 5 && bytes_of("running") + bytes_of("ready") > 1'000'000; ++i) {
    ASSERT_TRUE(wait(open()->rescue()).has_value());
  }

  EXPECT_LT(bytes_of("running"), 1'000'000);
  EXPECT_LT(bytes_of("ready"), 1'000'000);
  ASSERT_TRUE(
      wait(store->finish({{.run = claimed[0].run, .outcome = jobs::Succeed{}}})).has_value());
  EXPECT_EQ(wait(store->get({claimed[0].run.id})).value()[0]->state, JobState::succeeded);
  EXPECT_EQ(wait(store->claim(claim_of(5)))->size(), 2U);
}

TEST_F(PostgresUpkeepTest, ManyJobsThatWaitDoNotKeepATableFromBeingWrittenAnew) {
  open().reset();
  keep_autovacuum_away();
  leave_ready("NULL", 60'000);
  const auto snapshot = hold_snapshot("SELECT count(*) FROM rwp.queue");
  leave_dead_rows("ready", 100'000);
  ASSERT_GT(bytes_of("ready"), 33'554'432);

  // A new store looks at once.
  for (int i = 0; i < 5 && bytes_of("ready") > 20'000'000; ++i) {
    ASSERT_TRUE(wait(open()->rescue()).has_value());
  }

  EXPECT_LT(bytes_of("ready"), 20'000'000);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.ready"), "60000");
}

TEST_F(PostgresUpkeepTest, ATableOfLargeRowsIsNotTakenForBloated) {
  open().reset();
  leave_ready("repeat(md5(i::text), 45)", 4'000);

  EXPECT_EQ(sql("SELECT rwp.rewrite_if_bloated('ready', 0)"), "f");
}

TEST_F(PostgresUpkeepTest, ATableThatAnOpenTransactionHasUsedIsLeftAsItIs) {
  const auto store = open();
  ASSERT_TRUE(wait(store->insert({{.kind = "k"}})).has_value());
  const auto user = hold_snapshot("SELECT count(*) FROM rwp.ready");

  EXPECT_EQ(sql("SELECT rwp.rewrite_if_bloated('ready', 0)"), "f");

  EXPECT_EQ(wait(store->claim(claim_of(1)))->size(), 1U);
}

TEST_F(PostgresUpkeepTest, EveryRowOfEveryHotTableOutlivesARewrite) {
  const auto store = open();
  keep_autovacuum_away();
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(wait(store->insert({{.kind = "k"}, {.kind = "k", .delay = 1h}})).has_value());
  }
  ASSERT_EQ(wait(store->claim(claim_of(20)))->size(), 20U);
  // One too large for the pages of its table.
  sql("UPDATE rwp.ready SET more = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, "
      "999)"
      " AS g(i)) WHERE seq = (SELECT max(seq) FROM rwp.ready)");
  const std::string rows =
      "SELECT md5(string_agg(r, ';' ORDER BY r)) FROM (SELECT t::text AS r FROM rwp.ready t UNION "
      "ALL"
      " SELECT t::text FROM rwp.running t UNION ALL SELECT t::text FROM rwp.waiting t UNION ALL"
      " SELECT t::text FROM rwp.tally t) all_rows";
  const std::string before = sql(rows);
  // What is small for its rows is left alone, so it is made large first.
  const auto snapshot = hold_snapshot("SELECT count(*) FROM rwp.queue");
  for (const char* table : {"ready", "running", "waiting", "tally"}) {
    const std::string name = std::string("rwp.") + table;
    std::string rounds;
    for (int i = 0; i < 30; ++i) {
      rounds += "CREATE TEMP TABLE copy AS SELECT * FROM " + name + "; DELETE FROM " + name +
                "; INSERT INTO " + name + " SELECT * FROM copy; DROP TABLE copy;";
    }
    sql(rounds);
    EXPECT_EQ(sql("SELECT rwp.rewrite_if_bloated('" + std::string(table) + "', 0)"), "t") << table;
  }
  EXPECT_EQ(sql(rows), before);
}

TEST_F(PostgresUpkeepTest, AJobThatIsSubmittedAgainLeavesNoErrorInTheServersLog) {
  const auto store = open();
  const Uuid id = Uuid::make_v7();
  for (int i = 0; i < 3; ++i) {
    const auto answer = wait(store->insert({{.id = id, .kind = "k"}, {.kind = "k"}})).value();
    EXPECT_EQ(answer[0]->outcome,
              i == 0 ? jobs::Inserted::Outcome::created : jobs::Inserted::Outcome::existing);
  }
  EXPECT_EQ(logged("ERROR"), "");
}

TEST_F(PostgresUpkeepTest, NoStatementWalksOverATableThatIsThoughtToBeEmpty) {
  constexpr int kRows = 10'000;
  constexpr unsigned long kPages = 1'000;
  const std::set<std::string> large = {"job",   "ready",      "running", "waiting",
                                       "ended", "unique_key", "ledger",  "reservation"};
  open().reset();
  const std::string role = "planner_of_" + database_;
  sql("CREATE ROLE " + role + " LOGIN SUPERUSER");
  // Each table has pages, and none of them a row, says its statistics; then rows come.
  for (const char* table : {"job", "ready", "running", "waiting", "ended", "tally", "unique_key",
                            "ledger", "usage", "reservation"}) {
    sql(std::string("ALTER TABLE rwp.") + table + " SET (autovacuum_enabled = false)");
  }
  const std::string each = " FROM generate_series(1, " + std::to_string(kRows) + ") AS g(i)";
  const auto fill = [&] {
    // The worker's kind is lane 2: what fills the tables is in nobody's way.
    sql("SELECT rwp.lane_of('default', 'filler', 1)");
    sql("SELECT rwp.lane_of('default', 'k', 1)");
    sql("INSERT INTO rwp.job SELECT gen_random_uuid(), i, 1, 2, 20, 0, 0, NULL, 'acme', '1'" +
        each);
    sql("INSERT INTO rwp.ready SELECT lane, priority, seq, id, 0, 20, 0, 0, 0, 0, 0, 0"
        " FROM rwp.job");
    sql("INSERT INTO rwp.running SELECT gen_random_uuid(), 1, 2, 0, i, 0, 20, 0, 0, 0, 1, 0, 0,"
        " NULL, 5, 5, 1000, 9000000000000, NULL" +
        each);
    sql("INSERT INTO rwp.waiting SELECT gen_random_uuid(), 0, 1, 2, i, 0, 20, 0, 0, 0, 0, 0,"
        " 9000000000000, NULL, NULL, NULL" +
        each);
    sql("INSERT INTO rwp.ended SELECT gen_random_uuid(), 1, 4, 0, 2, 1, 20, 0, 0, 1, 1, 0, 0,"
        " 9000000000000, '1', NULL" +
        each);
    sql("INSERT INTO rwp.unique_key SELECT 'u' || i, gen_random_uuid()" + each);
    sql("INSERT INTO rwp.ledger SELECT decode(md5(i::text), 'hex'), gen_random_uuid(), '\\x00',"
        " 9000000000000" +
        each);
    sql("INSERT INTO rwp.reservation SELECT gen_random_uuid(), 'a' || i, 1, true,"
        " 9000000000000" +
        each);
  };
  fill();
  sql("DELETE FROM rwp.job; DELETE FROM rwp.ready; DELETE FROM rwp.running; DELETE FROM "
      "rwp.waiting;"
      " DELETE FROM rwp.ended; DELETE FROM rwp.unique_key; DELETE FROM rwp.ledger;"
      " DELETE FROM rwp.reservation");
  sql("VACUUM (ANALYZE, TRUNCATE FALSE) rwp.job, rwp.ready, rwp.running, rwp.waiting, rwp.ended,"
      " rwp.unique_key, rwp.ledger, rwp.reservation");
  ASSERT_EQ(sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'rwp'::regnamespace"
                " AND relname IN ('job', 'ready', 'running') AND reltuples = 0 AND relpages > 50"),
            "3");
  fill();
  log_plans_of(role);

  const auto store = open(server().url(database_, role));
  std::vector<jobs::NewJob> jobs(20, {.kind = "k"});
  jobs[0].idempotency_key = "once";
  jobs[1].unique.key = "u";
  jobs[2].delay = 1h;
  const auto inserted = wait(store->insert(jobs)).value();
  ASSERT_TRUE(wait(store->insert(std::vector<jobs::NewJob>(5, {.kind = "k"}))).has_value());
  const Uuid waits = inserted[2]->id;
  const auto claimed = wait(store->claim(claim_of(10))).value();
  ASSERT_EQ(claimed.size(), 10U);
  for (const auto& job : claimed) {
    ASSERT_TRUE(wait(store->extend({job.run}, 30s)).value()[0].has_value());
  }
  std::vector<jobs::Completion> completions;
  for (std::size_t i = 0; i < 5; ++i) {
    completions.push_back({.run = claimed[i].run, .outcome = jobs::Succeed{}});
  }
  completions.push_back(
      {.run = claimed[5].run, .outcome = jobs::Fail{.error = Error(Errc::internal, "no")}});
  completions.push_back({.run = claimed[6].run, .outcome = jobs::Park{.key = "p"}});
  for (const auto& answer : wait(store->finish(completions)).value()) {
    ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  }
  ASSERT_TRUE(wait(store->unpark({{.id = claimed[6].run.id, .key = "p"}})).value()[0].has_value());
  ASSERT_TRUE(wait(store->set_priority({waits}, jobs::Priority::high)).value()[0].has_value());
  ASSERT_TRUE(wait(store->cancel({waits})).value()[0].has_value());
  ASSERT_TRUE(wait(store->retry({waits})).value()[0].has_value());
  ASSERT_TRUE(wait(store->get({waits, claimed[0].run.id})).has_value());
  ASSERT_TRUE(wait(store->erase({claimed[0].run.id})).value()[0].has_value());
  ASSERT_TRUE(wait(store->prune({.limit = 10})).has_value());
  const UsageReservation reservation{.id = Uuid::make_v7(),
                                     .account = "a",
                                     .amount = Money{1},
                                     .limit = Money{10},
                                     .lapses_after = 1h};
  ASSERT_TRUE(wait(store->usage().reserve(reservation)).has_value());
  ASSERT_TRUE(wait(store->usage().settle(reservation.id, "a", Money{1})).has_value());
  ASSERT_TRUE(wait(store->usage().record({{.id = Uuid::make_v7(), .tenant = "t"}})).has_value());
  // By SQL, in a session with the server's own settings.
  const Connection user(PQconnectdb(server().url(database_, role).c_str()), &PQfinish);
  PQclear(PQexec(user.get(), "SELECT rwp.enqueue('k', unique_key => 'v', tenant => 'acme')"));

  const std::string plans = logged("LOG");
  EXPECT_GT(std::count(plans.begin(), plans.end(), '\n'), 100);
  // The first line of a plan that tells pages is its root's, and counts what is below it.
  std::istringstream entries(plans);
  std::string query;
  bool is_root = false;
  for (std::string line; std::getline(entries, line);) {
    if (const auto at = line.find("Query Text: "); at != std::string::npos) {
      query = line.substr(at + 12);
      is_root = true;
    }
    const auto scan = line.find("Seq Scan on ");
    if (scan != std::string::npos && line.find("never executed") == std::string::npos) {
      const std::string table = line.substr(scan + 12, line.find(' ', scan + 12) - scan - 12);
      EXPECT_EQ(large.count(table), 0U) << table << ": " << query;
    }
    const auto at = line.find("Buffers: shared hit=");
    if (!is_root || at == std::string::npos) continue;
    is_root = false;
    // A prune walks so far by itself, and what a call reads of the catalogs is not of interest:
    // what stands in it has plans of its own.
    if (query.find("ORDER BY id LIMIT 5000") != std::string::npos ||
        query.find(" rwp.") < query.find(" FROM ") || query.find(" rwp.submit(") < query.size()) {
      continue;
    }
    EXPECT_LT(std::stoul(line.substr(at + 20)), kPages) << query;
  }
}

TEST_F(PostgresUpkeepTest, ARoleThatDoesNotOwnTheTablesVacuumsNoneAndSaysNothing) {
  open().reset();
  const std::string role = "user_of_" + database_;
  sql("CREATE ROLE " + role + " LOGIN");
  sql("SELECT rwp.grant_use('" + role + "')");
  const auto store = open(server().url(database_, role));
  for (int i = 0; i < 21; ++i) {
    std::vector<jobs::NewJob> jobs(1'000, {.kind = "k"});
    ASSERT_TRUE(wait(store->insert(std::move(jobs))).has_value());
    ASSERT_EQ(wait(store->claim(claim_of(1'000)))->size(), 1'000U);
  }
  // The queue is dry.
  ASSERT_TRUE(wait(store->claim(claim_of(1)))->empty());
  ASSERT_TRUE(wait(store->rescue()).has_value());
  ASSERT_TRUE(wait(store->rescue()).has_value());
  EXPECT_EQ(logged("WARNING"), "");
  EXPECT_EQ(sql("SELECT has_function_privilege('" + role +
                "', 'rwp.rewrite_if_bloated(text, bigint)', 'execute')"),
            "t");
}

}  // namespace
}  // namespace rwp::tests
