#include <rwp/analytics_postgres/postgres_event_table.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>

#include <string>
#include <utility>

namespace rwp::analytics {
namespace {

/// Whether the option has the first of two values; `fallback` when it is not given.
Result<bool> read_choice(const Url& url, const std::string& name, const std::string& yes,
                         const std::string& no, bool fallback) {
  const auto found = url.query().find(name);
  if (found == url.query().end()) return fallback;
  if (found->second == yes || found->second == no) return found->second == yes;
  return Error(Errc::invalid_argument, "URL option \"" + name + "\" must be " + yes + " or " + no);
}

Result<std::shared_ptr<EventTable>> open_url(const Url& url, Runtime& runtime,
                                             PostgresEventTableOptions options) {
  const auto migrate = read_choice(url, "migrate", "on", "off", options.migrate);
  if (!migrate) return migrate.error();
  options.migrate = *migrate;
  const auto pooled = read_choice(url, "pooler", "transaction", "none", options.transaction_pooler);
  if (!pooled) return pooled.error();
  options.transaction_pooler = *pooled;
  const auto connections =
      url.integer("connections", static_cast<std::int64_t>(options.connections), 1, 20);
  if (!connections) return connections.error();
  options.connections = static_cast<std::size_t>(*connections);
  const auto patience = url.duration("patience", options.patience);
  if (!patience) return patience.error();
  options.patience = *patience;
  const auto keep = url.duration("keep", options.keep);
  if (!keep) return keep.error();
  options.keep = std::chrono::duration_cast<std::chrono::hours>(*keep);
  return open_postgres_event_table(runtime, url, std::move(options));
}

}  // namespace

void register_postgres_event_table(SchemeRegistry& registry, PostgresEventTableOptions options) {
  for (const char* scheme : {"postgres", "postgresql"}) {
    registry.add<EventTable>(scheme, [options](const Url& url, Runtime& runtime) {
      return open_url(url, runtime, options);
    });
    registry.add<Sink>(
        scheme, [options](const Url& url, Runtime& runtime) -> Result<std::shared_ptr<Sink>> {
          auto opened = open_url(url, runtime, options);
          if (!opened) return opened.error();
          return std::shared_ptr<Sink>(std::move(*opened));
        });
  }
}

}  // namespace rwp::analytics
