#include "jobs_postgres/verify.hpp"
#include <rwp/core/sha256.hpp>
#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <map>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using Of = Array::Of;
namespace finding = jobs::finding;

// Up to some bytes of payload, and one job more.
constexpr Statement kJobs{
    .name = "rwp_verify_jobs",
    .sql =
        "SELECT * FROM (SELECT p.*, sum(octet_length(coalesce(p.payload, ''))) OVER (ORDER BY p.id)"
        " - octet_length(coalesce(p.payload, '')) AS before FROM"
        " (SELECT j.id, j.tenant, j.payload, j.payload_blob, j.rare,"
        " EXISTS (SELECT FROM rwp.lane l WHERE l.id = j.lane) AS has_lane,"
        " (SELECT count(*) FROM (VALUES (0), (1), (2), (3)) AS p(priority) CROSS JOIN LATERAL"
        " (SELECT FROM rwp.ready r WHERE r.lane = j.lane AND r.priority = p.priority::smallint"
        " AND r.seq = j.seq OFFSET 0) r) + (SELECT count(*) FROM rwp.running r WHERE r.id = j.id)"
        " + (SELECT count(*) FROM rwp.waiting w WHERE w.id = j.id) AS open,"
        " (SELECT count(*) FROM rwp.ended e WHERE e.id = j.id) AS ended"
        " FROM rwp.job j WHERE j.id > $1::uuid ORDER BY j.id LIMIT $2::bigint) p) q"
        " WHERE before <= 16777216 ORDER BY id"};
constexpr Statement kEntries{
    .name = "rwp_verify_entries",
    .sql =
        "SELECT g.id, l.id, l.digest FROM unnest($1::uuid[], $2::bytea[]) AS g(id, key)"
        " LEFT JOIN rwp.ledger l ON l.key = g.key"};
// While a job's state is none that keeps others away, another may have taken its key, and may have
// been pruned with it since; so it may be when a job as young may have been pruned.
constexpr Statement kHolders{
    .name = "rwp_verify_holders",
    .sql =
        "SELECT g.id FROM unnest($2::uuid[], $3::text[], $4::integer[]) AS g(id, key, states)"
        " WHERE NOT EXISTS (SELECT FROM rwp.unique_key u WHERE u.key = ANY (ARRAY[g.key]))"
        " AND rwp.id_ms(g.id) > (SELECT pruned_id_ms FROM rwp.mark)"
        " AND rwp.id_ms(g.id) + 604800000 >= " RWP_PG_NOW
        " AND (g.states >> rwp.state_of(g.id)) & 1 = 1"};

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

/// What the page's jobs say that other tables hold of them.
struct Claims {
  Array with_keys{Of::uuids};
  Array keys{Of::bytes};
  std::map<Uuid, std::string> digests{};
  Array with_unique{Of::uuids};
  Array unique_keys{Of::texts};
  Array unique_states{Of::integers};
};

void judge_documents(VerifyStep& step, const Rows& rows, std::size_t i, Claims& claims) {
  const Uuid id = rows.uuid(i, 0);
  const std::string blob(rows.text(i, 3));
  if (!blob.empty()) {
    step.page.payload_blobs.push_back({.job_id = id, .key = blob});
  } else if (rows.is_null(i, 2)) {
    step.found(finding::document_corrupt, id, "the payload is gone");
  } else if (!JsonText::parse(std::string(rows.text(i, 2)))) {
    step.found(finding::document_corrupt, id, "the payload is no JSON");
  }
  if (rows.is_null(i, 4)) return;
  if (!JsonText::parse(std::string(rows.text(i, 4)))) {
    step.found(finding::document_corrupt, id, "tags and keys are no JSON");
    return;
  }
  const auto rare = jobs::StoredRare::read(rows.text(i, 4));
  const std::string tenant(rows.text(i, 1));
  if (!rare.idempotency_key.empty()) {
    claims.with_keys.add(id);
    claims.keys.add(bytes_of(jobs::ledger_key(tenant, rare.idempotency_key)));
    const Sha256 digest = blob.empty() ? sha256(rows.text(i, 2)) : jobs::digest_from_blob_key(blob);
    claims.digests[id] = std::string(bytes_of(digest));
  }
  if (!rare.unique_key.empty() && rows.integer(i, 6) > 0) {
    claims.with_unique.add(id);
    claims.unique_keys.add(std::string_view(jobs::unique_row_key(tenant, rare.unique_key)));
    claims.unique_states.add(int{rare.unique_states.bits()});
  }
}

void judge_job(VerifyStep& step, const Rows& rows, std::size_t i) {
  const Uuid id = rows.uuid(i, 0);
  ++step.page.jobs;
  ++step.page.rows;
  if (id.version() != 7) step.found(finding::state_invalid, id, "the job's id is none");
  if (!rows.boolean(i, 5)) {
    step.found(finding::state_invalid, id, "the job's queue and kind are gone");
  }
  const std::int64_t places = rows.integer(i, 6) + rows.integer(i, 7);
  if (places == 0) {
    step.found(finding::job_without_state, id,
               "the job stands in no state; nobody will run it, and nobody is told of it");
  } else if (places > 1) {
    step.found(finding::job_in_two_states, id,
               "the job stands in " + std::to_string(places) + " states at once");
  }
}

awaitable<Result<void>> judge_claims(VerifyStep* step, Claims* claims) {
  if (claims->with_keys.size() > 0) {
    Command question = command(kEntries);
    question.parameters.array(std::move(claims->with_keys)).array(std::move(claims->keys));
    const auto entries = co_await step->ask(std::move(question));
    if (!entries) co_return entries.error();
    for (std::size_t i = 0; i < entries->size(); ++i) {
      const Uuid id = entries->uuid(i, 0);
      if (entries->is_null(i, 1)) {
        step->found(finding::ledger_missing, id,
                    "the ledger has forgotten the job's idempotency key; the same submit would make"
                    " another job");
      } else if (entries->uuid(i, 1) != id) {
        step->found(finding::ledger_differs, id,
                    "the ledger names another job under the job's idempotency key");
      } else if (entries->text(i, 2) != claims->digests[id]) {
        step->found(
            finding::ledger_differs, id,
            "the job's payload is not the one that was submitted under its idempotency key");
      }
    }
  }
  if (claims->with_unique.size() > 0) {
    Command question = command(kHolders);
    question.parameters.big_integer(step->session->given_now())
        .array(std::move(claims->with_unique))
        .array(std::move(claims->unique_keys))
        .array(std::move(claims->unique_states));
    const auto missing = co_await step->ask(std::move(question));
    if (!missing) co_return missing.error();
    for (std::size_t i = 0; i < missing->size(); ++i) {
      step->found(finding::unique_missing, missing->uuid(i, 0),
                  "nobody holds the job's unique key; another of the same key could be made");
    }
  }
  co_return Result<void>();
}

}  // namespace

awaitable<Result<void>> verify_jobs(VerifyStep* step) {
  Command question = command(kJobs);
  question.parameters.uuid(id_of_position(step->position)).big_integer(step->limit);
  const auto rows = co_await step->ask(std::move(question));
  if (!rows) co_return rows.error();
  Claims claims;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    judge_job(*step, *rows, i);
    judge_documents(*step, *rows, i, claims);
  }
  if (rows->size() > 0) step->next = position_of(rows->uuid(rows->size() - 1, 0));
  co_return co_await judge_claims(step, &claims);
}

}  // namespace rwp::jobs_postgres
