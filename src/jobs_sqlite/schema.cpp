#include "jobs_sqlite/schema.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <linux/magic.h>
#include <string_view>
#include <sys/vfs.h>

namespace rwp::jobs_sqlite {
namespace {

/// "RWPJ", in the header of every file of ours.
constexpr std::int64_t kApplicationId = 0x5257504A;

// A job's body is written once (job). What changes while it is open is one small row, which moves
// from table to table with the job's state, so that a move is one removal and one insert and no
// index is kept beside it: ready stands in the order of claims, running holds the leases, waiting
// the times. Its end is appended (ended). The tables that claims walk stay as small as the work
// that waits.
constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  boot_id TEXT NOT NULL,
  boot_count INTEGER NOT NULL,      -- floor of run tokens, so that a lost claim's token never returns
  pruned_id_ms INTEGER NOT NULL     -- ids younger than this have never been pruned
);
INSERT INTO meta VALUES (1, '', 0, 0);

CREATE TABLE lane (                 -- a kind and version in a queue
  id INTEGER PRIMARY KEY,
  queue TEXT NOT NULL,
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  UNIQUE (queue, kind, version)
);
CREATE TABLE lane_count (           -- lane 0: the next job's row number, on the page that changes anyway
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY (lane, state)
) WITHOUT ROWID;
INSERT INTO lane_count VALUES (0, 0, 1);
CREATE TABLE queue (
  name TEXT PRIMARY KEY,
  paused INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE job (
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  lane INTEGER NOT NULL,
  created_at INTEGER NOT NULL,      -- milliseconds since 1970, as all times but leases
  timeout INTEGER,
  tenant TEXT,
  payload TEXT,
  payload_blob TEXT,
  rare TEXT                         -- JSON: tags, keys, traceparent
);
CREATE UNIQUE INDEX job_id ON job (id);

CREATE TABLE ready (                -- in the order of claims
  lane INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  marks INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  token INTEGER NOT NULL,
  finished_token INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  started_at INTEGER,
  more TEXT,                        -- JSON: errors, progress, cursor, park key, resume
  PRIMARY KEY (lane, priority, seq)
) WITHOUT ROWID;
CREATE TABLE running (              -- leases
  seq INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  marks INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  token INTEGER NOT NULL,
  finished_token INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  started_at INTEGER,
  holder INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,     -- nanoseconds since boot
  more TEXT
);
CREATE TABLE waiting (              -- scheduled and parked
  seq INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  marks INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  token INTEGER NOT NULL,
  finished_token INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  started_at INTEGER,
  more TEXT
);
CREATE INDEX waiting_due ON waiting (run_at);

CREATE TABLE ended (
  seq INTEGER PRIMARY KEY,
  state INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  marks INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  token INTEGER NOT NULL,
  finished_token INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER NOT NULL,
  result TEXT,
  more TEXT
);
CREATE INDEX ended_unhappy ON ended (seq) WHERE state <> 4;

CREATE TABLE unique_key (
  key TEXT PRIMARY KEY,             -- tenant, a unit separator, the key
  seq INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE ledger (
  key BLOB PRIMARY KEY,             -- of a pruned job its id; else SHA-256 of tenant and idempotency key
  job_id BLOB NOT NULL,
  digest BLOB NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX ledger_expiry ON ledger (expires_at);

CREATE TABLE holder (               -- a process, or one store in it, that takes leases
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  lock_file INTEGER NOT NULL        -- inode of the file that carries its lock; 0: none
);
)sql";

constexpr std::string_view kVersion2 = R"sql(
CREATE TABLE usage (
  id BLOB PRIMARY KEY,
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL,
  model TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  micro_usd INTEGER NOT NULL,
  at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE account (
  name TEXT PRIMARY KEY,
  settled INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE reservation (
  id BLOB PRIMARY KEY,
  account TEXT NOT NULL,
  amount INTEGER NOT NULL,
  state INTEGER NOT NULL,           -- 0 held, 1 settled
  lapses_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX reservation_account ON reservation (account) WHERE state = 0;
)sql";

// The sweep of old reservations walks from the oldest.
constexpr std::string_view kVersion3 = R"sql(
CREATE INDEX reservation_lapse ON reservation (lapses_at);
)sql";

// A tenant's lists and counts walk its own jobs, however many others have. Holds what they read.
constexpr std::string_view kVersion4 = R"sql(
CREATE INDEX job_tenant ON job (tenant, seq, lane) WHERE tenant IS NOT NULL;
)sql";

// How answers were come by, and what that saved.
constexpr std::string_view kVersion5 = R"sql(
ALTER TABLE usage ADD COLUMN source INTEGER NOT NULL DEFAULT 0;  -- call, batch, cache, shared
ALTER TABLE usage ADD COLUMN calls INTEGER NOT NULL DEFAULT 1;
ALTER TABLE usage ADD COLUMN saved_micro_usd INTEGER NOT NULL DEFAULT 0;
CREATE INDEX usage_time ON usage (at);
)sql";

constexpr std::array<std::string_view, kSchemaVersion> kSteps = {kVersion1, kVersion2, kVersion3,
                                                                 kVersion4, kVersion5};

std::int64_t pragma(net_sqlite::Connection& database, const char* sql) {
  auto query = database.query(sql);
  return query.step() ? query.integer(0) : 0;
}

[[noreturn]] void refuse(Errc code, const std::string& path, const std::string& why) {
  throw net_sqlite::Failure(0, Error(code, path + ": " + why));
}

/// The schema's version, of a file that is ours or empty.
std::int64_t version_of_ours(net_sqlite::Connection& database, const std::string& path) {
  const std::int64_t version = pragma(database, "PRAGMA user_version");
  const std::int64_t application = pragma(database, "PRAGMA application_id");
  const std::int64_t tables = pragma(database, "SELECT count(*) FROM sqlite_schema");
  if ((application != kApplicationId && tables > 0) || version < 0) {
    refuse(Errc::unsupported, path,
           "is a database of another program; name another file for the jobs");
  }
  if (version > kSchemaVersion) {
    refuse(Errc::unsupported, path,
           "has job schema " + std::to_string(version) + ", this program knows up to " +
               std::to_string(kSchemaVersion) + "; update the program");
  }
  return version;
}

void migrate(net_sqlite::Connection& database, const std::string& path) {
  // Looked at under the write lock: several processes may open a new file at once. A refusal closes
  // the connection, and so ends the transaction.
  database.execute("BEGIN IMMEDIATE");
  const std::int64_t version = version_of_ours(database, path);
  for (std::int64_t step = version; step < kSchemaVersion; ++step) {
    database.execute(std::string(kSteps[static_cast<std::size_t>(step)]));
  }
  if (version < kSchemaVersion) {
    database.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
    database.execute("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  }
  database.execute("COMMIT");
}

/// The switch needs the file alone, and SQLite's busy handler is not asked for it: processes that
/// make a file together get in each other's way.
void use_write_ahead_log(net_sqlite::Connection& database, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    try {
      database.execute("PRAGMA journal_mode = WAL");
      return;
    } catch (const net_sqlite::Failure& failure) {
      if (!failure.busy() || std::chrono::steady_clock::now() > until) throw;
    }
    // Waits, by the busy handler, until those in the way have gone.
    database.execute("BEGIN EXCLUSIVE");
    database.execute("COMMIT");
  }
}

}  // namespace

void prepare_writer(net_sqlite::Connection& database, const std::string& path,
                    std::int64_t max_pages, std::chrono::milliseconds patience) {
  const std::string name = path.empty() ? "memory" : path;
  // Before anything is written: the journal mode is kept in the file, which may not be ours.
  // One snapshot: another process may be making the file now.
  database.execute("BEGIN");
  (void)version_of_ours(database, name);
  database.execute("COMMIT");
  if (max_pages > 0) database.execute("PRAGMA max_page_count = " + std::to_string(max_pages));
  use_write_ahead_log(database, patience);
  database.execute("PRAGMA synchronous = FULL");
  database.keep_log();
  // What is removed is overwritten with it: payloads hold people's data.
  database.execute("PRAGMA secure_delete = ON");
  database.execute("PRAGMA cache_size = -16000");
  database.execute("PRAGMA foreign_keys = OFF");
  migrate(database, name);
}

void prepare_checkpoints(net_sqlite::Connection& database) {
  database.execute("PRAGMA synchronous = FULL");
  database.execute("PRAGMA cache_size = -100");
  // Opens the log, whose index is looked at before it is carried over.
  database.execute("PRAGMA schema_version");
}

void prepare_reader(net_sqlite::Connection& database) {
  database.execute("PRAGMA query_only = ON");
  database.execute("PRAGMA cache_size = -8000");
}

void refuse_network_file_system(const std::string& path) {
  constexpr std::array<std::int64_t, 6> kNetworked = {NFS_SUPER_MAGIC,       SMB_SUPER_MAGIC,
                                                      0xFF534D42 /* CIFS */, 0xFE534D42 /* SMB2 */,
                                                      0x00C36400 /* Ceph */, 0x5346414F /* AFS */};
  auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  struct statfs facts {};
  if (statfs(folder.c_str(), &facts) != 0) return;  // Opening will say what is wrong.
  for (const std::int64_t magic : kNetworked) {
    if (static_cast<std::int64_t>(facts.f_type) != magic) continue;
    refuse(
        Errc::unsupported, path,
        "lies on a network file system, where SQLite cannot share a file; use a local disk, or a "
        "database server");
  }
}

}  // namespace rwp::jobs_sqlite
