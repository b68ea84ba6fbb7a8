#include "jobs_sqlite/rows.hpp"
#include "jobs_sqlite/submit.hpp"
#include "jobs_sqlite/verify.hpp"
#include <rwp/core/json_text.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace rwp::jobs_sqlite {
namespace {

namespace finding = jobs::finding;

/// Payloads that one page reads at most; a little more, for the last.
constexpr std::size_t kMostPageBytes = std::size_t{16} << 20U;

struct JobRow {
  std::int64_t seq = 0;
  Uuid id{};
  std::string tenant{};
  std::string payload{};
  std::string payload_blob{};
  std::string rare{};
  bool has_payload = false;
  /// In how many of the tables of states it stands.
  std::int64_t places = 0;
  /// While it is open.
  std::optional<JobState> state{};
};

std::string hex_of_blob_key(const std::string& key) {
  const auto slash = key.rfind('/');
  return slash == std::string::npos ? key : key.substr(slash + 1);
}

/// Of the payload as it was submitted.
std::string payload_digest(const JobRow& job) {
  return job.payload_blob.empty() ? to_hex(sha256(job.payload)) : hex_of_blob_key(job.payload_blob);
}

void verify_idempotency(VerifyStep& step, const JobRow& job, const Rare& rare) {
  const Sha256 key = ledger_key(job.tenant, rare.idempotency_key);
  auto query = step.transaction.database.query("SELECT job_id, digest FROM ledger WHERE key = ?");
  query.bind_blob(1, key.data(), key.size());
  if (!query.step()) {
    step.found(finding::ledger_missing, job.id,
               "the ledger has forgotten the job's idempotency key; the same submit would make "
               "another job");
    return;
  }
  if (read_uuid(query.blob(0)) != job.id) {
    step.found(finding::ledger_differs, job.id,
               "the ledger names another job under the job's idempotency key");
  } else if (hex_of(query.blob(1)) != payload_digest(job)) {
    step.found(finding::ledger_differs, job.id,
               "the job's payload is not the one that was submitted under its idempotency key");
  }
}

/// While its state is none that keeps others away, another may have taken the key, and may have
/// been pruned with it since; so it may be when a job as young may have been pruned.
void verify_unique(VerifyStep& step, const JobRow& job, const Rare& rare) {
  if (!job.state || !rare.unique_states.contains(*job.state)) return;
  if (to_ms(job.id.time()) <= step.transaction.pruned_id_ms() ||
      job.id.time() + jobs::kLedgerAge < step.transaction.now) {
    return;
  }
  const std::string key = unique_row_key(job.tenant, rare.unique_key);
  auto query = step.transaction.database.query("SELECT 1 FROM unique_key WHERE key = ?");
  query.bind(1, key);
  if (query.step()) return;
  step.found(finding::unique_missing, job.id,
             "nobody holds the job's unique key; another of the same key could be made");
}

void verify_documents(VerifyStep& step, const JobRow& job) {
  if (!job.payload_blob.empty()) {
    step.page.payload_blobs.push_back({.job_id = job.id, .key = job.payload_blob});
  } else if (!job.has_payload) {
    step.found(finding::document_corrupt, job.id, "the payload is gone");
  } else if (const auto payload = JsonText::parse(job.payload); !payload) {
    step.found(finding::document_corrupt, job.id, "the payload is no JSON");
  }
  if (job.rare.empty()) return;
  if (const auto rare = JsonText::parse(job.rare); !rare) {
    step.found(finding::document_corrupt, job.id, "tags and keys are no JSON");
    return;
  }
  const Rare rare = Rare::read(job.rare);
  if (!rare.idempotency_key.empty()) verify_idempotency(step, job, rare);
  if (!rare.unique_key.empty()) verify_unique(step, job, rare);
}

void verify_job(VerifyStep& step, const JobRow& job, bool has_lane) {
  ++step.page.jobs;
  ++step.page.rows;
  if (job.id.version() != 7) {
    step.found(finding::state_invalid, job.id, "the job's id is none");
  }
  if (!has_lane) step.found(finding::state_invalid, job.id, "the job's queue and kind are gone");
  if (job.places == 0) {
    step.found(finding::job_without_state, job.id,
               "the job stands in no state; nobody will run it, and nobody is told of it");
  } else if (job.places > 1) {
    step.found(finding::job_in_two_states, job.id,
               "the job stands in " + std::to_string(job.places) + " states at once");
  }
  verify_documents(step, job);
}

}  // namespace

void verify_jobs(VerifyStep& step) {
  std::int64_t from = 0;
  std::from_chars(step.position.data(), step.position.data() + step.position.size(), from);
  std::int64_t last_of_all = 0;
  {
    auto query = step.transaction.database.query("SELECT coalesce(max(seq), 0) FROM job");
    if (query.step()) last_of_all = query.integer(0);
  }
  // A ready row is looked for by lane and priority first, as its table is ordered.
  auto query = step.transaction.database.query(
      "SELECT job.seq, job.id, job.tenant, job.payload, job.payload_blob, job.rare, lane.id,"
      " (SELECT count(*) FROM ready WHERE ready.lane = job.lane"
      "  AND ready.priority IN (0, 1, 2, 3) AND ready.seq = job.seq)"
      " + (running.seq IS NOT NULL) + (waiting.seq IS NOT NULL),"
      " ended.seq IS NOT NULL,"
      " CASE WHEN running.seq IS NOT NULL THEN 2 ELSE coalesce(waiting.state, 1) END"
      " FROM job LEFT JOIN lane ON lane.id = job.lane"
      " LEFT JOIN running ON running.seq = job.seq"
      " LEFT JOIN waiting ON waiting.seq = job.seq"
      " LEFT JOIN ended ON ended.seq = job.seq"
      " WHERE job.seq > ?1 ORDER BY job.seq LIMIT ?2");
  query.bind(1, from).bind(2, step.limit);
  std::size_t rows = 0;
  std::size_t bytes = 0;
  while (bytes <= kMostPageBytes && query.step()) {
    JobRow job{.seq = query.integer(0),
               .id = read_uuid(query.blob(1)),
               .tenant = std::string(query.text(2)),
               .payload = std::string(query.text(3)),
               .payload_blob = std::string(query.text(4)),
               .rare = std::string(query.text(5)),
               .has_payload = !query.is_null(3)};
    const auto state = query.integer(9);
    if (query.integer(7) > 0 && state >= 0 &&
        state < static_cast<std::int64_t>(jobs::kJobStateCount)) {
      job.state = static_cast<JobState>(state);
    }
    job.places = query.integer(7) + query.integer(8);
    bytes += job.payload.size() + job.rare.size();
    ++rows;
    from = job.seq;
    verify_job(step, job, !query.is_null(6));
  }
  if (rows == step.limit || bytes > kMostPageBytes) step.next = std::to_string(from);
  if (!step.next.empty() && last_of_all > 0) {
    step.share = static_cast<double>(from) / static_cast<double>(last_of_all);
  }
}

}  // namespace rwp::jobs_sqlite
