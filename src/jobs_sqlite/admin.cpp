#include "jobs_sqlite/admin.hpp"

#include "jobs_sqlite/rows.hpp"
#include "jobs_sqlite/submit.hpp"
#include <rwp/jobs/checked_job.hpp>
#include <rwp/jobs/state_machine.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace rwp::jobs_sqlite {
namespace {

namespace machine = jobs::machine;

Error gone(const Uuid& id) { return Error(Errc::not_found, "no job " + id.to_string()); }

/// An ended job as the open row that a retry makes of it.
std::optional<OpenRow> load_ended(Transaction& transaction, std::int64_t seq) {
  auto query = transaction.database.query(
      "SELECT ended.state, reason, priority, attempt, max_attempts, marks, crashes, token,"
      " finished_token, run_at, started_at, more, job.lane"
      " FROM ended JOIN job USING (seq) WHERE seq = ?");
  query.bind(1, seq);
  if (!query.step()) return std::nullopt;
  OpenRow row;
  row.seq = seq;
  row.life.state = static_cast<JobState>(query.integer(0));
  row.life.end_reason = static_cast<jobs::EndReason>(query.integer(1));
  row.priority = static_cast<jobs::Priority>(query.integer(2));
  row.life.attempt = static_cast<int>(query.integer(3));
  row.life.max_attempts = static_cast<int>(query.integer(4));
  row.life.suspect_marks = static_cast<int>(query.integer(5));
  row.life.crashes = static_cast<int>(query.integer(6));
  row.life.run_token = static_cast<std::uint64_t>(query.integer(7));
  row.life.finished_token = static_cast<std::uint64_t>(query.integer(8));
  row.life.run_at = from_ms(query.integer(9));
  row.started_at = query.integer(10);
  row.more = std::string(query.text(11));
  row.lane = query.integer(12);
  return row;
}

void reopen(Transaction& transaction, const OpenRow& row, const jobs::Lifecycle& next) {
  auto removed = transaction.database.query("DELETE FROM ended WHERE seq = ?");
  removed.bind(1, row.seq).run();
  insert_open(transaction, row, next, row.more);
  transaction.count(row.lane, row.life.state, -1);
  transaction.count(row.lane, next.state, +1);
}

/// A job that is to run again takes its unique key back, unless another holds it by this job's
/// rule.
Result<void> take_unique_key_back(Transaction& transaction, std::int64_t seq) {
  std::string key;
  jobs::StateSet states;
  {
    auto query = transaction.database.query("SELECT tenant, rare FROM job WHERE seq = ?");
    query.bind(1, seq);
    if (!query.step() || query.is_null(1)) return {};
    const Rare rare = Rare::read(query.text(1));
    if (rare.unique_key.empty()) return {};
    key = jobs::unique_row_key(std::string(query.text(0)), rare.unique_key);
    states = rare.unique_states;
  }
  std::int64_t holder = seq;
  {
    auto query = transaction.database.query("SELECT seq FROM unique_key WHERE key = ?");
    query.bind(1, key);
    if (query.step()) holder = query.integer(0);
  }
  if (holder != seq) {
    const auto standing = load_job(transaction, holder);
    // Whatever the rule says, two that are open would be two at a time.
    if (standing && (states.contains(standing->state) || !jobs::has_ended(standing->state))) {
      return Error(Errc::conflict,
                   "job " + standing->id.to_string() + " holds the job's unique key");
    }
  }
  auto added = transaction.database.query("INSERT OR REPLACE INTO unique_key VALUES (?, ?)");
  added.bind(1, key).bind(2, seq).run();
  return {};
}

}  // namespace

Result<jobs::CancelOutcome> cancel(Transaction& transaction, const Uuid& id) {
  const auto seq = find_seq(transaction, id);
  if (!seq) return gone(id);
  auto row = load_open(transaction, *seq);
  if (!row) return jobs::CancelOutcome::already_ended;
  row->id = id;
  const auto step = machine::cancel(row->life);
  if (step.changed) apply(transaction, *row, step);
  return step.next.state == JobState::running ? jobs::CancelOutcome::requested
                                              : jobs::CancelOutcome::cancelled;
}

Result<JobState> retry(Transaction& transaction, const Uuid& id) {
  const auto seq = find_seq(transaction, id);
  if (!seq) return gone(id);
  if (const auto row = load_open(transaction, *seq)) {
    const auto step = machine::retry(row->life, transaction.now);
    if (!step) return step.error();
    apply(transaction, *row, *step);
    return step->next.state;
  }
  const auto row = load_ended(transaction, *seq);
  if (!row) return gone(id);
  const auto step = machine::retry(row->life, transaction.now);
  if (!step) return step.error();
  if (auto free = take_unique_key_back(transaction, *seq); !free) return free.error();
  reopen(transaction, *row, step->next);
  return step->next.state;
}

Result<JobState> set_priority(Transaction& transaction, const Uuid& id, jobs::Priority priority) {
  const auto seq = find_seq(transaction, id);
  if (!seq) return gone(id);
  auto row = load_open(transaction, *seq);
  if (!row || row->life.state == JobState::running) {
    return Error(Errc::conflict, row ? "the job is running" : "the job has ended");
  }
  remove_open(transaction, *row);
  row->priority = priority;
  insert_open(transaction, *row, row->life, row->more);
  return row->life.state;
}

void set_paused(Transaction& transaction, const std::string& queue, bool paused) {
  auto written = transaction.database.query(
      "INSERT INTO queue VALUES (?, ?) ON CONFLICT DO UPDATE SET paused = excluded.paused");
  written.bind(1, queue).bind(2, paused ? 1 : 0).run();
  transaction.effects.look_again = true;
}

namespace {

/// Most rows that one call's walk looks at beyond those that it removes.
constexpr std::size_t kMostPruneLooks = 5'000;
/// So many succeeded jobs in a row that are to be kept mean that the others are, too.
constexpr std::size_t kManyKept = 1'000;
/// Others wait for the write lock meanwhile, and large payloads take time to digest.
constexpr std::chrono::milliseconds kLongestPruneWalk{4};

struct Prunable {
  std::int64_t seq = 0;
  std::int64_t lane = 0;
  JobState state = JobState::succeeded;
  Uuid id{};
  std::string payload_blob{};
  std::string rare{};
  std::string tenant{};
  Sha256 digest{};
};

/// A submit that comes again within the ledger's age still finds its answer.
void keep_in_ledger(Transaction& transaction, const Prunable& job) {
  if (job.id.time() + jobs::kLedgerAge < transaction.now) return;
  auto added = transaction.database.query("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?)");
  added.bind_blob(1, job.id.bytes.data(), job.id.bytes.size())
      .bind_blob(2, job.id.bytes.data(), job.id.bytes.size())
      .bind_blob(3, job.digest.data(), job.digest.size())
      .bind(4, to_ms(job.id.time() + jobs::kLedgerAge + jobs::kIdAhead))
      .run();
  transaction.raise_pruned_id_ms(to_ms(job.id.time()));
}

void remove(Transaction& transaction, const Prunable& job) {
  keep_in_ledger(transaction, job);
  {
    auto removed = transaction.database.query("DELETE FROM ended WHERE seq = ?");
    removed.bind(1, job.seq).run();
  }
  {
    auto removed = transaction.database.query("DELETE FROM job WHERE seq = ?");
    removed.bind(1, job.seq).run();
  }
  const Rare rare = Rare::read(job.rare);
  if (!rare.unique_key.empty()) {
    const std::string key = jobs::unique_row_key(job.tenant, rare.unique_key);
    auto removed = transaction.database.query("DELETE FROM unique_key WHERE key = ? AND seq = ?");
    removed.bind(1, key).bind(2, job.seq).run();
  }
  transaction.count(job.lane, job.state, -1);
}

/// From the oldest next time.
void start_again(PruneWalk& walk) {
  walk.position = 0;
  walk.kept_in_a_row = 0;
  walk.more = false;
}

std::vector<Prunable> find_prunable(Transaction& transaction, const jobs::Retention& retention,
                                    PruneWalk& walk) {
  const auto kept_until = [&](JobState state, TimePoint ended) {
    switch (state) {
      case JobState::failed:
        return ended + retention.failed;
      case JobState::cancelled:
        return ended + retention.cancelled;
      default:
        return ended + retention.succeeded;
    }
  };
  std::vector<Prunable> found;
  auto query = transaction.database.query(
      "SELECT ended.seq, ended.state, ended.finished_at, job.lane, job.id, job.payload,"
      " job.payload_blob, job.rare, job.tenant"
      " FROM ended JOIN job USING (seq) WHERE ended.seq > ? ORDER BY ended.seq");
  query.bind(1, walk.position);
  const auto started = std::chrono::steady_clock::now();
  walk.more = false;
  for (;;) {
    if (!query.step()) {
      start_again(walk);
      return found;
    }
    walk.position = query.integer(0);
    const auto state = static_cast<JobState>(query.integer(1));
    if (kept_until(state, from_ms(query.integer(2))) <= transaction.now) {
      Prunable job{.seq = query.integer(0),
                   .lane = query.integer(3),
                   .state = state,
                   .id = read_uuid(query.blob(4)),
                   .payload_blob = std::string(query.text(6)),
                   .rare = std::string(query.text(7)),
                   .tenant = std::string(query.text(8))};
      job.digest = job.payload_blob.empty() ? sha256(query.text(5))
                                            : jobs::digest_from_blob_key(job.payload_blob);
      found.push_back(std::move(job));
      walk.kept_in_a_row = 0;
    } else {
      ++walk.looks;
      if (state == JobState::succeeded) ++walk.kept_in_a_row;
      if (walk.turns_back && walk.kept_in_a_row == kManyKept) {
        start_again(walk);
        return found;
      }
    }
    walk.more = found.size() == retention.limit ||
                std::chrono::steady_clock::now() - started > kLongestPruneWalk;
    if (walk.looks >= kMostPruneLooks) walk.more = false;
    if (walk.more || walk.looks >= kMostPruneLooks) return found;
  }
}

std::size_t prune_ledger(Transaction& transaction, std::size_t limit) {
  {
    // Entries outlive their jobs; those of jobs that are kept for long must not be looked at, and
    // stand in the others' way, each time.
    auto postponed = transaction.database.query(
        "UPDATE ledger SET expires_at = ?1 + 86400000 WHERE key IN"
        " (SELECT key FROM (SELECT key, job_id FROM ledger WHERE expires_at <= ?1"
        " ORDER BY expires_at LIMIT ?2) AS due"
        " WHERE EXISTS (SELECT 1 FROM job WHERE job.id = due.job_id))");
    postponed.bind(1, to_ms(transaction.now)).bind(2, limit).run();
  }
  auto removed = transaction.database.query(
      "DELETE FROM ledger WHERE key IN (SELECT key FROM (SELECT key, job_id FROM ledger"
      " WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) AS due"
      " WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.id = due.job_id))");
  removed.bind(1, to_ms(transaction.now)).bind(2, limit).run();
  return static_cast<std::size_t>(transaction.database.changes());
}

std::optional<Prunable> find_ended(Transaction& transaction, std::int64_t seq) {
  auto query = transaction.database.query(
      "SELECT ended.state, job.lane, job.id, job.payload, job.payload_blob, job.rare, job.tenant"
      " FROM ended JOIN job USING (seq) WHERE seq = ?");
  query.bind(1, seq);
  if (!query.step()) return std::nullopt;
  Prunable job{.seq = seq,
               .lane = query.integer(1),
               .state = static_cast<JobState>(query.integer(0)),
               .id = read_uuid(query.blob(2)),
               .payload_blob = std::string(query.text(4)),
               .rare = std::string(query.text(5)),
               .tenant = std::string(query.text(6))};
  job.digest = job.payload_blob.empty() ? sha256(query.text(3))
                                        : jobs::digest_from_blob_key(job.payload_blob);
  return job;
}

}  // namespace

Result<jobs::Erased> erase(Transaction& transaction, const Uuid& id) {
  const auto seq = find_seq(transaction, id);
  if (!seq) return gone(id);
  const auto job = find_ended(transaction, *seq);
  if (!job) return Error(Errc::conflict, "job " + id.to_string() + " has not ended");
  remove(transaction, *job);
  return jobs::Erased{.payload_blob = job->payload_blob};
}

jobs::Pruned prune(Transaction& transaction, const jobs::Retention& retention, PruneWalk& walk) {
  jobs::Pruned pruned;
  for (const Prunable& job : find_prunable(transaction, retention, walk)) {
    remove(transaction, job);
    if (!job.payload_blob.empty()) pruned.payload_blobs.push_back(job.payload_blob);
    ++pruned.jobs;
  }
  pruned.ledger_entries = prune_ledger(transaction, retention.limit);
  return pruned;
}

}  // namespace rwp::jobs_sqlite
