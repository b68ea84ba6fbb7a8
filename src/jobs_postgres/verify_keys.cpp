#include "jobs_postgres/verify.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/job.hpp>
#include <rwp/jobs/stored_text.hpp>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
namespace finding = jobs::finding;

constexpr std::size_t kUuidBytes = 16;
constexpr std::size_t kDigestBytes = 32;

constexpr Statement kUniqueKeys{
    .name = "rwp_verify_unique_keys",
    .sql =
        "SELECT u.key, u.id, j.id IS NOT NULL, j.tenant, j.rare FROM rwp.unique_key u"
        " LEFT JOIN rwp.job j ON j.id = u.id WHERE u.key > $1::text"
        " ORDER BY u.key LIMIT $2::bigint"};
constexpr Statement kLedger{
    .name = "rwp_verify_ledger",
    .sql =
        "SELECT l.key, l.id, l.digest, j.id IS NOT NULL, rwp.id_ms(l.id) >"
        " coalesce((SELECT pruned_id_ms FROM rwp.mark), 0) FROM rwp.ledger l"
        " LEFT JOIN rwp.job j ON j.id = l.id WHERE l.key > $1::bytea"
        " ORDER BY l.key LIMIT $2::bigint"};
// Of one snapshot: what is there, less what is told.
constexpr Statement kCounts{
    .name = "rwp_verify_counts",
    .sql =
        "SELECT c.lane, c.state, sum(c.told)::bigint, sum(c.there)::bigint, l.queue, l.kind FROM"
        " (SELECT lane, state, jobs AS told, 0 AS there FROM rwp.tally"
        " UNION ALL SELECT lane, 1, 0, count(*) FROM rwp.ready GROUP BY lane"
        " UNION ALL SELECT lane, 2, 0, count(*) FROM rwp.running GROUP BY lane"
        " UNION ALL SELECT lane, state, 0, count(*) FROM rwp.waiting GROUP BY lane, state"
        " UNION ALL SELECT lane, state, 0, count(*) FROM rwp.ended GROUP BY lane, state) c"
        " LEFT JOIN rwp.lane l ON l.id = c.lane GROUP BY c.lane, c.state, l.queue, l.kind"};
constexpr Statement kSequence{
    .name = "rwp_verify_sequence",
    .sql =
        "SELECT coalesce(pg_sequence_last_value('rwp.job_seq'), 0)::bigint,"
        " (SELECT coalesce(max(seq), 0) FROM rwp.job)::bigint"};
constexpr Statement kAccounts{
    .name = "rwp_verify_accounts",
    .sql =
        "SELECT r.account, a.settled, sum(r.amount)::bigint FROM rwp.reservation r"
        " LEFT JOIN rwp.account a ON a.name = r.account WHERE r.is_settled"
        " GROUP BY r.account, a.settled"};
constexpr Statement kNegative{
    .name = "rwp_verify_negative",
    .sql =
        "SELECT count(*) FROM rwp.usage WHERE input_tokens < 0 OR output_tokens < 0"
        " OR calls < 1 OR saved_micro_usd < 0 OR source NOT BETWEEN 0 AND 3"
        " OR micro_usd < 0"};

void judge_entry(VerifyStep& step, const Rows& rows, std::size_t i) {
  const std::string_view key = rows.text(i, 0);
  const Uuid id = rows.uuid(i, 1);
  const bool names_pruned_job = key.size() == kUuidBytes;
  const bool well_formed = (names_pruned_job || key.size() == kDigestBytes) &&
                           rows.text(i, 2).size() == kDigestBytes && id.version() == 7;
  if (!well_formed || (names_pruned_job && hex_of(key) != position_of(id))) {
    step.found(finding::ledger_malformed, id, "a ledger entry is no longer what was written");
    return;
  }
  if (!names_pruned_job) return;
  if (rows.boolean(i, 3)) {
    step.found(finding::ledger_differs, id, "the ledger says that the job was removed");
  } else if (rows.boolean(i, 4)) {
    step.found(finding::ledger_missing, id,
               "the ledger is not asked for ids as young as that of this removed job; the same"
               " submit would run again");
  }
}

std::string name_of_state(std::int64_t state) {
  if (state < 0 || state >= static_cast<std::int64_t>(jobs::kJobStateCount)) {
    return "in the unknown state " + std::to_string(state);
  }
  return std::string(enum_name(static_cast<JobState>(state)));
}

}  // namespace

awaitable<Result<void>> verify_unique_keys(VerifyStep* step) {
  Command question = command(kUniqueKeys);
  question.parameters.text(from_hex(step->position)).big_integer(step->limit);
  const auto rows = co_await step->ask(std::move(question));
  if (!rows) co_return rows.error();
  for (std::size_t i = 0; i < rows->size(); ++i) {
    ++step->page.rows;
    const Uuid id = rows->uuid(i, 1);
    if (!rows->boolean(i, 2)) {
      step->found(finding::unique_stray, id, "a unique key is held by a job that is gone");
      continue;
    }
    const auto rare = JsonText::parse(std::string(rows->text(i, 4)));
    if (!rare && !rows->is_null(i, 4)) continue;  // Told as the job's.
    const std::string own = jobs::StoredRare::read(rows->text(i, 4)).unique_key;
    if (jobs::unique_row_key(std::string(rows->text(i, 3)), own) != rows->text(i, 0)) {
      step->found(finding::unique_stray, id, "holds a unique key that is not the job's");
    }
  }
  if (static_cast<std::int64_t>(rows->size()) == step->limit) {
    step->next = hex_of(rows->text(rows->size() - 1, 0));
  }
  co_return Result<void>();
}

awaitable<Result<void>> verify_ledger(VerifyStep* step) {
  Command question = command(kLedger);
  question.parameters.text(from_hex(step->position)).big_integer(step->limit);
  const auto rows = co_await step->ask(std::move(question));
  if (!rows) co_return rows.error();
  for (std::size_t i = 0; i < rows->size(); ++i) {
    ++step->page.rows;
    judge_entry(*step, *rows, i);
  }
  if (static_cast<std::int64_t>(rows->size()) == step->limit) {
    step->next = hex_of(rows->text(rows->size() - 1, 0));
  }
  co_return Result<void>();
}

awaitable<Result<void>> verify_counts(VerifyStep* step) {
  Command counts_question = command(kCounts);
  const auto rows = co_await step->ask(std::move(counts_question));
  if (!rows) co_return rows.error();
  for (std::size_t i = 0; i < rows->size(); ++i) {
    ++step->page.rows;
    if (rows->integer(i, 2) == rows->integer(i, 3)) continue;
    const std::string lane = rows->is_null(i, 4)
                                 ? "lane " + std::to_string(rows->integer(i, 0)) + ", which is gone"
                                 : "queue '" + std::string(rows->text(i, 4)) + "', kind '" +
                                       std::string(rows->text(i, 5)) + "'";
    step->found(finding::counts_differ, Uuid(),
                lane + ": " + std::to_string(rows->integer(i, 2)) + " are counted as " +
                    name_of_state(rows->integer(i, 1)) + ", there are " +
                    std::to_string(rows->integer(i, 3)));
  }
  Command sequence_question = command(kSequence);
  const auto sequence = co_await step->ask(std::move(sequence_question));
  if (!sequence) co_return sequence.error();
  if (sequence->integer(0, 0) < sequence->integer(0, 1)) {
    step->found(finding::sequence_behind, Uuid(),
                "the last job's number is said to be " + std::to_string(sequence->integer(0, 0)) +
                    ", and " + std::to_string(sequence->integer(0, 1)) + " is taken");
  }
  co_return Result<void>();
}

awaitable<Result<void>> verify_usage(VerifyStep* step) {
  Command accounts_question = command(kAccounts);
  const auto accounts = co_await step->ask(std::move(accounts_question));
  if (!accounts) co_return accounts.error();
  for (std::size_t i = 0; i < accounts->size(); ++i) {
    ++step->page.rows;
    if (!accounts->is_null(i, 1) && accounts->integer(i, 1) >= accounts->integer(i, 2)) continue;
    step->found(finding::usage_differs, Uuid(),
                "account '" + std::string(accounts->text(i, 0)) + "' holds " +
                    std::to_string(accounts->integer(i, 1)) + " µ$, and " +
                    std::to_string(accounts->integer(i, 2)) + " were settled on it");
  }
  Command negative_question = command(kNegative);
  const auto negative = co_await step->ask(std::move(negative_question));
  if (!negative) co_return negative.error();
  if (negative->integer(0, 0) > 0) {
    step->found(finding::usage_differs, Uuid(),
                std::to_string(negative->integer(0, 0)) + " calls with negative tokens or cost");
  }
  co_return Result<void>();
}

}  // namespace rwp::jobs_postgres
