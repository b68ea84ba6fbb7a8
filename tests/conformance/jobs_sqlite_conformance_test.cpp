#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <conformance/job_store_conformance.hpp>

namespace rwp::tests {
namespace {

Result<std::shared_ptr<jobs::JobStore>> open_file(const StoreSetup& setup) {
  jobs_sqlite::SqliteOptions options;
  options.path = (setup.folder / "jobs.db").string();
  options.clock = setup.clock;
  options.blobs = setup.blobs;
  return jobs_sqlite::open_sqlite_job_store(setup.runtime, std::move(options));
}

Result<std::shared_ptr<jobs::JobStore>> open_memory(const StoreSetup& setup) {
  jobs_sqlite::SqliteOptions options;
  options.clock = setup.clock;
  options.blobs = setup.blobs;
  return jobs_sqlite::open_sqlite_job_store(setup.runtime, std::move(options));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, JobStoreConformance,
                         ::testing::Values(JobStoreBackend{"File", &open_file, true},
                                           JobStoreBackend{"Memory", &open_memory, false}),
                         backend_name);

}  // namespace
}  // namespace rwp::tests
