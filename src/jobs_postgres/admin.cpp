#include "jobs_postgres/admin.hpp"

#include <rwp/jobs/checked_job.hpp>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using Of = Array::Of;

constexpr Statement kTakeUniqueKeys{
    .name = "rwp_take_unique_keys",
    .sql = "SELECT g.id, rwp.take_unique_key(g.id) FROM unnest($1::uuid[]) AS g(id)"};
constexpr Statement kPause{.name = "rwp_pause",
                           .sql =
                               "INSERT INTO rwp.queue AS q VALUES ($1::text, $2::boolean)"
                               " ON CONFLICT (name) DO UPDATE SET paused = excluded.paused"};

#define RWP_PG_DUE(row)          \
  row ".finished_at + CASE " row \
      ".state WHEN 4 THEN $3::bigint WHEN 5 THEN $4::bigint ELSE $5::bigint END <= clock.now"

// From the oldest on by their ids, which rise with time. What is removed is looked at before: an
// answer that was lost must not lose the keys of blobs.
constexpr Statement kDue{
    .name = "rwp_prune_due",
    .sql = "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW
           " AS now),"
           " walked AS MATERIALIZED (SELECT id, state, finished_at FROM rwp.ended"
           " WHERE id > $2::uuid ORDER BY id LIMIT 5000),"
           " due AS (SELECT w.id FROM walked w, clock WHERE " RWP_PG_DUE(
               "w") " ORDER BY w.id LIMIT $6::bigint)"
                    " SELECT d.id, j.payload_blob, NULL::uuid, 0::bigint"
                    " FROM due d JOIN rwp.job j ON j.id = ANY (ARRAY[d.id])"
                    " UNION ALL (SELECT NULL, NULL, w.id, (SELECT count(*) FROM walked)"
                    " FROM walked w ORDER BY w.id DESC LIMIT 1)"};
// What becomes of jobs that leave: their bodies go, their answers stand in the ledger for as long
// as their ids can be submitted again.
#define RWP_PG_LEAVE                                                                 \
  " bodies AS (DELETE FROM rwp.job j USING gone WHERE j.id = ANY (ARRAY[gone.id])"   \
  " RETURNING j.id, j.tenant, j.payload, j.payload_blob, j.rare),"                   \
  " kept AS (INSERT INTO rwp.ledger AS l SELECT uuid_send(b.id), b.id,"              \
  " CASE WHEN b.payload_blob IS NULL THEN sha256(convert_to(b.payload, 'UTF8'))"     \
  " ELSE decode(right(b.payload_blob, 64), 'hex') END,"                              \
  " rwp.id_ms(b.id) + 691200000"                                                     \
  " FROM bodies b, clock WHERE rwp.id_ms(b.id) + 604800000 >= clock.now"             \
  " ON CONFLICT (key) DO UPDATE SET digest = excluded.digest,"                       \
  " expires_at = excluded.expires_at RETURNING l.id),"                               \
  " marked AS (UPDATE rwp.mark SET pruned_id_ms = greatest(pruned_id_ms,"            \
  " (SELECT max(rwp.id_ms(k.id)) FROM kept k)) WHERE EXISTS (SELECT FROM kept)),"    \
  " freed AS (DELETE FROM rwp.unique_key u USING bodies b WHERE b.rare LIKE"         \
  " '%\"unique_key\":%' AND u.key = ANY (ARRAY[coalesce(b.tenant, '') || chr(31) ||" \
  " (b.rare::json ->> 'unique_key')]) AND u.id = b.id),"                             \
  " counted AS (INSERT INTO rwp.tally SELECT lane, state, -count(*) FROM gone"       \
  " GROUP BY lane, state)"

constexpr Statement kPrune{
    .name = "rwp_prune",
    .sql =
        "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW
        " AS now),"
        " gone AS (DELETE FROM rwp.ended e USING unnest($2::uuid[]) AS g(id), clock"
        " WHERE e.id = ANY (ARRAY[g.id]) AND " RWP_PG_DUE(
            "e") " RETURNING e.id, e.lane, e.state)," RWP_PG_LEAVE " SELECT count(*) FROM bodies"};
constexpr Statement kErase{
    .name = "rwp_erase",
    .sql = "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW
           " AS now),"
           " gone AS (DELETE FROM rwp.ended e USING unnest($2::uuid[]) AS g(id)"
           " WHERE e.id = ANY (ARRAY[g.id]) RETURNING e.id, e.lane, e.state)," RWP_PG_LEAVE
           " SELECT id, payload_blob FROM bodies"};
constexpr Statement kStillKept{.name = "rwp_prune_still_kept",
                               .sql = "SELECT id FROM rwp.job WHERE id = ANY ($1::uuid[])"};
// Entries outlive their jobs; those of jobs that are kept for long must not be looked at, and stand
// in the others' way, each time.
constexpr Statement kPostponeLedger{
    .name = "rwp_postpone_ledger",
    .sql = "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW
           " AS now),"
           " due AS MATERIALIZED (SELECT l.key, l.id FROM rwp.ledger l"
           " WHERE l.expires_at <= (SELECT now FROM clock) ORDER BY l.expires_at LIMIT $2::bigint)"
           " UPDATE rwp.ledger l SET expires_at = clock.now + 86400000 FROM due, clock"
           " WHERE l.key = ANY (ARRAY[due.key])"
           " AND EXISTS (SELECT FROM rwp.job j WHERE j.id = ANY (ARRAY[due.id]))"};
constexpr Statement kPruneLedger{
    .name = "rwp_prune_ledger",
    .sql = "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW
           " AS now),"
           " due AS MATERIALIZED (SELECT l.key, l.id FROM rwp.ledger l"
           " WHERE l.expires_at <= (SELECT now FROM clock) ORDER BY l.expires_at LIMIT $2::bigint)"
           " DELETE FROM rwp.ledger l USING due WHERE l.key = ANY (ARRAY[due.key])"
           " AND NOT EXISTS (SELECT FROM rwp.job j WHERE j.id = ANY (ARRAY[due.id]))"};
constexpr Statement kFoldTally{
    .name = "rwp_fold_tally",
    .sql =
        "WITH alone AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(1381453899) AS ok),"
        " gone AS (DELETE FROM rwp.tally WHERE (SELECT ok FROM alone)"
        " RETURNING lane, state, jobs)"
        " INSERT INTO rwp.tally SELECT lane, state, sum(jobs) FROM gone GROUP BY lane, state"
        " HAVING sum(jobs) <> 0"};

constexpr std::size_t kJobsPerPrune = 1'000;
constexpr std::int64_t kWalk = 5'000;

}  // namespace

Result<jobs::CancelOutcome> decide_cancel(const Uuid& id, StateRow* row, RowWriter& writer,
                                          bool in_doubt) {
  if (row == nullptr) return no_such_job(id);
  if (jobs::has_ended(row->life.state)) {
    // It may have been an earlier try of this very call that ended it.
    return in_doubt && row->life.state == JobState::cancelled ? jobs::CancelOutcome::cancelled
                                                              : jobs::CancelOutcome::already_ended;
  }
  const auto step = jobs::machine::cancel(row->life);
  if (step.changed) writer.apply(*row, step);
  row->life = step.next;
  return step.next.state == JobState::running ? jobs::CancelOutcome::requested
                                              : jobs::CancelOutcome::cancelled;
}

Result<JobState> decide_priority(const PriorityChange& change, StateRow* row, RowWriter& writer) {
  if (row == nullptr) return no_such_job(change.id);
  if (row->life.state == JobState::running || jobs::has_ended(row->life.state)) {
    return Error(Errc::conflict,
                 row->life.state == JobState::running ? "the job is running" : "the job has ended");
  }
  if (row->priority == change.priority) return row->life.state;
  StateRow moved = *row;
  moved.priority = change.priority;
  writer.move(std::move(moved), row->life, row->more);
  row->priority = change.priority;
  return row->life.state;
}

awaitable<Tried<Done<JobState>>> retry(std::shared_ptr<Session> session, Lease* lease,
                                       std::vector<const Uuid*> ids, bool /*in_doubt*/,
                                       SteadyTime deadline) {
  Tried<Done<JobState>> tried;
  std::vector<Uuid> wanted;
  wanted.reserve(ids.size());
  for (const Uuid* id : ids) wanted.push_back(*id);
  auto loaded = co_await begin_and_load(lease, std::move(wanted), session->given_now(), deadline);
  if (!loaded.made) {
    tried.failure = std::move(loaded.failure);
    co_return tried;
  }
  // Those that had ended take their unique keys back, if nobody else holds them.
  Array reopened(Of::uuids);
  for (const auto& [id, row] : loaded.made->rows) {
    if (jobs::has_ended(row.life.state) && jobs::machine::retry(row.life, loaded.made->now)) {
      reopened.add(id);
    }
  }
  std::unordered_map<Uuid, Uuid> taken;
  if (reopened.size() > 0) {
    std::vector<Command> commands(1, command(kTakeUniqueKeys));
    commands[0].parameters.array(std::move(reopened));
    auto answer = co_await lease->run(std::move(commands), deadline);
    if (!answer) {
      tried.failure = std::move(answer.failure);
      tried.failure->in_doubt = false;
      if (!tried.failure->lost) co_await roll_back(lease, deadline);
      co_return tried;
    }
    for (std::size_t i = 0; i < answer.rows[0].size(); ++i) {
      if (!answer.rows[0].is_null(i, 1)) {
        taken.emplace(answer.rows[0].uuid(i, 0), answer.rows[0].uuid(i, 1));
      }
    }
  }
  RowWriter writer(loaded.made->now);
  Done<JobState> done;
  for (const Uuid* id : ids) {
    const auto found = loaded.made->rows.find(*id);
    if (found == loaded.made->rows.end()) {
      done.answers.emplace_back(no_such_job(*id));
      continue;
    }
    StateRow& row = found->second;
    const auto step = jobs::machine::retry(row.life, loaded.made->now);
    if (!step) {
      done.answers.emplace_back(step.error());
      continue;
    }
    if (const auto holder = taken.find(*id); holder != taken.end()) {
      done.answers.emplace_back(Error(
          Errc::conflict, "job " + holder->second.to_string() + " holds the job's unique key"));
      continue;
    }
    done.answers.emplace_back(step->next.state);
    if (!step->changed) continue;
    writer.apply(row, *step);
    row.life = step->next;
  }
  tried.failure = co_await write_and_commit(lease, &writer, deadline);
  if (tried.failure) co_return tried;
  done.effects = writer.effects();
  tried.made = std::move(done);
  co_return tried;
}

awaitable<Result<void>> set_paused(std::shared_ptr<Session> session, std::string queue,
                                   bool paused) {
  std::vector<Command> commands(1, command(kPause));
  commands[0].parameters.text(std::move(queue)).boolean(paused);
  auto done = co_await session->run(std::move(commands));
  if (!done) co_return done.error();
  co_return Result<void>();
}

namespace {

using BlobsOfJobs = std::unordered_map<Uuid, std::string>;

Command still_kept(const BlobsOfJobs& blobs) {
  Array ids(Of::uuids);
  for (const auto& [id, blob] : blobs) ids.add(id);
  Command made = command(kStillKept);
  made.parameters.array(std::move(ids));
  return made;
}

/// Tells the blobs of those jobs that are gone, whoever removed them.
void tell_blobs(BlobsOfJobs blobs, const Rows& kept, jobs::Pruned& pruned) {
  for (std::size_t i = 0; i < kept.size(); ++i) blobs.erase(kept.uuid(i, 0));
  for (auto& [id, blob] : blobs) pruned.payload_blobs.push_back(std::move(blob));
}

/// Of a call that ended before it knew.
awaitable<Result<void>> settle_blobs(std::shared_ptr<Session> session, PruneState* state,
                                     jobs::Pruned* pruned) {
  BlobsOfJobs blobs = std::exchange(state->in_doubt, BlobsOfJobs());
  if (blobs.empty()) co_return Result<void>();
  std::vector<Command> commands;
  commands.push_back(still_kept(blobs));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) {
    state->in_doubt.merge(blobs);
    co_return rows.error();
  }
  tell_blobs(std::move(blobs), (*rows)[0], *pruned);
  co_return Result<void>();
}

void add_retention(Parameters& parameters, const jobs::Retention& retention) {
  parameters.big_integer(retention.succeeded.count())
      .big_integer(retention.failed.count())
      .big_integer(retention.cancelled.count());
}

/// One step of a walk through the ended jobs. Answers where it came to; nil: to the end.
awaitable<Result<Uuid>> prune_some(std::shared_ptr<Session> session, jobs::Retention retention,
                                   Uuid from, PruneState* state, jobs::Pruned* pruned) {
  std::vector<Command> looking(1, command(kDue));
  looking[0].parameters.big_integer(session->given_now()).uuid(from);
  add_retention(looking[0].parameters, retention);
  looking[0].parameters.big_integer(static_cast<std::int64_t>(retention.limit));
  auto looked = co_await session->run(std::move(looking));
  if (!looked) co_return looked.error();
  const Rows& due = (*looked)[0];
  Uuid reached{};
  Uuid last_due{};
  Array ids(Of::uuids);
  BlobsOfJobs blobs;
  for (std::size_t i = 0; i < due.size(); ++i) {
    if (due.is_null(i, 0)) {
      if (due.integer(i, 3) == kWalk) reached = due.uuid(i, 2);
      continue;
    }
    ids.add(due.uuid(i, 0));
    last_due = std::max(last_due, due.uuid(i, 0));
    if (!due.is_null(i, 1)) blobs.emplace(due.uuid(i, 0), due.text(i, 1));
  }
  // The limit came first: what follows has not been looked at.
  if (ids.size() == retention.limit) reached = last_due;
  if (ids.size() == 0) co_return reached;
  std::vector<Command> commands(1, command(kPrune));
  commands[0].parameters.big_integer(session->given_now()).array(std::move(ids));
  add_retention(commands[0].parameters, retention);
  if (!blobs.empty()) commands.push_back(still_kept(blobs));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) {
    state->in_doubt.merge(blobs);
    co_return rows.error();
  }
  pruned->jobs += static_cast<std::size_t>((*rows)[0].integer(0, 0));
  if (rows->size() > 1) tell_blobs(std::move(blobs), (*rows)[1], *pruned);
  co_return reached;
}

}  // namespace

awaitable<Result<jobs::Pruned>> prune(std::shared_ptr<Session> session, jobs::Retention retention,
                                      PruneState* state) {
  jobs::Pruned pruned;
  auto settled = co_await settle_blobs(session, state, &pruned);
  if (!settled) co_return settled.error();
  // What falls due is mostly the oldest; a second walk comes by everything in time.
  Uuid near{};
  for (Uuid* at : {&near, &state->position}) {
    while (pruned.jobs < retention.limit) {
      jobs::Retention some = retention;
      some.limit = std::min(kJobsPerPrune, retention.limit - pruned.jobs);
      const std::size_t before = pruned.jobs;
      auto reached = co_await prune_some(session, some, *at, state, &pruned);
      // What has been removed must be told: its blobs are the caller's to remove.
      if (!reached && pruned.jobs == 0 && pruned.payload_blobs.empty()) co_return reached.error();
      if (!reached) co_return pruned;
      *at = *reached;
      if (reached->is_nil() || pruned.jobs - before < some.limit) break;
    }
  }
  std::vector<Command> commands;
  for (const Statement* statement : {&kPostponeLedger, &kPruneLedger}) {
    commands.push_back(command(*statement));
    commands.back()
        .parameters.big_integer(session->given_now())
        .big_integer(static_cast<std::int64_t>(retention.limit));
  }
  auto done = co_await session->run(std::move(commands));
  if (done) pruned.ledger_entries = static_cast<std::size_t>((*done)[1].changed());
  co_return pruned;
}

awaitable<Result<std::vector<Result<jobs::Erased>>>> erase(std::shared_ptr<Session> session,
                                                           std::vector<Uuid> ids) {
  Array wanted(Of::uuids);
  Array again(Of::uuids);
  for (const Uuid& id : ids) {
    wanted.add(id);
    again.add(id);
  }
  std::vector<Command> commands(1, command(kErase));
  commands[0].parameters.big_integer(session->given_now()).array(std::move(wanted));
  // Behind it, in the same transaction: what stands yet has not ended.
  commands.push_back(command(kStillKept));
  commands[1].parameters.array(std::move(again));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  std::unordered_map<Uuid, std::string> erased;
  const Rows& gone = (*rows)[0];
  for (std::size_t i = 0; i < gone.size(); ++i) {
    erased.emplace(gone.uuid(i, 0),
                   std::string(gone.is_null(i, 1) ? std::string_view() : gone.text(i, 1)));
  }
  std::unordered_set<Uuid> open;
  for (std::size_t i = 0; i < (*rows)[1].size(); ++i) open.insert((*rows)[1].uuid(i, 0));
  std::vector<Result<jobs::Erased>> answers;
  answers.reserve(ids.size());
  for (const Uuid& id : ids) {
    if (const auto found = erased.find(id); found != erased.end()) {
      answers.emplace_back(jobs::Erased{.payload_blob = found->second});
    } else if (open.contains(id)) {
      answers.emplace_back(Error(Errc::conflict, "job " + id.to_string() + " has not ended"));
    } else {
      answers.emplace_back(no_such_job(id));
    }
  }
  co_return answers;
}

awaitable<Result<void>> fold_tally(std::shared_ptr<Session> session) {
  std::vector<Command> commands(1, command(kFoldTally));
  auto done = co_await session->run(std::move(commands));
  if (!done) co_return done.error();
  co_return Result<void>();
}

}  // namespace rwp::jobs_postgres
