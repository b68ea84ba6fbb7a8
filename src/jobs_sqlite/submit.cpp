#include "jobs_sqlite/submit.hpp"

#include "jobs_sqlite/rows.hpp"
#include <rwp/jobs/state_machine.hpp>

#include <cstring>

namespace rwp::jobs_sqlite {
namespace {

using Outcome = jobs::Inserted::Outcome;

std::string_view bytes_of(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Sha256 digest_of(const jobs::CheckedJob& checked) {
  return checked.payload_digest ? *checked.payload_digest : sha256(checked.job.payload.view());
}

struct LedgerEntry {
  Uuid job{};
  std::string digest{};
};

std::optional<LedgerEntry> find_ledger(Transaction& transaction, std::string_view key) {
  auto query =
      transaction.database.query("SELECT job_id, digest, expires_at FROM ledger WHERE key = ?");
  query.bind_blob(1, key.data(), key.size());
  if (!query.step()) return std::nullopt;
  LedgerEntry entry{.job = read_uuid(query.blob(0)), .digest = std::string(query.blob(1))};
  // Never shorter than the job.
  if (query.integer(2) <= to_ms(transaction.now) && !find_seq(transaction, entry.job)) {
    return std::nullopt;
  }
  return entry;
}

void write_ledger(Transaction& transaction, std::string_view key, const Uuid& job,
                  const Sha256& digest) {
  auto added = transaction.database.query("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?)");
  added.bind_blob(1, key.data(), key.size())
      .bind_blob(2, job.bytes.data(), job.bytes.size())
      .bind_blob(3, digest.data(), digest.size())
      .bind(4, to_ms(transaction.now + jobs::kLedgerAge))
      .run();
}

Result<jobs::Inserted> answer_ledger(const LedgerEntry& entry, const jobs::CheckedJob& checked,
                                     std::string_view what) {
  if (entry.digest != bytes_of(digest_of(checked))) {
    return Error(Errc::conflict, std::string(what) + " is known with another payload");
  }
  return jobs::Inserted{.id = entry.job, .outcome = Outcome::existing};
}

/// The id is taken by a job that is kept: the same submit again, or another one.
Result<jobs::Inserted> answer_existing_id(Transaction& transaction,
                                          const jobs::CheckedJob& checked) {
  auto query =
      transaction.database.query("SELECT payload, payload_blob, lane FROM job WHERE id = ?");
  const Uuid& id = checked.job.id;
  query.bind_blob(1, id.bytes.data(), id.bytes.size());
  if (!query.step()) return Error(Errc::internal, "a job vanished within its transaction");
  const bool same_payload = checked.payload_blob.empty()
                                ? query.text(0) == checked.job.payload.view()
                                : query.text(1) == checked.payload_blob;
  const Lane& lane = transaction.lanes.by_id(transaction.database, query.integer(2));
  if (!same_payload || lane.kind != checked.job.kind) {
    return Error(Errc::conflict, "the job's id is known with another payload");
  }
  return jobs::Inserted{.id = id, .outcome = Outcome::existing};
}

/// The job that holds the unique key by this submit's rule, if one does.
std::optional<Uuid> find_unique(Transaction& transaction, const std::string& row_key,
                                const jobs::UniqueRule& rule) {
  std::int64_t seq = 0;
  {
    auto query = transaction.database.query("SELECT seq FROM unique_key WHERE key = ?");
    query.bind(1, row_key);
    if (!query.step()) return std::nullopt;
    seq = query.integer(0);
  }
  const auto standing = load_job(transaction, seq);
  if (!standing || !rule.states.contains(standing->state)) return std::nullopt;
  if (rule.period.count() > 0 && standing->created_at + rule.period <= transaction.now) {
    return std::nullopt;
  }
  return standing->id;
}

}  // namespace

Result<jobs::Inserted> submit(Transaction& transaction, const jobs::CheckedJob& checked) {
  const jobs::NewJob& job = checked.job;
  Sha256 key{};
  if (!job.idempotency_key.empty()) {
    key = jobs::ledger_key(job.tenant, job.idempotency_key);
    if (const auto entry = find_ledger(transaction, bytes_of(key))) {
      return answer_ledger(*entry, checked, "the idempotency key");
    }
  }
  // Only ids as old as some that were pruned can stand in the ledger.
  if (to_ms(job.id.time()) <= transaction.pruned_id_ms()) {
    if (const auto entry = find_ledger(transaction, bytes_of(job.id))) {
      return answer_ledger(*entry, checked, "the job's id");
    }
  }
  std::string unique_key;
  if (!job.unique.key.empty()) {
    if (const auto known = find_seq(transaction, job.id)) {
      return answer_existing_id(transaction, checked);
    }
    unique_key = jobs::unique_row_key(job.tenant, job.unique.key);
    if (const auto standing = find_unique(transaction, unique_key, job.unique)) {
      // The answer stands for the key, also once the job that gave it has ended.
      if (!job.idempotency_key.empty()) {
        write_ledger(transaction, bytes_of(key), *standing, *checked.payload_digest);
      }
      return jobs::Inserted{.id = *standing, .outcome = Outcome::collapsed};
    }
  }

  const auto found_lane =
      transaction.lanes.id_of(transaction.database, job.queue, job.kind, job.version);
  if (!found_lane) return found_lane.error();
  const std::int64_t lane = *found_lane;
  const std::int64_t seq = transaction.next_seq();
  const Rare rare = Rare::of(job);
  const std::string rare_text = rare.write();
  {
    auto added = transaction.database.query(
        "INSERT INTO job (seq, id, lane, created_at, timeout, tenant, payload, payload_blob, rare)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING");
    added.bind(1, seq)
        .bind_blob(2, job.id.bytes.data(), job.id.bytes.size())
        .bind(3, lane)
        .bind(4, to_ms(transaction.now))
        .bind_or_null(5, job.timeout.count())
        .bind_or_null(6, job.tenant)
        .bind_or_null(7, checked.payload_blob.empty() ? job.payload.view() : std::string_view())
        .bind_or_null(8, checked.payload_blob)
        .bind_or_null(9, rare_text)
        .run();
    if (transaction.database.changes() == 0) return answer_existing_id(transaction, checked);
  }
  const TimePoint run_at = job.run_at.value_or(transaction.now) + job.delay;
  const jobs::Lifecycle life = jobs::machine::submit(job, run_at, transaction.now);
  const OpenRow row{.seq = seq, .lane = lane, .priority = job.priority};
  insert_open(transaction, row, life, {});
  transaction.count(lane, life.state, +1);
  if (life.state == JobState::scheduled) transaction.effects.look_again = true;
  if (!job.idempotency_key.empty()) {
    write_ledger(transaction, bytes_of(key), job.id, *checked.payload_digest);
  }
  if (!unique_key.empty()) {
    auto added = transaction.database.query("INSERT OR REPLACE INTO unique_key VALUES (?, ?)");
    added.bind(1, unique_key).bind(2, seq).run();
  }
  return jobs::Inserted{.id = job.id, .outcome = Outcome::created};
}

}  // namespace rwp::jobs_sqlite
