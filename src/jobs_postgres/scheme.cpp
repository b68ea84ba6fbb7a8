#include <rwp/core/scheme_registry.hpp>
#include <rwp/jobs/record_store.hpp>
#include <rwp/jobs_postgres/postgres_job_store.hpp>

#include <utility>

namespace rwp::jobs_postgres {
namespace {

/// Whether the option has the first of two values; `fallback` when it is not given.
Result<bool> read_choice(const Url& url, const char* name, const char* yes, const char* no,
                         bool fallback) {
  const auto found = url.query().find(name);
  if (found == url.query().end()) return fallback;
  if (found->second != yes && found->second != no) {
    return Error(Errc::invalid_argument,
                 std::string("URL option \"") + name + "\" must be " + yes + " or " + no);
  }
  return found->second == yes;
}

Result<PostgresOptions> read_options(const Url& url, PostgresOptions options) {
  const auto migrates = read_choice(url, "migrate", "on", "off", options.migrate);
  if (!migrates) return migrates.error();
  options.migrate = *migrates;
  const auto pooled = read_choice(url, "pooler", "transaction", "none", options.transaction_pooler);
  if (!pooled) return pooled.error();
  options.transaction_pooler = *pooled;
  const auto connections =
      url.integer("connections", static_cast<std::int64_t>(options.connections), 1, 100);
  if (!connections) return connections.error();
  options.connections = static_cast<std::size_t>(*connections);
  const auto patience = url.duration("patience", options.patience);
  if (!patience) return patience.error();
  if (*patience > std::chrono::minutes(10)) {
    return Error(Errc::invalid_argument, "URL option \"patience\" must be at most 10m");
  }
  options.patience = *patience;
  return options;
}

}  // namespace

void register_postgres(SchemeRegistry& registry, PostgresOptions options) {
  for (const char* scheme : {"postgres", "postgresql"}) {
    const auto open = [options](const Url& url, Runtime& runtime) {
      auto read = read_options(url, options);
      if (!read) return Result<std::shared_ptr<jobs::RecordStore>>(read.error());
      return open_postgres_record(runtime, url, std::move(*read));
    };
    registry.add<jobs::RecordStore>(scheme, open);
    registry.add<jobs::JobStore>(
        scheme,
        [open](const Url& url, Runtime& runtime) -> Result<std::shared_ptr<jobs::JobStore>> {
          auto opened = open(url, runtime);
          if (!opened) return opened.error();
          return std::shared_ptr<jobs::JobStore>(std::move(*opened));
        });
  }
}

}  // namespace rwp::jobs_postgres
