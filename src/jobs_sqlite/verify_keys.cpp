#include "jobs_sqlite/rows.hpp"
#include "jobs_sqlite/submit.hpp"
#include "jobs_sqlite/verify.hpp"
#include <rwp/core/json_text.hpp>

#include <optional>

namespace rwp::jobs_sqlite {
namespace {

namespace finding = jobs::finding;

constexpr std::size_t kUuidBytes = 16;
constexpr std::size_t kDigestBytes = 32;

int digit_of(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/// Positions are keys, which may be any bytes.
std::string from_hex_text(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    if (text[i] < '0' || text[i + 1] < '0') return {};
    bytes += static_cast<char>(digit_of(text[i]) * 16 + digit_of(text[i + 1]));
  }
  return bytes;
}

void judge_unique(VerifyStep& step, const std::string& key, net_sqlite::Query& query) {
  const Uuid id = read_uuid(query.blob(1));
  if (query.is_null(1)) {
    step.found(finding::unique_stray, Uuid(), "a unique key is held by a job that is gone");
    return;
  }
  const auto rare = JsonText::parse(std::string(query.text(3)));
  if (!rare && !query.is_null(3)) return;  // Told as the job's.
  const std::string own = Rare::read(query.text(3)).unique_key;
  if (unique_row_key(std::string(query.text(2)), own) != key) {
    step.found(finding::unique_stray, id, "holds a unique key that is not the job's");
  }
}

struct Entry {
  std::string key{};
  std::string job_id{};
  std::string digest{};
  bool job_is_kept = false;
};

void judge_entry(VerifyStep& step, const Entry& entry, std::int64_t pruned_id_ms) {
  const bool names_pruned_job = entry.key.size() == kUuidBytes;
  const bool well_formed = (names_pruned_job || entry.key.size() == kDigestBytes) &&
                           entry.job_id.size() == kUuidBytes && entry.digest.size() == kDigestBytes;
  const Uuid id = read_uuid(entry.job_id);
  if (!well_formed || (names_pruned_job && entry.key != entry.job_id) || id.version() != 7) {
    step.found(finding::ledger_malformed, id, "a ledger entry is no longer what was written");
    return;
  }
  if (!names_pruned_job) return;
  if (entry.job_is_kept) {
    step.found(finding::ledger_differs, id, "the ledger says that the job was removed");
  } else if (to_ms(id.time()) > pruned_id_ms) {
    step.found(finding::ledger_missing, id,
               "the ledger is not asked for ids as young as that of this removed job; the same "
               "submit would run again");
  }
}

}  // namespace

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

void verify_unique_keys(VerifyStep& step) {
  const std::string from = from_hex_text(step.position);
  auto query = step.transaction.database.query(
      "SELECT unique_key.key, job.id, job.tenant, job.rare FROM unique_key"
      " LEFT JOIN job ON job.seq = unique_key.seq WHERE unique_key.key > ?1"
      " ORDER BY unique_key.key LIMIT ?2");
  query.bind(1, from).bind(2, step.limit);
  std::size_t rows = 0;
  std::string key;
  while (query.step()) {
    key = std::string(query.text(0));
    ++rows;
    judge_unique(step, key, query);
  }
  step.page.rows += rows;
  if (rows == step.limit) step.next = hex_of(key);
  if (!step.next.empty()) step.share = 0.5;  // Keys have no order that would tell.
}

void verify_ledger(VerifyStep& step) {
  const std::string from = from_hex_text(step.position);
  std::int64_t pruned_id_ms = 0;
  {
    auto query = step.transaction.database.query("SELECT pruned_id_ms FROM meta");
    if (query.step()) pruned_id_ms = query.integer(0);
  }
  auto query = step.transaction.database.query(
      "SELECT ledger.key, ledger.job_id, ledger.digest, job.seq FROM ledger"
      " LEFT JOIN job ON job.id = ledger.job_id WHERE ledger.key > ?1"
      " ORDER BY ledger.key LIMIT ?2");
  query.bind_blob(1, from.data(), from.size()).bind(2, step.limit);
  std::size_t rows = 0;
  Entry entry;
  while (query.step()) {
    entry.key = std::string(query.blob(0));
    entry.job_id = std::string(query.blob(1));
    entry.digest = std::string(query.blob(2));
    entry.job_is_kept = !query.is_null(3);
    ++rows;
    judge_entry(step, entry, pruned_id_ms);
  }
  step.page.rows += rows;
  if (rows < step.limit) return;
  step.next = hex_of(entry.key);
  // Digests are spread evenly.
  step.share = static_cast<double>(static_cast<unsigned char>(entry.key.front())) / 256.0;
}

}  // namespace rwp::jobs_sqlite
