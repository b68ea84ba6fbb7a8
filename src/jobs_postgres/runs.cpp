#include "jobs_postgres/runs.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using jobs::LeaseState;
using jobs::RunRef;
using Of = Array::Of;

// A heartbeat that a crash of the server undoes is followed by another.
constexpr Statement kLazily{.name = "rwp_lazily",
                            .sql = "SELECT set_config('synchronous_commit', 'off', true)"};
// A run that a user completes in a transaction that is still open is left out, and told as held:
// the other runs' heartbeats must not wait for him.
constexpr Statement kExtend{
    .name = "rwp_extend",
    .sql =
        "WITH clock AS MATERIALIZED (SELECT coalesce($2::bigint, " RWP_PG_NOW
        ") AS beat),"
        " given AS MATERIALIZED (SELECT * FROM unnest($3::uuid[], $4::bigint[], $5::integer[])"
        " AS g(id, token, lease_ms)),"
        " free AS MATERIALIZED (SELECT r.id, g.lease_ms FROM given g JOIN rwp.running r"
        " ON r.id = ANY (ARRAY[g.id]) AND r.token = g.token WHERE r.holder "
        "<> " RWP_PG_DISPATCH_HOLDER
        " FOR NO KEY UPDATE OF r SKIP LOCKED),"
        " extended AS (UPDATE rwp.running r SET lease_ms = f.lease_ms,"
        " lease_until = clock.beat + f.lease_ms FROM free f, clock WHERE r.id = ANY (ARRAY[f.id]))"
        " SELECT r.id, r.token, r.flags FROM given g JOIN rwp.running r"
        " ON r.id = ANY (ARRAY[g.id]) AND r.token = g.token"};
constexpr Statement kStart{
    .name = "rwp_start",
    .sql =
        "UPDATE rwp.running r SET flags = r.flags | 2::smallint"
        " FROM unnest($1::uuid[], $2::bigint[]) AS g(id, token)"
        " WHERE r.id = ANY (ARRAY[g.id]) AND r.token = g.token RETURNING r.id, r.token, r.flags"};
constexpr Statement kLookAtRuns{.name = "rwp_look_at_runs",
                                .sql =
                                    "SELECT r.id, r.token, r.flags, r.more FROM rwp.running r"
                                    " WHERE r.id = ANY ($1::uuid[]) ORDER BY r.id FOR UPDATE"};
constexpr Statement kWriteMore{
    .name = "rwp_write_more",
    .sql =
        "UPDATE rwp.running r SET more = g.more FROM unnest($1::uuid[], $2::text[])"
        " AS g(id, more) WHERE r.id = ANY (ARRAY[g.id])"};
constexpr Statement kKept{.name = "rwp_kept",
                          .sql = "SELECT id FROM rwp.job WHERE id = ANY ($1::uuid[])"};
constexpr Statement kRescueClock{
    .name = "rwp_rescue_clock",
    .sql = "SELECT " RWP_PG_NOW ", coalesce($2::bigint, " RWP_PG_NOW
           "),"
           " CASE WHEN $1::bigint IS NULL THEN"
           " (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint ELSE 0 END"};
// What a claim took whose answer nobody has read: no handler has begun.
constexpr Statement kDisown{.name = "rwp_disown",
                            .sql =
                                "UPDATE rwp.running SET lease_until = 0, flags = flags & ~2"
                                " WHERE holder = $1::bigint AND claim = ANY ($2::bigint[])"
                                " AND lease_until <> 0"};
constexpr Statement kLost{
    .name = "rwp_lost",
    .sql =
        "SELECT id, lease_until FROM rwp.running WHERE (lease_until = 0"
        " OR (lease_until <= $1::bigint AND $2::bigint + lease_ms <= $1::bigint))"
        // What the dispatch hands out again, and the leader has not put right yet.
        " AND (holder <> 0 OR NOT " RWP_PG_DISPATCHES
        ")"
        " LIMIT $3::bigint FOR UPDATE SKIP LOCKED"};
constexpr Statement kLapsedParks{
    .name = "rwp_lapsed_parks",
    .sql =
        "SELECT id FROM rwp.waiting WHERE state = 3 AND run_at <= $1::bigint"
        " ORDER BY run_at LIMIT $2::bigint"};
constexpr Statement kRelease{
    .name = "rwp_release",
    .sql = "UPDATE rwp.running SET lease_until = 0 WHERE holder = $1::bigint"};

struct Held {
  std::uint64_t token = 0;
  LeaseState state{};
};

/// Answers runs by what the server says it holds; the others are stale, or their jobs are gone.
template <class Item>
awaitable<Tried<Done<LeaseState>>> answer_held(Lease* lease, std::vector<const Item*> items,
                                               const RunRef& (*run_of)(const Item&),
                                               std::unordered_map<Uuid, Held> held,
                                               SteadyTime deadline) {
  Tried<Done<LeaseState>> tried;
  Array missing(Of::uuids);
  for (const Item* item : items) {
    const auto found = held.find(run_of(*item).id);
    if (found == held.end() || found->second.token != run_of(*item).token) {
      missing.add(run_of(*item).id);
    }
  }
  std::unordered_map<Uuid, bool> kept;
  if (missing.size() > 0) {
    std::vector<Command> commands(1, command(kKept));
    commands[0].parameters.array(std::move(missing));
    auto answer = co_await lease->run(std::move(commands), deadline);
    if (!answer) {
      tried.failure = std::move(answer.failure);
      co_return tried;
    }
    for (std::size_t i = 0; i < answer.rows[0].size(); ++i) {
      kept.emplace(answer.rows[0].uuid(i, 0), true);
    }
  }
  Done<LeaseState> done;
  done.answers.reserve(items.size());
  for (const Item* item : items) {
    const RunRef& run = run_of(*item);
    const auto found = held.find(run.id);
    if (found != held.end() && found->second.token == run.token) {
      done.answers.emplace_back(found->second.state);
    } else {
      done.answers.emplace_back(kept.contains(run.id) ? stale_run() : no_such_job(run.id));
    }
  }
  tried.made = std::move(done);
  co_return tried;
}

std::unordered_map<Uuid, Held> read_held(const Rows& rows) {
  std::unordered_map<Uuid, Held> held;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    held[rows.uuid(i, 0)] = Held{.token = static_cast<std::uint64_t>(rows.integer(i, 1)),
                                 .state = {.cancel_requested = (rows.integer(i, 2) & 1) != 0}};
  }
  return held;
}

const RunRef& run_of_beat(const Heartbeat& beat) { return beat.run; }
const RunRef& run_of_run(const RunRef& run) { return run; }
const RunRef& run_of_update(const jobs::ProgressUpdate& update) { return update.run; }

}  // namespace

awaitable<Tried<Done<LeaseState>>> extend(std::shared_ptr<Session> session, Lease* lease,
                                          std::vector<const Heartbeat*> beats,
                                          SteadyTime deadline) {
  Array ids(Of::uuids);
  Array tokens(Of::big_integers);
  Array leases(Of::integers);
  for (const Heartbeat* beat : beats) {
    ids.add(beat->run.id);
    tokens.add(static_cast<std::int64_t>(beat->run.token));
    leases.add(beat->lease.count());
  }
  std::vector<Command> commands;
  commands.push_back(command(kLazily));
  commands.push_back(command(kExtend));
  commands.back()
      .parameters.big_integer(session->given_now())
      .big_integer(session->given_beat())
      .array(std::move(ids))
      .array(std::move(tokens))
      .array(std::move(leases));
  auto answer = co_await lease->run(std::move(commands), deadline);
  if (!answer) {
    Tried<Done<LeaseState>> tried;
    tried.failure = std::move(answer.failure);
    co_return tried;
  }
  auto held = read_held(answer.rows[1]);
  co_return co_await answer_held(lease, std::move(beats), &run_of_beat, std::move(held), deadline);
}

awaitable<Tried<Done<LeaseState>>> mark_started(std::shared_ptr<Session> /*session*/, Lease* lease,
                                                std::vector<const RunRef*> runs,
                                                SteadyTime deadline) {
  Array ids(Of::uuids);
  Array tokens(Of::big_integers);
  for (const RunRef* run : runs) {
    ids.add(run->id);
    tokens.add(static_cast<std::int64_t>(run->token));
  }
  std::vector<Command> commands;
  commands.push_back(command(kLazily));
  commands.push_back(command(kStart));
  commands.back().parameters.array(std::move(ids)).array(std::move(tokens));
  auto answer = co_await lease->run(std::move(commands), deadline);
  if (!answer) {
    Tried<Done<LeaseState>> tried;
    tried.failure = std::move(answer.failure);
    co_return tried;
  }
  auto held = read_held(answer.rows[1]);
  co_return co_await answer_held(lease, std::move(runs), &run_of_run, std::move(held), deadline);
}

awaitable<Tried<Done<LeaseState>>> progress(std::shared_ptr<Session> /*session*/, Lease* lease,
                                            std::vector<const jobs::ProgressUpdate*> updates,
                                            SteadyTime deadline) {
  Tried<Done<LeaseState>> tried;
  Array ids(Of::uuids);
  bool saves = false;
  for (const auto* update : updates) {
    ids.add(update->run.id);
    saves = saves || update->cursor.has_value();
  }
  std::vector<Command> looking;
  looking.push_back(command(kBegin));
  if (!saves) looking.push_back(command(kLazily));
  looking.push_back(command(kLookAtRuns));
  looking.back().parameters.array(std::move(ids));
  auto looked = co_await lease->run(std::move(looking), deadline);
  if (!looked) {
    if (!looked.failure->lost) co_await roll_back(lease, deadline);
    tried.failure = std::move(looked.failure);
    co_return tried;
  }
  const Rows& rows = looked.rows.back();
  auto held = read_held(rows);
  std::unordered_map<Uuid, jobs::StoredMore> more;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    more.emplace(rows.uuid(i, 0), jobs::StoredMore::read(rows.text(i, 3)));
  }
  std::unordered_map<Uuid, bool> written;
  for (const auto* update : updates) {
    const auto found = held.find(update->run.id);
    if (found == held.end() || found->second.token != update->run.token) continue;
    jobs::StoredMore& kept = more[update->run.id];
    if (update->progress) kept.progress = *update->progress;
    if (update->note) kept.note = *update->note;
    if (update->cursor) kept.cursor = *update->cursor;
    written[update->run.id] = true;
  }
  Array changed(Of::uuids);
  Array texts(Of::texts);
  for (const auto& [id, is_written] : written) {
    changed.add(id);
    texts.add_or_null(std::string_view(more[id].write()));
  }
  std::vector<Command> writing;
  writing.push_back(command(kWriteMore));
  writing.back().parameters.array(std::move(changed)).array(std::move(texts));
  writing.push_back(command(kCommit));
  auto wrote = co_await lease->run(std::move(writing), deadline);
  if (!wrote) {
    if (!wrote.failure->lost) co_await roll_back(lease, deadline);
    tried.failure = std::move(wrote.failure);
    co_return tried;
  }
  co_return co_await answer_held(lease, std::move(updates), &run_of_update, std::move(held),
                                 deadline);
}

Result<JobState> decide_unpark(const jobs::UnparkRequest& request, StateRow* row,
                               RowWriter& writer) {
  if (row == nullptr) return no_such_job(request.id);
  if (jobs::has_ended(row->life.state)) return Error(Errc::conflict, "the job has ended");
  const auto step = jobs::machine::unpark(row->life, request.key);
  if (!step) return step.error();
  if (!step->changed) return step->next.state;
  auto more = jobs::StoredMore::read(row->more);
  more.resume = jobs::Resume{.key = request.key, .value = request.value};
  writer.apply(*row, *step, std::move(more));
  row->life = step->next;
  return step->next.state;
}

namespace {

bool has_lapsed(const std::unordered_map<Uuid, std::int64_t>& lost, const StateRow& row) {
  const auto found = lost.find(row.id);
  // One that has been extended since is held again.
  return found != lost.end() && found->second == row.lease_until;
}

std::vector<Command> disown(const Session& session, const std::vector<std::int64_t>& claims) {
  std::vector<Command> commands;
  if (claims.empty()) return commands;
  Array numbers(Of::big_integers);
  for (const std::int64_t number : claims) numbers.add(number);
  commands.push_back(command(kDisown));
  commands.back().parameters.big_integer(session.holder()).array(std::move(numbers));
  return commands;
}

Uuid id_of_uuid(const Uuid& id) { return id; }

std::vector<const Uuid*> pointers_to(const std::vector<Uuid>& ids) {
  std::vector<const Uuid*> pointers;
  pointers.reserve(ids.size());
  for (const Uuid& id : ids) pointers.push_back(&id);
  return pointers;
}

}  // namespace

awaitable<Result<void>> look_at_clock(std::shared_ptr<Session> session) {
  std::vector<Command> asking(1, command(kRescueClock));
  asking[0].parameters.big_integer(session->given_now()).big_integer(session->given_beat());
  auto clock = co_await session->run(std::move(asking));
  if (!clock) co_return clock.error();
  session->learn_now((*clock)[0].integer(0, 0));
  (void)session->trusted_since((*clock)[0].integer(0, 1));
  co_return Result<void>();
}

awaitable<Result<jobs::Rescued>> rescue(std::shared_ptr<Session> session, std::size_t limit,
                                        std::vector<std::int64_t> given_up_claims,
                                        Effects* effects) {
  std::vector<Command> asking(1, command(kRescueClock));
  asking[0].parameters.big_integer(session->given_now()).big_integer(session->given_beat());
  auto clock = co_await session->run(std::move(asking));
  if (!clock) co_return clock.error();
  const std::int64_t now = (*clock)[0].integer(0, 0);
  const std::int64_t beat = (*clock)[0].integer(0, 1);
  const std::int64_t trusted_since =
      std::max(session->trusted_since(beat), (*clock)[0].integer(0, 2));

  auto looking = disown(*session, given_up_claims);
  looking.push_back(command(kLost));
  looking.back()
      .parameters.big_integer(beat)
      .big_integer(trusted_since)
      .big_integer(static_cast<std::int64_t>(limit));
  looking.push_back(command(kLapsedParks));
  looking.back().parameters.big_integer(now).big_integer(static_cast<std::int64_t>(limit));
  auto looked = co_await session->run(std::move(looking));
  if (!looked) co_return looked.error();
  std::vector<Uuid> ids;
  std::unordered_map<Uuid, std::int64_t> lost;
  const Rows& leases = (*looked)[looked->size() - 2];
  const Rows& parks = looked->back();
  for (std::size_t i = 0; i < leases.size(); ++i) {
    ids.push_back(leases.uuid(i, 0));
    lost.emplace(ids.back(), leases.integer(i, 1));
  }
  for (std::size_t i = 0; i < parks.size(); ++i) ids.push_back(parks.uuid(i, 0));
  jobs::Rescued rescued;
  if (ids.empty()) co_return rescued;

  // 0: nothing, 1: a lease, 2: a park, 3: a lease, and its job failed as crashed.
  Decide<Uuid, int> decide = [lost](const Uuid& /*id*/, StateRow* row, RowWriter& writer,
                                    TimePoint at, bool /*in_doubt*/) -> Result<int> {
    if (row == nullptr) return 0;
    if (row->life.state == JobState::running && has_lapsed(lost, *row)) {
      const auto step = jobs::machine::lose(row->life);
      if (!step) return 0;
      writer.apply(*row, *step);
      return step->next.end_reason == jobs::EndReason::crashed ? 3 : 1;
    }
    if (row->life.state != JobState::parked) return 0;
    const auto step = jobs::machine::park_deadline(row->life, at);
    if (!step) return 0;
    auto more = jobs::StoredMore::read(row->more);
    more.resume = jobs::Resume{.key = row->life.park_key};
    writer.apply(*row, *step, std::move(more));
    return 2;
  };
  std::function<awaitable<Tried<Done<int>>>(Lease*, bool, SteadyTime)> work =
      [session, &ids, decide](Lease* lease, bool in_doubt, SteadyTime deadline) {
        return transact<Uuid, int>(session, lease, pointers_to(ids), &id_of_uuid, decide, in_doubt,
                                   deadline);
      };
  auto done = co_await session->attempt(std::move(work));
  if (!done) co_return done.error();
  for (const Result<int>& what : done->answers) {
    rescued.leases += *what == 1 || *what == 3 ? 1 : 0;
    rescued.parks += *what == 2 ? 1 : 0;
    rescued.quarantined += *what == 3 ? 1 : 0;
  }
  effects->add(done->effects);
  co_return rescued;
}

awaitable<Result<void>> release_leases(std::shared_ptr<Session> session,
                                       std::vector<std::int64_t> given_up_claims) {
  auto commands = disown(*session, given_up_claims);
  commands.push_back(command(kRelease));
  commands.back().parameters.big_integer(session->holder());
  auto done = co_await session->run(std::move(commands));
  if (!done) co_return done.error();
  co_return Result<void>();
}

}  // namespace rwp::jobs_postgres
