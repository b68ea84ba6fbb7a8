#pragma once

#include <rwp/core/blob_store.hpp>
#include <rwp/core/clock.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace rwp {
class SchemeRegistry;
}

namespace rwp::jobs_sqlite {

struct SqliteOptions {
  /// The database file; made when absent. Beside it stand SQLite's own "-wal" and "-shm", and
  /// "-holders", by whose locks processes see each other's death. Empty: in memory.
  std::string path{};
  std::shared_ptr<const Clock> clock = system_clock();
  /// For payloads above 1 MiB; may be null.
  std::shared_ptr<BlobStore> blobs{};
  /// Whether an answered submit or completion survives a power cut (an fsync for each group of
  /// commits). Without it, it survives the death of every process, but not of the machine.
  bool synchronous_full = true;
  /// Longest wait for another process's write lock before `Errc::unavailable`.
  std::chrono::milliseconds busy_timeout{10'000};
  /// SQLite's own bound on the file, in pages of 4 KiB; 0: none. Reached, it is a full disk.
  std::int64_t max_pages = 0;
  observability::Logger log{};
  /// May be null. Series, by connection (writer, reader): rwp_sqlite_transactions_total,
  /// rwp_sqlite_operations_total (what transactions carried: group commit in numbers),
  /// rwp_sqlite_failed_groups_total.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Opens, and makes or migrates, a job store in one SQLite file, which several processes of one
/// machine may share.
///
/// Concurrent calls share transactions and their fsync. Due times are judged by the wall clock,
/// leases by CLOCK_BOOTTIME; the leases of a process that has died end at once, those of one that
/// was stopped when they lapse. A process stopped while it holds the write lock stalls the file.
/// Errors: corrupt (no, or a damaged, database), unsupported (a foreign database, a newer schema, a
/// network file system), permission_denied, unavailable. Blocks while it opens.
Result<std::shared_ptr<jobs::JobStore>> open_sqlite_job_store(Runtime& runtime,
                                                              SqliteOptions options);

/// Adds `sqlite:PATH` and `memory:` for jobs::JobStore. `options` gives what a URL does not say.
/// Query options: `synchronous=full|normal`, `busy_timeout=10s`, `max_pages=N`.
void register_sqlite(SchemeRegistry& registry, SqliteOptions options = SqliteOptions());

}  // namespace rwp::jobs_sqlite
