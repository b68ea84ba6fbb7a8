#include <rwp/ai_local/local_model.hpp>
#include <rwp/analytics_jsonl/jsonl_sink.hpp>
#include <rwp/builtin_schemes.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>
#include <rwp/storage_file/file_object_store.hpp>
#include <rwp/storage_memory/memory_object_store.hpp>

#include <utility>

namespace rwp {

SchemeRegistry builtin_schemes(BuiltinOptions options) {
  SchemeRegistry registry;
  jobs_sqlite::SqliteOptions sqlite;
  sqlite.clock = std::move(options.clock);
  sqlite.log = std::move(options.log);
  sqlite.metrics = std::move(options.metrics);
  jobs_sqlite::register_sqlite(registry, std::move(sqlite));
  storage::register_file_storage(registry);
  storage::register_memory_storage(registry);
  ai_local::register_local(registry);
  analytics::register_jsonl(registry);
  return registry;
}

}  // namespace rwp
