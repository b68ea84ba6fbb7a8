#include <rwp/jobs_postgres/postgres_job_store.hpp>

#include <conformance/job_store_conformance.hpp>
#include <map>
#include <support/postgres_server.hpp>

namespace rwp::tests {
namespace {

/// One server for the program, with two databases: a test and the store that it has beside. A
/// folder that has not been seen means a new test, and a database without jobs.
class Servers {
 public:
  static Servers& instance() {
    static Servers servers;
    return servers;
  }

  std::string database_of(const std::string& folder) {
    const auto found = databases_.find(folder);
    if (found != databases_.end()) return found->second;
    const std::string name = databases_.size() % 2 == 0 ? "even" : "odd";
    std::erase_if(databases_, [&](const auto& entry) { return entry.second == name; });
    // A deletion takes the few rows of a test away faster than a truncation, which makes files.
    server_.execute(
        "DO $$ DECLARE name text; BEGIN"
        " FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'rwp'"
        " AND tablename NOT IN ('schema_version', 'mark') LOOP"
        " EXECUTE format('DELETE FROM rwp.%I', name); END LOOP;"
        " IF to_regclass('rwp.mark') IS NOT NULL THEN UPDATE rwp.mark SET pruned_id_ms = 0; END IF;"
        " END $$",
        name);
    databases_[folder] = name;
    return name;
  }

  std::string direct(const std::string& database) const { return server_.url(database); }
  std::string pooled(const std::string& database) const { return bouncer_.url(database); }

 private:
  Servers() {
    server_.create_database("even");
    server_.create_database("odd");
  }

  PostgresServer server_{PostgresServer::Options{.settings = {"max_connections=200"}}};
  PgBouncer bouncer_{server_};
  std::map<std::string, std::string> databases_;
};

Result<std::shared_ptr<jobs::JobStore>> open(const StoreSetup& setup, bool pooled) {
  Servers& servers = Servers::instance();
  const std::string database = servers.database_of(setup.folder.string());
  jobs_postgres::PostgresOptions options;
  options.clock = setup.clock == system_clock() ? nullptr : setup.clock;
  options.blobs = setup.blobs;
  options.transaction_pooler = pooled;
  const auto url = Url::parse(pooled ? servers.pooled(database) : servers.direct(database));
  return jobs_postgres::open_postgres_job_store(setup.runtime, url.value(), std::move(options));
}

Result<std::shared_ptr<jobs::JobStore>> open_direct(const StoreSetup& setup) {
  return open(setup, false);
}

Result<std::shared_ptr<jobs::JobStore>> open_pooled(const StoreSetup& setup) {
  return open(setup, true);
}

INSTANTIATE_TEST_SUITE_P(Postgres, JobStoreConformance,
                         ::testing::Values(JobStoreBackend{"Direct", &open_direct, true},
                                           JobStoreBackend{"PgBouncer", &open_pooled, true}),
                         backend_name);

}  // namespace
}  // namespace rwp::tests
