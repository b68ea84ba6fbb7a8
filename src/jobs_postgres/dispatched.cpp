#include "jobs_postgres/dispatched.hpp"

#include "jobs_postgres/claim.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using jobs::DispatchRecord;
using Of = Array::Of;

#define RWP_PG_RECORDS                              \
  "SELECT r.id, r.holder = " RWP_PG_DISPATCH_HOLDER \
  ", r.token, r.claim, r.lane, r.flags, r.run_at, r.more, r.finished_token FROM rwp.running r"

constexpr Statement kRecords{.name = "rwp_dispatch_records",
                             .sql = RWP_PG_RECORDS " WHERE r.id = ANY ($1::uuid[])"};
constexpr Statement kDispatchedAfter{.name = "rwp_dispatched_after",
                                     .sql = RWP_PG_RECORDS
                                     " WHERE r.id > $1::uuid AND r.holder = " RWP_PG_DISPATCH_HOLDER
                                     " ORDER BY r.id LIMIT $2::bigint"};
constexpr Statement kDispatchedCounts{
    .name = "rwp_dispatched_counts",
    .sql = "SELECT r.lane, count(*) FROM rwp.running r WHERE r.holder = " RWP_PG_DISPATCH_HOLDER
           " GROUP BY r.lane"};
// In the ids' order, as all who lock several rows. What a worker holds by a lease of the record's
// is no ticket's; what has been leased since the mode was switched (0) may be.
constexpr Statement kConfirm{
    .name = "rwp_confirm_tickets",
    .sql =
        "UPDATE rwp.running r SET claim = nextval('rwp.job_seq')"
        " FROM unnest($1::uuid[], $2::bigint[]) AS g(id, token)"
        " WHERE r.id = ANY (ARRAY[g.id]) AND r.token = g.token AND r.holder <= 0"
        " RETURNING r.id, r.token, r.flags"};
// A number of the sequence itself: to read where it stands takes a right that roles may lack.
constexpr Statement kLastStamp{.name = "rwp_last_stamp", .sql = "SELECT nextval('rwp.job_seq')"};

constexpr Statement kBacklog{
    .name = "rwp_backlog",
    .sql =
        "SELECT l.id, p.priority FROM rwp.lane l"
        " CROSS JOIN (VALUES (0), (1), (2), (3)) AS p(priority) CROSS JOIN LATERAL"
        // As EXISTS it would be joined, from all that is ready.
        " (SELECT FROM rwp.ready r WHERE r.lane = l.id AND r.priority = p.priority LIMIT 1) r"
        " WHERE NOT EXISTS (SELECT FROM rwp.queue q WHERE q.name = l.queue AND q.paused)"};
constexpr Statement kNextDue{.name = "rwp_next_due",
                             .sql = "SELECT " RWP_PG_NOW ", (SELECT min(run_at) FROM rwp.waiting)"};
constexpr Statement kRefill{
    .name = "rwp_refill",
    .sql =
        "WITH picked AS MATERIALIZED (SELECT ctid AS place, seq, bytes FROM rwp.ready"
        " WHERE lane = $1::integer AND priority = $2::integer::smallint AND " RWP_PG_DISPATCHES
        " ORDER BY priority, seq LIMIT $3::bigint FOR UPDATE SKIP LOCKED),"
        " whole AS MATERIALIZED (SELECT array_agg(place) AS places, sum(bytes) < $4::bigint AS fits"
        " FROM picked),"
        " taken AS (DELETE FROM rwp.ready r WHERE r.ctid = ANY ((SELECT CASE WHEN fits THEN places"
        " ELSE ARRAY(SELECT place FROM (SELECT place, sum(bytes) OVER (ORDER BY seq) - bytes"
        " AS bytes_before FROM picked) c WHERE c.bytes_before < $4::bigint) END"
        " FROM whole)::tid[])"
        " RETURNING r.id, r.lane, r.priority, r.seq, r.attempt, r.max_attempts, r.marks, r.crashes,"
        " r.bytes, r.token + 1 AS token, r.finished_token, r.run_at, r.started_at, r.more,"
        " nextval('rwp.job_seq') AS stamp),"
        " given_out AS (INSERT INTO rwp.running (id, lane, priority, flags, seq, attempt,"
        " max_attempts, marks, crashes, bytes, token, finished_token, run_at, started_at, holder,"
        " claim, lease_ms, lease_until, more)"
        " SELECT id, lane, priority, 0, seq, attempt, max_attempts, marks, crashes, bytes,"
        " token, finished_token, run_at, started_at, " RWP_PG_DISPATCH_HOLDER
        ", stamp, 0, " RWP_PG_NO_END
        ", more FROM taken),"
        " counted AS (INSERT INTO rwp.tally SELECT t.lane, s.state, s.sign * t.jobs"
        " FROM (SELECT lane, count(*) AS jobs FROM taken GROUP BY lane) t,"
        " (VALUES (1::smallint, -1), (2::smallint, 1)) AS s(state, sign))"
        " SELECT t.id, t.lane, t.priority, t.attempt, t.max_attempts, t.marks, t.token,"
        " 0::smallint, t.more, j.created_at, j.timeout, j.tenant, j.payload, j.payload_blob,"
        " j.rare, t.seq, t.stamp FROM taken t JOIN rwp.job j ON j.id = ANY (ARRAY[t.id])"};
constexpr Statement kLoad{
    .name = "rwp_load_tickets",
    .sql =
        "SELECT t.id, t.lane, t.priority, t.attempt, t.max_attempts, t.marks, t.token, t.flags,"
        " t.more, j.created_at, j.timeout, j.tenant, j.payload, j.payload_blob, j.rare, t.seq,"
        " t.claim FROM rwp.running t JOIN rwp.job j ON j.id = ANY (ARRAY[t.id]) WHERE t.id = ANY "
        "($1::uuid[])"};
constexpr Statement kTerm{.name = "rwp_term",
                          .sql = "SELECT term FROM rwp.dispatch WHERE term = $1::bigint FOR SHARE"};

constexpr std::size_t kDueAtOnce = 1'000;

Array ids_of(const std::vector<Uuid>& ids) {
  Array array(Of::uuids);
  array.reserve(ids.size(), 16);
  for (const Uuid& id : ids) array.add(id);
  return array;
}

/// As rwp_refill and rwp_load_tickets answer them.
std::vector<jobs::DispatchedJob> read_tickets(const Rows& rows, TimePoint now) {
  Claimed claimed;
  claimed.now = now;
  read_claimed(rows, claimed);
  std::vector<jobs::DispatchedJob> tickets;
  tickets.reserve(claimed.jobs.size());
  for (std::size_t i = 0; i < claimed.jobs.size(); ++i) {
    tickets.push_back({.job = std::move(claimed.jobs[i]),
                       .lane = claimed.lanes[i],
                       .seq = rows.integer(i, 15),
                       .stamp = rows.integer(i, 16)});
  }
  return tickets;
}

}  // namespace

Command look_at_records(const std::vector<Uuid>& ids) {
  Command looking = command(kRecords);
  looking.parameters.array(ids_of(ids));
  return looking;
}

DispatchRecord read_record(const Rows& rows, std::size_t row) {
  DispatchRecord record;
  record.id = rows.uuid(row, 0);
  record.is_dispatched = rows.boolean(row, 1);
  record.token = static_cast<std::uint64_t>(rows.integer(row, 2));
  record.stamp = rows.integer(row, 3);
  record.lane = rows.integer(row, 4);
  record.cancel_requested = (rows.integer(row, 5) & 1) != 0;
  record.run_at = jobs::from_ms(rows.integer(row, 6));
  record.finished_token = static_cast<std::uint64_t>(rows.integer(row, 8));
  if (!rows.is_null(row, 7)) {
    auto more = jobs::StoredMore::read(rows.text(row, 7));
    if (more.resume && more.resume->value) record.resume_key = std::move(more.resume->key);
  }
  return record;
}

awaitable<Result<jobs::Backlog>> look_at_backlog(std::shared_ptr<Session> session) {
  jobs::Backlog backlog;
  for (;;) {
    std::vector<Command> commands;
    commands.push_back(command(kNextDue));
    commands.back().parameters.big_integer(session->given_now());
    commands.push_back(command(kBacklog));
    auto rows = co_await session->run(std::move(commands));
    if (!rows) co_return rows.error();
    session->learn_now((*rows)[0].integer(0, 0));
    const bool waits = !(*rows)[0].is_null(0, 1);
    if (waits && (*rows)[0].integer(0, 1) <= (*rows)[0].integer(0, 0)) {
      auto promoted = co_await promote_due(session, kDueAtOnce, &backlog.lapsed_parks);
      if (!promoted) co_return promoted.error();
      // None: others have them in hand.
      if (!promoted->empty()) continue;
    }
    if (waits) backlog.next_due = jobs::from_ms((*rows)[0].integer(0, 1));
    for (std::size_t i = 0; i < (*rows)[1].size(); ++i) {
      backlog.lanes.push_back({.lane = (*rows)[1].integer(i, 0),
                               .priority = static_cast<jobs::Priority>((*rows)[1].integer(i, 1))});
    }
    co_return backlog;
  }
}

awaitable<Tried<std::vector<jobs::DispatchedJob>>> refill(std::shared_ptr<Session> session,
                                                          Lease* lease, jobs::RefillRequest request,
                                                          SteadyTime deadline) {
  std::vector<Command> commands(1, command(kRefill));
  commands[0]
      .parameters.integer(static_cast<int>(request.from.lane))
      .integer(static_cast<int>(request.from.priority))
      .big_integer(static_cast<std::int64_t>(request.limit))
      .big_integer(static_cast<std::int64_t>(request.max_bytes));
  auto answer = co_await lease->run(std::move(commands), deadline);
  Tried<std::vector<jobs::DispatchedJob>> tried;
  if (!answer) {
    tried.failure = std::move(answer.failure);
    co_return tried;
  }
  tried.made = read_tickets(answer.rows[0], session->now());
  co_return tried;
}

namespace {

Result<JobState> decide_loss(const jobs::LostRun& run, StateRow* row, RowWriter& writer) {
  if (row == nullptr) return no_such_job(run.id);
  if (row->life.state != JobState::running || row->holder != kDispatchHolder ||
      row->life.run_token != run.token || (run.stamp && row->claim != *run.stamp)) {
    return stale_run();
  }
  row->life.started = run.started;
  const auto step = jobs::machine::lose(row->life);
  if (!step) return step.error();
  if (run.priority) row->priority = *run.priority;
  writer.apply(*row, *step);
  row->life = step->next;
  return step->next.state;
}

/// Within the transaction that is open: whether this still is the leader's term.
awaitable<std::optional<Failure>> check_term(Lease* lease, std::int64_t term, SteadyTime deadline) {
  std::vector<Command> commands(1, command(kTerm));
  commands[0].parameters.big_integer(term);
  auto answer = co_await lease->run(std::move(commands), deadline);
  if (!answer) {
    answer.failure->in_doubt = false;
    if (!answer.failure->lost) co_await roll_back(lease, deadline);
    co_return std::move(answer.failure);
  }
  if (answer.rows[0].size() > 0) co_return std::nullopt;
  co_await roll_back(lease, deadline);
  co_return Failure{.error = Error(Errc::conflict, "another store reconciles now")};
}

}  // namespace

awaitable<Tried<Done<JobState>>> take_back(std::shared_ptr<Session> session, Lease* lease,
                                           std::vector<jobs::LostRun> runs,
                                           std::optional<std::int64_t> term, SteadyTime deadline) {
  Tried<Done<JobState>> tried;
  std::vector<Uuid> ids;
  ids.reserve(runs.size());
  for (const jobs::LostRun& run : runs) ids.push_back(run.id);
  auto loaded = co_await begin_and_load(lease, std::move(ids), session->given_now(), deadline);
  if (!loaded.made) {
    tried.failure = std::move(loaded.failure);
    co_return tried;
  }
  if (term) {
    tried.failure = co_await check_term(lease, *term, deadline);
    if (tried.failure) co_return tried;
  }
  RowWriter writer(loaded.made->now);
  Done<JobState> done;
  for (const jobs::LostRun& run : runs) {
    const auto found = loaded.made->rows.find(run.id);
    StateRow* const row = found == loaded.made->rows.end() ? nullptr : &found->second;
    done.answers.push_back(decide_loss(run, row, writer));
  }
  tried.failure = co_await write_and_commit(lease, &writer, deadline);
  if (tried.failure) co_return tried;
  done.effects = writer.effects();
  tried.made = std::move(done);
  co_return tried;
}

awaitable<jobs::PerItem<jobs::LeaseState>> check_tickets(std::shared_ptr<Session> session,
                                                         std::vector<jobs::RunRef> runs) {
  std::vector<Uuid> ids;
  ids.reserve(runs.size());
  for (const jobs::RunRef& run : runs) ids.push_back(run.id);
  auto records = co_await dispatch_records(session, std::move(ids));
  if (!records) co_return records.error();
  std::vector<Result<jobs::LeaseState>> answers;
  answers.reserve(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const DispatchRecord& record = (*records)[i];
    // Also one that the record holds a lease of since the mode was switched.
    if (record.token == runs[i].token) {
      answers.emplace_back(jobs::LeaseState{.cancel_requested = record.cancel_requested});
    } else {
      answers.emplace_back(stale_run());
    }
  }
  co_return answers;
}

awaitable<jobs::PerItem<jobs::LeaseState>> confirm_tickets(std::shared_ptr<Session> session,
                                                           std::vector<jobs::RunRef> runs) {
  std::vector<jobs::RunRef> sorted = runs;
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& left, const auto& right) { return left.id < right.id; });
  Array ids(Of::uuids);
  Array tokens(Of::big_integers);
  for (const jobs::RunRef& run : sorted) {
    ids.add(run.id);
    tokens.add(static_cast<std::int64_t>(run.token));
  }
  std::vector<Command> commands(1, command(kConfirm));
  commands[0].parameters.array(std::move(ids)).array(std::move(tokens));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  std::unordered_map<Uuid, std::pair<std::uint64_t, bool>> confirmed;
  for (std::size_t i = 0; i < (*rows)[0].size(); ++i) {
    confirmed[(*rows)[0].uuid(i, 0)] = {static_cast<std::uint64_t>((*rows)[0].integer(i, 1)),
                                        ((*rows)[0].integer(i, 2) & 1) != 0};
  }
  std::vector<Result<jobs::LeaseState>> answers;
  answers.reserve(runs.size());
  for (const jobs::RunRef& run : runs) {
    const auto found = confirmed.find(run.id);
    if (found == confirmed.end() || found->second.first != run.token) {
      answers.emplace_back(stale_run());
    } else {
      answers.emplace_back(jobs::LeaseState{.cancel_requested = found->second.second});
    }
  }
  co_return answers;
}

awaitable<jobs::PerItem<jobs::DispatchedJob>> load_tickets(std::shared_ptr<Session> session,
                                                           std::vector<jobs::RunRef> runs) {
  std::vector<Uuid> ids;
  ids.reserve(runs.size());
  for (const jobs::RunRef& run : runs) ids.push_back(run.id);
  std::vector<Command> commands(1, command(kLoad));
  commands[0].parameters.array(ids_of(ids));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  auto tickets = read_tickets((*rows)[0], session->now());
  std::unordered_map<Uuid, std::size_t> places;
  for (std::size_t i = 0; i < tickets.size(); ++i) places.emplace(tickets[i].job.run.id, i);
  std::vector<Result<jobs::DispatchedJob>> answers;
  answers.reserve(runs.size());
  for (const jobs::RunRef& run : runs) {
    const auto found = places.find(run.id);
    if (found == places.end() || tickets[found->second].job.run.token != run.token) {
      answers.emplace_back(stale_run());
    } else {
      answers.emplace_back(std::move(tickets[found->second]));
    }
  }
  co_return answers;
}

awaitable<Result<std::vector<DispatchRecord>>> dispatch_records(std::shared_ptr<Session> session,
                                                                std::vector<Uuid> ids) {
  std::vector<Command> commands(1, command(kRecords));
  commands[0].parameters.array(ids_of(ids));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  std::unordered_map<Uuid, DispatchRecord> found;
  for (std::size_t i = 0; i < (*rows)[0].size(); ++i) {
    DispatchRecord record = read_record((*rows)[0], i);
    const Uuid id = record.id;
    found.emplace(id, std::move(record));
  }
  std::vector<DispatchRecord> records;
  records.reserve(ids.size());
  for (const Uuid& id : ids) {
    const auto at = found.find(id);
    records.push_back(at == found.end() ? DispatchRecord{.id = id} : at->second);
  }
  co_return records;
}

awaitable<Result<std::vector<DispatchRecord>>> dispatched_after(std::shared_ptr<Session> session,
                                                                Uuid after, std::size_t limit) {
  std::vector<Command> commands(1, command(kDispatchedAfter));
  commands[0].parameters.uuid(after).big_integer(static_cast<std::int64_t>(limit));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  std::vector<DispatchRecord> records;
  records.reserve((*rows)[0].size());
  for (std::size_t i = 0; i < (*rows)[0].size(); ++i) {
    records.push_back(read_record((*rows)[0], i));
  }
  co_return records;
}

awaitable<Result<std::vector<std::pair<jobs::RecordLane, std::size_t>>>> dispatched_counts(
    std::shared_ptr<Session> session) {
  std::vector<Command> commands(1, command(kDispatchedCounts));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  std::vector<std::pair<jobs::RecordLane, std::size_t>> counts;
  for (std::size_t i = 0; i < (*rows)[0].size(); ++i) {
    const std::int64_t id = (*rows)[0].integer(i, 0);
    if (session->find_lane(id) == nullptr) {
      auto refreshed = co_await session->refresh_lanes();
      if (!refreshed) co_return refreshed.error();
    }
    const Lane* lane = session->find_lane(id);
    counts.emplace_back(
        jobs::RecordLane{.lane = id, .queue = lane == nullptr ? std::string() : lane->queue},
        static_cast<std::size_t>((*rows)[0].integer(i, 1)));
  }
  co_return counts;
}

awaitable<Result<std::int64_t>> last_stamp(std::shared_ptr<Session> session) {
  std::vector<Command> commands(1, command(kLastStamp));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  co_return (*rows)[0].integer(0, 0);
}

}  // namespace rwp::jobs_postgres
