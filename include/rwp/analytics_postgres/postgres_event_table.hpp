#pragma once

#include <rwp/analytics/event_table.hpp>
#include <rwp/core/url.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <memory>

namespace rwp {
class Runtime;
class SchemeRegistry;
}  // namespace rwp

namespace rwp::analytics {

struct PostgresEventTableOptions {
  /// Make or bring up to date the schema `rwp_events` when the table is opened.
  bool migrate = true;
  /// A pooler in transaction mode stands between: no statement is prepared under a name.
  bool transaction_pooler = false;
  /// 1 to 20.
  std::size_t connections = 2;
  /// How long a call goes on trying while the server is away.
  std::chrono::milliseconds patience{10'000};
  /// How long events and journeys are kept, from their time; an hour or more.
  std::chrono::hours keep{24 * 400};
  observability::Logger log{};
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Events in the table `rwp_events.event` of a PostgreSQL database (15 or later, encoding UTF8),
/// with the roll-ups `rwp_events.hour` and `rwp_events.journey`; `body` has the whole event as
/// JSON. Any number of processes share them. A delivery succeeds when it is committed.
///
/// `url` is libpq's. A character U+0000, which PostgreSQL has not, is U+FFFD in all columns but
/// `body`. Opening waits for the database for `patience`. Errors: `Errc::unavailable`,
/// `Errc::unauthenticated`, `Errc::unsupported` (a newer version's schema, or one that is not to be
/// migrated). Not to be called on an I/O thread. The runtime outlives the table.
Result<std::shared_ptr<EventTable>> open_postgres_event_table(
    Runtime& runtime, const Url& url,
    PostgresEventTableOptions options = PostgresEventTableOptions());

/// `postgres://user@host/database?keep=90d`, `postgresql:` likewise, with `connections`,
/// `patience`, `migrate=on|off` and `pooler=transaction|none`; as a Sink and as an EventTable.
void register_postgres_event_table(SchemeRegistry& registry,
                                   PostgresEventTableOptions options = PostgresEventTableOptions());

}  // namespace rwp::analytics
