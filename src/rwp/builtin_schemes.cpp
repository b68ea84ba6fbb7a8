#include <rwp/ai_local/local_model.hpp>
#include <rwp/ai_openai/register.hpp>
#include <rwp/analytics_ga4/ga4_sink.hpp>
#include <rwp/analytics_jsonl/jsonl_sink.hpp>
#include <rwp/analytics_postgres/postgres_event_table.hpp>
#include <rwp/analytics_sqlite/sqlite_event_table.hpp>
#include <rwp/builtin_schemes.hpp>
#include <rwp/jobs_postgres/postgres_job_store.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>
#include <rwp/jobs_tiered/tiered_job_store.hpp>
#include <rwp/storage_file/file_object_store.hpp>
#include <rwp/storage_memory/memory_object_store.hpp>

#include <utility>

namespace rwp {

SchemeRegistry builtin_schemes(BuiltinOptions options) {
  SchemeRegistry registry;
  analytics::Ga4SinkOptions ga4;
  ga4.clock = options.clock;
  ga4.log = options.log;
  ga4.metrics = options.metrics;
  ga4.api_secret = std::move(options.ga4_api_secret);
  analytics::register_ga4(registry, ga4);
  ga4.api_secret = std::move(options.analytics_key);
  analytics::register_analytics_pod(registry, std::move(ga4));
  analytics::PostgresEventTableOptions events;
  events.log = options.log;
  events.metrics = options.metrics;
  analytics::register_postgres_event_table(registry, std::move(events));
  analytics::register_sqlite_event_table(registry);
  ai_openai::OpenAiSchemeOptions openai;
  openai.api_key = std::move(options.ai_key);
  openai.model = std::move(options.ai_model);
  openai.log = options.log;
  openai.metrics = options.metrics;
  ai_openai::register_openai(registry, std::move(openai));
  options.s3.log = options.log;
  options.s3.metrics = options.metrics;
  storage::register_s3_storage(registry, std::move(options.s3));
  // Due times and leases there are the server's to judge.
  jobs_postgres::PostgresOptions postgres;
  postgres.log = options.log;
  postgres.metrics = options.metrics;
  jobs_postgres::register_postgres(registry, std::move(postgres));
  jobs_tiered::TieredOptions tiered;
  tiered.log = options.log;
  tiered.metrics = options.metrics;
  jobs_tiered::register_tiered(registry, std::move(tiered));
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
