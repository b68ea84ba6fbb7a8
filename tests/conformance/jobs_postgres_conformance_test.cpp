#include <rwp/jobs_postgres/postgres_job_store.hpp>
#include <rwp/jobs_tiered/tiered_job_store.hpp>

#include <conformance/job_store_conformance.hpp>
#include <map>
#include <memory>
#include <support/postgres_server.hpp>
#include <support/redis_server.hpp>

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
    if (redis_) redis_->cli("-n " + number_of(name) + " flushdb");
    databases_[folder] = name;
    return name;
  }

  std::string direct(const std::string& database) const { return server_.url(database); }
  std::string pooled(const std::string& database) const { return bouncer_.url(database); }
  /// Redis beside it.
  std::string redis(const std::string& database) {
    if (!redis_) redis_ = std::make_unique<RedisServer>();
    return redis_->url() + "/" + number_of(database);
  }

 private:
  static std::string number_of(const std::string& database) {
    return database == "even" ? "0" : "1";
  }
  Servers() {
    server_.create_database("even");
    server_.create_database("odd");
  }

  PostgresServer server_{PostgresServer::Options{.settings = {"max_connections=200"}}};
  PgBouncer bouncer_{server_};
  std::unique_ptr<RedisServer> redis_;
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

Result<std::shared_ptr<jobs::JobStore>> open_tiered(const StoreSetup& setup) {
  Servers& servers = Servers::instance();
  const std::string database = servers.database_of(setup.folder.string());
  const std::shared_ptr<const Clock> clock = setup.clock == system_clock() ? nullptr : setup.clock;
  jobs_postgres::PostgresOptions postgres;
  postgres.clock = clock;
  auto record = jobs_postgres::open_postgres_record(
      setup.runtime, Url::parse(servers.direct(database)).value(), std::move(postgres));
  if (!record) return record.error();
  jobs_tiered::TieredOptions options;
  options.clock = clock;
  options.blobs = setup.blobs;
  options.name = database;
  return jobs_tiered::open_tiered_job_store(setup.runtime, std::move(*record),
                                            Url::parse(servers.redis(database)).value(), options);
}

INSTANTIATE_TEST_SUITE_P(Postgres, JobStoreConformance,
                         ::testing::Values(JobStoreBackend{"Direct", &open_direct, true},
                                           JobStoreBackend{"PgBouncer", &open_pooled, true}),
                         backend_name);
INSTANTIATE_TEST_SUITE_P(Tiered, JobStoreConformance,
                         ::testing::Values(JobStoreBackend{"Redis", &open_tiered, true}),
                         backend_name);

}  // namespace
}  // namespace rwp::tests
