// The schema, the roles that use it, and the errors of those who come by the wrong way.

#include "jobs_postgres/schema.hpp"
#include <rwp/core/scheme_registry.hpp>

#include <future>
#include <support/postgres_fixture.hpp>

namespace rwp::tests {
namespace {

using jobs_postgres::migrate;
using jobs_postgres::open_postgres_job_store;
using jobs_postgres::PostgresOptions;

class PostgresSchemaTest : public PostgresTest {
 protected:
  Url parsed(const std::string& text) { return Url::parse(text).value(); }
};

TEST_F(PostgresSchemaTest, ManyMigrateAtOnceAndOneOfThemDoesIt) {
  std::vector<std::future<Result<void>>> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(std::async(std::launch::async, [&] { return migrate(runtime_, parsed(url())); }));
  }

  for (auto& one : all) {
    const auto done = one.get();
    EXPECT_TRUE(done.has_value()) << done.error().to_string();
  }
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.schema_version"),
            std::to_string(jobs_postgres::kSchemaVersion));
}

TEST_F(PostgresSchemaTest, ADatabaseWithoutSchemaSaysWhatToDoWhenMigrationIsNotAllowed) {
  PostgresOptions options;
  options.migrate = false;

  const auto opened = open_postgres_job_store(runtime_, parsed(url()), options);

  EXPECT_EQ(opened.error().code(), Errc::unsupported);
  EXPECT_NE(opened.error().message().find("rwpctl migrate"), std::string::npos);
}

TEST_F(PostgresSchemaTest, ARoleThatMayOnlyUseTheTablesRunsJobs) {
  ASSERT_TRUE(migrate(runtime_, parsed(url())).has_value());
  sql("CREATE ROLE worker_" + database_ + " LOGIN");
  sql("SELECT rwp.grant_use('worker_" + database_ + "')");
  auto store = open(server().url(database_, "worker_" + database_));

  const Uuid id = wait(store->insert({{.kind = "k", .idempotency_key = "once"}})).value()[0]->id;
  const auto claimed = wait(store->claim(claim_of(1))).value();
  ASSERT_EQ(claimed.size(), 1U);
  ASSERT_TRUE(wait(store->finish({{.run = claimed[0].run, .outcome = jobs::Succeed{}}})));
  EXPECT_EQ(wait(store->get({id})).value()[0]->state, jobs::JobState::succeeded);
  EXPECT_TRUE(wait(store->prune({})).has_value());
  EXPECT_TRUE(wait(store->usage().balance("a")).has_value());
}

TEST_F(PostgresSchemaTest, WhomDefaultPrivilegesLetWriteMayNotChangeTheVersion) {
  const std::string role = "pod_" + database_;
  sql("CREATE ROLE " + role);
  sql("ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO " + role);
  ASSERT_TRUE(migrate(runtime_, parsed(url())).has_value());

  const auto may = [&](const std::string& what, const std::string& table) {
    return sql("SELECT has_table_privilege('" + role + "', 'rwp." + table + "', '" + what + "')");
  };

  EXPECT_EQ(may("SELECT", "schema_version"), "t");
  for (const char* what : {"INSERT", "UPDATE", "DELETE"}) {
    EXPECT_EQ(may(what, "schema_version"), "f") << what;
    EXPECT_EQ(may(what, "ready"), "t") << what;
  }
}

TEST_F(PostgresSchemaTest, ProgramsGoOnBesideANewerSchemaUnlessItSaysThatTheyAreTooOld) {
  ASSERT_TRUE(migrate(runtime_, parsed(url())).has_value());

  sql("INSERT INTO rwp.schema_version VALUES (1000, 1)");
  EXPECT_TRUE(open_postgres_job_store(runtime_, parsed(url()), {}).has_value());
  sql("UPDATE rwp.schema_version SET oldest_program = 999 WHERE version = 1000");
  EXPECT_EQ(open_postgres_job_store(runtime_, parsed(url()), {}).error().code(), Errc::unsupported);
}

TEST_F(PostgresSchemaTest, BadUrlsAreRefusedWithoutShowingTheirPassword) {
  PostgresOptions options;
  options.patience = std::chrono::milliseconds(100);
  for (const char* bad : {"postgres://u:hunter2@[h/d", "postgres://u:hunter2@h/d?no_such_option=1",
                          "postgres://u:hunter2@h:port/d", "postgres://u:hunter2@127.0.0.1:1/d"}) {
    const auto parsed_url = Url::parse(bad);
    if (!parsed_url) continue;
    const auto opened = open_postgres_job_store(runtime_, *parsed_url, options);
    ASSERT_FALSE(opened.has_value()) << bad;
    EXPECT_EQ(opened.error().to_string().find("hunter2"), std::string::npos)
        << opened.error().to_string();
  }
}

TEST_F(PostgresSchemaTest, TheSchemeReadsItsOptions) {
  SchemeRegistry registry;
  jobs_postgres::register_postgres(registry);

  EXPECT_TRUE(registry.open<jobs::JobStore>(url() + "?connections=2&patience=5s", runtime_));
  for (const char* bad : {"?connections=0", "?pooler=session", "?migrate=maybe", "?patience=1"}) {
    EXPECT_EQ(registry.open<jobs::JobStore>(url() + bad, runtime_).error().code(),
              Errc::invalid_argument)
        << bad;
  }
}

TEST_F(PostgresSchemaTest, MetricsShowRoundTripsConnectionsAndBatches) {
  PostgresOptions options;
  options.metrics = observability::make_metrics();
  const auto store = open_postgres_job_store(runtime_, parsed(url()), options).value();
  ASSERT_TRUE(wait(store->insert({{.kind = "k"}})).has_value());
  ASSERT_EQ(wait(store->claim(claim_of(1)))->size(), 1U);
  ASSERT_TRUE(wait(store->rescue()).has_value());

  const std::string shown = options.metrics->expose();

  for (const char* series :
       {"rwp_postgres_connections{state=\"idle\"}", "rwp_postgres_connects_total",
        "rwp_postgres_round_trips_total", "rwp_postgres_batch_items_count{operation=\"insert\"} 1",
        "rwp_postgres_claim_seconds_count 1", "rwp_postgres_dead_rows{table=\"ready\"}",
        "rwp_postgres_oldest_snapshot_seconds"}) {
    EXPECT_NE(shown.find(series), std::string::npos) << series;
  }
}

}  // namespace
}  // namespace rwp::tests
