#pragma once

#include <rwp/core/blob_store.hpp>
#include <rwp/core/clock.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/url.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/record_store.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <memory>

namespace rwp {
class SchemeRegistry;
}

namespace rwp::jobs_postgres {

struct PostgresOptions {
  /// Make or bring up to date the schema `rwp` when the store is opened. That needs a role that may
  /// create it; without it, run migrate() with such a role first, and `SELECT
  /// rwp.grant_use('ROLE')` for the role that runs the jobs.
  bool migrate = true;
  /// A pooler stands between that gives each transaction another connection, such as PgBouncer in
  /// transaction mode: statements are not prepared under names, and new work is found by looking
  /// every 5 to 100 ms.
  bool transaction_pooler = false;
  /// Most connections, 1 to 100; one more listens while somebody waits for work.
  std::size_t connections = 4;
  /// How long a call goes on trying while the server is away or fails over. 0 s to 10 min.
  std::chrono::milliseconds patience{10'000};
  /// Longest attempt to connect.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For payloads above 1 MiB; may be null.
  std::shared_ptr<BlobStore> blobs{};
  /// Null: the server's clock judges due times and leases. Only tests set one.
  std::shared_ptr<const Clock> clock{};
  observability::Logger log{};
  /// May be null. Series: rwp_postgres_connections (state), rwp_postgres_connects_total,
  /// rwp_postgres_connect_failures_total, rwp_postgres_pool_waits_total,
  /// rwp_postgres_round_trips_total, rwp_postgres_batch_items (operation),
  /// rwp_postgres_claim_seconds, rwp_postgres_dead_rows (table),
  /// rwp_postgres_oldest_snapshot_seconds.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Opens a job store in a PostgreSQL database (15 or later, encoding UTF8), which any number of
/// processes share.
///
/// `url` is libpq's: postgres://user:password@host:5432/database, with several hosts and
/// target_session_attrs when a failover is to be followed, and everything else that libpq takes.
/// Concurrent calls share transactions. A call that the server's end or a broken connection
/// interrupts is settled by what stands in the database, and repeated. Leases and due times are
/// judged by the server's clock; the leases of a store that is closed end at once, those of a
/// process that died when they lapse.
///
/// Errors: invalid_argument (the URL), unavailable, unauthenticated, permission_denied, unsupported
/// (no schema and not allowed to make one, or one of a newer program). Blocks while it opens; not
/// to be called on the runtime's own I/O thread.
Result<std::shared_ptr<jobs::JobStore>> open_postgres_job_store(Runtime& runtime, const Url& url,
                                                                PostgresOptions options);

/// The same, to be the record of a tiered store.
Result<std::shared_ptr<jobs::RecordStore>> open_postgres_record(Runtime& runtime, const Url& url,
                                                                PostgresOptions options);

/// Makes the schema, or brings it up to date; harmless when it is, and when many do it at once.
/// Blocks. Errors as above.
Result<void> migrate(Runtime& runtime, const Url& url, PostgresOptions options = PostgresOptions());

/// Adds `postgres:` and `postgresql:` for jobs::JobStore and jobs::RecordStore. `options` gives
/// what a URL does not say. Query options besides libpq's: `migrate=on|off`,
/// `pooler=none|transaction`, `connections=N`, `patience=10s`.
void register_postgres(SchemeRegistry& registry, PostgresOptions options = PostgresOptions());

}  // namespace rwp::jobs_postgres
