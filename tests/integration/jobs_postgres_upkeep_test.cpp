// What the hot tables and the server's log come to over time.

#include <rwp/jobs/worker.hpp>

#include <libpq-fe.h>
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
  /// What the server has logged of this test's database.
  std::string logged(const std::string& severity) {
    const std::string marker = "end of " + database_;
    sql("DO $$ BEGIN RAISE LOG '" + marker + "'; END $$");
    const auto deadline = std::chrono::steady_clock::now() + kGuard;
    const std::string lines =
        " FROM regexp_split_to_table(pg_read_file(pg_current_logfile()), '\\n') AS l(line)";
    while (sql("SELECT count(*)" + lines + " WHERE line LIKE '%" + marker + "'") == "0") {
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no log");
      std::this_thread::sleep_for(5ms);
    }
    return sql("SELECT coalesce(string_agg(line, chr(10)), '')" + lines + " WHERE line LIKE '" +
               database_ + " %" + severity + ":%'");
  }
};

TEST_F(PostgresUpkeepTest, ATableThatASnapshotKeepsFromVacuumIsWrittenAnewAndItsLeasesStand) {
  const auto store = open();
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

  ASSERT_TRUE(wait(store->rescue()).has_value());

  EXPECT_LT(bytes_of("running"), 1'000'000);
  EXPECT_LT(bytes_of("ready"), 1'000'000);
  ASSERT_TRUE(
      wait(store->finish({{.run = claimed[0].run, .outcome = jobs::Succeed{}}})).has_value());
  EXPECT_EQ(wait(store->get({claimed[0].run.id})).value()[0]->state, JobState::succeeded);
  EXPECT_EQ(wait(store->claim(claim_of(5)))->size(), 2U);
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
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(wait(store->insert({{.kind = "k"}, {.kind = "k", .delay = 1h}})).has_value());
  }
  ASSERT_EQ(wait(store->claim(claim_of(20)))->size(), 20U);
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
