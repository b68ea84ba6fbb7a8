#include "jobs_postgres/submit.hpp"

#include "jobs_postgres/submit_answer.hpp"
#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <limits>
#include <unordered_map>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using jobs::CheckedJob;
using jobs::Inserted;
using Outcome = jobs::Inserted::Outcome;
using Of = Array::Of;

// All jobs' bodies, then what waits or is ready of them, in one statement. An id that stands
// already, or twice here, is left out of the answer.
constexpr Statement kInsert{
    .name = "rwp_insert",
    .sql = "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW " AS now)," RWP_PG_BODIES
           " now_ready AS (INSERT INTO rwp.ready SELECT lane, priority, seq, id, 0, max_attempts,"
           " 0, 0, bytes, 0, 0, due_at FROM body WHERE NOT waits),"
           " now_waiting AS (INSERT INTO rwp.waiting SELECT id, 0, lane, priority, seq, 0,"
           " max_attempts, 0, 0, bytes, 0, 0, due_at FROM body WHERE waits),"
           " counted AS (INSERT INTO rwp.tally SELECT lane, CASE WHEN waits THEN 0 ELSE 1 END,"
           " count(*) FROM body GROUP BY lane, waits)"
           " SELECT id, waits FROM body"};

constexpr Statement kRefusePruned{
    .name = "rwp_refuse_pruned",
    .sql = "SELECT rwp.refuse_pruned($1::bigint, $2::bigint, $3::uuid[])"};

// Plain statements one after another pass no rows from step to step, and no index is asked for
// what stands already: what a conflict, or a prune beside it, costs is a second try.
constexpr Statement kInsertNew{
    .name = "rwp_insert_new",
    .sql =
        "SELECT rwp.insert_new($1::bigint, $2::bigint, $3::uuid[], $4::integer[],"
        " $5::smallint[], $6::integer[], $7::bigint[], $8::text[], $9::text[], $10::text[],"
        " $11::text[])"};
constexpr std::string_view kSerializationFailure = "40001";

// One job that is ready at once and new: no arrays, no function but the one that looks for a prune
// that was committed meanwhile. Should the id stand already, or as pruned, nothing is answered.
#define RWP_PG_ONE_BODY                                                                           \
  " body AS (INSERT INTO rwp.job (id, lane, priority, max_attempts, created_at, due_at, timeout," \
  " tenant, payload, payload_blob, rare) SELECT $2::uuid, $4::integer, $5::integer::smallint,"    \
  " $6::integer, clock.now, clock.now, $7::bigint, $8::text, $9::text, $10::text, $11::text"      \
  " FROM clock WHERE $3::bigint > (SELECT pruned_id_ms FROM rwp.mark) OR NOT EXISTS"              \
  " (SELECT FROM rwp.ledger l WHERE l.key = uuid_send($2::uuid) AND l.expires_at > clock.now)"    \
  " ON CONFLICT (id) DO NOTHING RETURNING id, lane, priority, seq, max_attempts, created_at,"     \
  " coalesce(octet_length(payload), 0) AS bytes),"
#define RWP_PG_ONE_READY                                                                         \
  " now_ready AS (INSERT INTO rwp.ready (lane, priority, seq, id, attempt, max_attempts, marks," \
  " crashes, bytes, token, finished_token, run_at) SELECT lane, priority, seq, id, 0,"           \
  " max_attempts, 0, 0, bytes, 0, 0, created_at FROM body"
#define RWP_PG_ONE_RUNNING                                                                   \
  " now_running AS (INSERT INTO rwp.running (id, lane, priority, flags, seq, attempt,"       \
  " max_attempts, marks, crashes, bytes, token, finished_token, run_at, started_at, holder," \
  " claim, lease_ms, lease_until) SELECT id, lane, priority, "
#define RWP_PG_ONE_ANSWER(where, from)                                                      \
  " SELECT " where                                                                          \
  ", body.seq, body.created_at, rwp.refuse_pruned($1::bigint, $3::bigint, ARRAY[$2::uuid])" \
  " FROM body" from

constexpr Statement kInsertOne{
    .name = "rwp_insert_one",
    .sql = "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW
           " AS now)," RWP_PG_ONE_BODY RWP_PG_ONE_READY
           "), counted AS (INSERT INTO rwp.tally SELECT lane, 1, 1 FROM body)" RWP_PG_ONE_ANSWER(
               "0", "")};
constexpr Statement kInsertOneLeased{
    .name = "rwp_insert_one_leased",
    .sql =
        "WITH clock AS MATERIALIZED (SELECT now, coalesce($12::bigint, now) AS beat FROM "
        "(SELECT " RWP_PG_NOW
        " AS now) c), held AS MATERIALIZED (SELECT NOT EXISTS (SELECT FROM rwp.lane l"
        " JOIN rwp.queue q ON q.name = l.queue WHERE l.id = $4::integer AND q.paused) AS "
        "held)," RWP_PG_ONE_BODY RWP_PG_ONE_RUNNING
        "2, seq, 0, max_attempts, 0, 0, bytes, 1, 0, created_at, clock.now, $13::bigint,"
        " $14::bigint, $15::integer, clock.beat + $15::integer FROM body, clock, held WHERE"
        " held), " RWP_PG_ONE_READY
        ", held WHERE NOT held), counted AS (INSERT INTO rwp.tally SELECT lane,"
        " CASE WHEN held THEN 2 ELSE 1 END, 1 FROM body, held)" RWP_PG_ONE_ANSWER(
            "CASE WHEN held THEN 1 ELSE 0 END", ", held")};
constexpr Statement kInsertOneDispatched{
    .name = "rwp_insert_one_dispatched",
    .sql = "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW " AS now, " RWP_PG_DISPATCHES
           " AS dispatches)," RWP_PG_ONE_BODY RWP_PG_ONE_RUNNING
           "0, seq, 0, max_attempts, 0, 0, bytes, 1, 0, created_at, NULL, " RWP_PG_DISPATCH_HOLDER
           ", seq, 0, " RWP_PG_NO_END " FROM body, clock WHERE dispatches), " RWP_PG_ONE_READY
           ", clock WHERE NOT dispatches), counted AS (INSERT INTO rwp.tally SELECT lane,"
           " CASE WHEN dispatches THEN 2 ELSE 1 END, 1 FROM body, clock)" RWP_PG_ONE_ANSWER(
               "CASE WHEN dispatches THEN 2 ELSE 0 END", ", clock")};

// Taken in one order by everybody, so that no two wait for each other.
constexpr Statement kLockKeys{
    .name = "rwp_lock_keys",
    .sql =
        "SELECT count(pg_advisory_xact_lock(q.number)) FROM (SELECT DISTINCT"
        " rwp.lock_of(g.what, g.tenant, g.key) AS number"
        " FROM unnest($1::text[], $2::text[], $3::text[]) AS g(what, tenant, key)"
        " ORDER BY number) q"};
constexpr Statement kSubmit{
    .name = "rwp_submit",
    .sql =
        "SELECT s.id, s.outcome, s.outcome = 0 AND coalesce(g.run_at, 0) + g.delay > 0"
        " FROM unnest($2::uuid[], $3::integer[], $4::smallint[], $5::integer[],"
        " $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[],"
        " $12::text[], $13::bytea[], $14::text[], $15::text[], $16::integer[], $17::bigint[])"
        " WITH ORDINALITY AS g(id, lane, priority, max_attempts, run_at, delay, timeout, tenant,"
        " payload, payload_blob, rare, digest, idempotency_key, unique_key, unique_states,"
        " unique_period, place)"
        " CROSS JOIN LATERAL rwp.submit($1::bigint, g.id, g.lane, g.priority, g.max_attempts,"
        " g.run_at, g.delay, g.timeout, g.tenant, g.payload, g.payload_blob, g.digest, g.rare,"
        " g.idempotency_key, g.unique_key, g.unique_states, g.unique_period) s"
        " ORDER BY g.place"};

std::string_view bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Command submit_command(const Session& session, const std::vector<const CheckedJob*>& jobs) {
  Command made = command(kSubmit);
  add_columns(made.parameters, session, jobs);
  Array digests(Of::bytes);
  Array keys(Of::texts);
  Array unique_keys(Of::texts);
  Array unique_states(Of::integers);
  Array unique_periods(Of::big_integers);
  for (const CheckedJob* checked : jobs) {
    const jobs::NewJob& job = checked->job;
    checked->payload_digest ? digests.add(bytes_of(*checked->payload_digest)) : digests.add_null();
    keys.add_or_null(std::string_view(job.idempotency_key));
    unique_keys.add_or_null(std::string_view(job.unique.key));
    unique_states.add(int{job.unique.states.bits()});
    unique_periods.add(job.unique.period.count());
  }
  for (Array* column : {&digests, &keys, &unique_keys, &unique_states, &unique_periods}) {
    made.parameters.array(std::move(*column));
  }
  return made;
}

Command lock_command(const std::vector<const CheckedJob*>& jobs) {
  Array what(Of::texts);
  Array tenants(Of::texts);
  Array keys(Of::texts);
  const auto add = [&](std::string_view of, const std::string& tenant, const std::string& key) {
    if (key.empty()) return;
    what.add(of);
    tenants.add_or_null(std::string_view(tenant));
    keys.add(std::string_view(key));
  };
  for (const CheckedJob* checked : jobs) {
    add("key", checked->job.tenant, checked->job.idempotency_key);
    add("unique", checked->job.tenant, checked->job.unique.key);
  }
  Command made = command(kLockKeys);
  made.parameters.array(std::move(what)).array(std::move(tenants)).array(std::move(keys));
  return made;
}

}  // namespace

void add_columns(Parameters& parameters, const Session& session,
                 const std::vector<const CheckedJob*>& jobs) {
  Array ids(Of::uuids);
  Array lanes(Of::integers);
  Array priorities(Of::small_integers);
  Array max_attempts(Of::integers);
  Array run_at(Of::big_integers);
  Array delays(Of::big_integers);
  Array timeouts(Of::big_integers);
  Array tenants(Of::texts);
  Array payloads(Of::texts);
  Array blobs(Of::texts);
  Array rare(Of::texts);
  std::size_t payload_bytes = 0;
  for (const CheckedJob* checked : jobs) payload_bytes += checked->job.payload.size();
  ids.reserve(jobs.size(), 16);
  payloads.reserve(jobs.size(), payload_bytes / std::max<std::size_t>(jobs.size(), 1) + 1);
  for (const CheckedJob* checked : jobs) {
    const jobs::NewJob& job = checked->job;
    ids.add(job.id);
    lanes.add(session.known_lane(job.queue, job.kind, job.version));
    priorities.add(static_cast<int>(job.priority));
    max_attempts.add(job.max_attempts);
    job.run_at ? run_at.add(jobs::to_ms(*job.run_at)) : run_at.add_null();
    delays.add(job.delay.count());
    timeouts.add_or_null(job.timeout.count());
    tenants.add_or_null(std::string_view(job.tenant));
    checked->payload_blob.empty() ? payloads.add(job.payload.view()) : payloads.add_null();
    blobs.add_or_null(std::string_view(checked->payload_blob));
    rare.add_or_null(std::string_view(jobs::StoredRare::of(job).write()));
  }
  parameters.big_integer(session.given_now());
  for (Array* column : {&ids, &lanes, &priorities, &max_attempts, &run_at, &delays, &timeouts,
                        &tenants, &payloads, &blobs, &rare}) {
    parameters.array(std::move(*column));
  }
}

std::int64_t oldest_id(const std::vector<const CheckedJob*>& jobs) {
  std::int64_t oldest = std::numeric_limits<std::int64_t>::max();
  for (const CheckedJob* checked : jobs) {
    oldest = std::min(oldest, jobs::to_ms(checked->job.id.time()));
  }
  return oldest;
}

awaitable<Result<void>> ensure_lanes(std::shared_ptr<Session> session,
                                     std::vector<const CheckedJob*> jobs) {
  for (const CheckedJob* checked : jobs) {
    const jobs::NewJob& job = checked->job;
    if (session->known_lane(job.queue, job.kind, job.version) != 0) continue;
    auto lane = co_await session->lane_of(job.queue, job.kind, job.version);
    if (!lane) co_return lane.error();
  }
  co_return Result<void>();
}

awaitable<Tried<Done<Inserted>>> insert_by_function(std::shared_ptr<Session> session, Lease* lease,
                                                    std::vector<const CheckedJob*> jobs,
                                                    bool in_doubt, SteadyTime deadline) {
  Tried<Done<Inserted>> tried;
  std::vector<Command> commands;
  if (std::any_of(jobs.begin(), jobs.end(), [](const auto* job) { return has_keys(*job); })) {
    commands.push_back(lock_command(jobs));
  }
  commands.push_back(submit_command(*session, jobs));
  auto answer = co_await lease->run(std::move(commands), deadline);
  if (!answer) {
    tried.failure = std::move(answer.failure);
    co_return tried;
  }
  const Rows& rows = answer.rows.back();
  Done<Inserted> done;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    done.answers.push_back(answer_of_submit(rows.uuid(i, 0), rows.integer(i, 1), in_doubt));
    if (rows.integer(i, 1) != 0) continue;
    const jobs::NewJob& job = jobs[i]->job;
    if (rows.boolean(i, 2)) done.effects.look_again = true;
    done.effects.made_ready(session->known_lane(job.queue, job.kind, job.version));
  }
  tried.made = std::move(done);
  co_return tried;
}

Command refuse_pruned(const Session& session, const std::vector<const CheckedJob*>& jobs) {
  Array ids(Of::uuids);
  ids.reserve(jobs.size(), 16);
  for (const CheckedJob* checked : jobs) ids.add(checked->job.id);
  Command made = command(kRefusePruned);
  made.parameters.big_integer(session.given_now())
      .big_integer(oldest_id(jobs))
      .array(std::move(ids));
  return made;
}

namespace {

/// A column that most jobs leave empty; null when all do.
class SparseColumn {
 public:
  explicit SparseColumn(Of elements) : column_(elements) {}
  template <class T>
  void add_or_null(T value) {
    has_value_ = has_value_ || value != T();
    column_.add_or_null(value);
  }
  void give_to(Parameters& parameters) {
    has_value_ ? parameters.array(std::move(column_)) : parameters.null();
  }

 private:
  Array column_;
  bool has_value_ = false;
};

Command insert_new_command(const Session& session, const std::vector<const CheckedJob*>& jobs) {
  Array ids(Of::uuids);
  Array lanes(Of::integers);
  Array priorities(Of::small_integers);
  Array max_attempts(Of::integers);
  SparseColumn timeouts(Of::big_integers);
  SparseColumn tenants(Of::texts);
  Array payloads(Of::texts);
  SparseColumn blobs(Of::texts);
  SparseColumn rare(Of::texts);
  std::size_t payload_bytes = 0;
  for (const CheckedJob* checked : jobs) payload_bytes += checked->job.payload.size();
  ids.reserve(jobs.size(), 16);
  payloads.reserve(jobs.size(), payload_bytes / std::max<std::size_t>(jobs.size(), 1) + 1);
  for (const CheckedJob* checked : jobs) {
    const jobs::NewJob& job = checked->job;
    ids.add(job.id);
    lanes.add(session.known_lane(job.queue, job.kind, job.version));
    priorities.add(static_cast<int>(job.priority));
    max_attempts.add(job.max_attempts);
    timeouts.add_or_null(std::int64_t{job.timeout.count()});
    tenants.add_or_null(std::string_view(job.tenant));
    checked->payload_blob.empty() ? payloads.add(job.payload.view()) : payloads.add_null();
    blobs.add_or_null(std::string_view(checked->payload_blob));
    const std::string text = jobs::StoredRare::of(job).write();
    rare.add_or_null(std::string_view(text));
  }
  Command made = command(kInsertNew);
  made.parameters.big_integer(session.given_now()).big_integer(oldest_id(jobs));
  for (Array* column : {&ids, &lanes, &priorities, &max_attempts}) {
    made.parameters.array(std::move(*column));
  }
  timeouts.give_to(made.parameters);
  tenants.give_to(made.parameters);
  made.parameters.array(std::move(payloads));
  blobs.give_to(made.parameters);
  rare.give_to(made.parameters);
  return made;
}

void add_one(Parameters& parameters, const Session& session, const CheckedJob& checked,
             std::int64_t lane) {
  const jobs::NewJob& job = checked.job;
  parameters.big_integer(session.given_now())
      .uuid(job.id)
      .big_integer(jobs::to_ms(job.id.time()))
      .integer(static_cast<int>(lane))
      .integer(static_cast<int>(job.priority))
      .integer(job.max_attempts);
  job.timeout.count() != 0 ? parameters.big_integer(job.timeout.count()) : parameters.null();
  parameters.text_or_null(job.tenant);
  checked.payload_blob.empty() ? parameters.text(std::string(job.payload.view()))
                               : parameters.null();
  parameters.text_or_null(checked.payload_blob).text_or_null(jobs::StoredRare::of(job).write());
}

/// As the claim of the worker that it is leased to would have answered it.
jobs::ClaimedJob first_run(const CheckedJob& checked, TimePoint now) {
  const jobs::NewJob& job = checked.job;
  jobs::ClaimedJob claimed;
  claimed.run = {.id = job.id, .token = 1};
  claimed.kind = job.kind;
  claimed.version = job.version;
  claimed.queue = job.queue;
  claimed.priority = job.priority;
  if (checked.payload_blob.empty()) claimed.payload = job.payload;
  claimed.payload_blob = checked.payload_blob;
  claimed.max_attempts = job.max_attempts;
  claimed.timeout = job.timeout;
  claimed.tenant = job.tenant;
  claimed.traceparent = job.traceparent;
  claimed.started = true;
  claimed.created_at = now;
  claimed.claimed_at = now;
  return claimed;
}

}  // namespace

bool is_ready_at_once(const CheckedJob& checked) {
  return !checked.job.run_at && checked.job.delay.count() == 0;
}

awaitable<Tried<OneInserted>> insert_one(std::shared_ptr<Session> session, Lease* lease,
                                         const CheckedJob* job, bool dispatch, bool* stands,
                                         SteadyTime deadline) {
  const std::int64_t lane = session->known_lane(job->job.queue, job->job.kind, job->job.version);
  auto reserved = session->options().handovers->reserve(*session->find_lane(lane));
  std::vector<Command> commands;
  commands.push_back(command(reserved.is_set() ? kInsertOneLeased
                             : dispatch        ? kInsertOneDispatched
                                               : kInsertOne));
  Parameters& parameters = commands[0].parameters;
  add_one(parameters, *session, *job, lane);
  if (reserved.is_set()) {
    parameters.big_integer(session->given_beat())
        .big_integer(session->holder())
        .big_integer(reserved.number())
        .integer(static_cast<int>(reserved.lease().count()));
  }
  auto answer = co_await lease->run(std::move(commands), deadline);
  Tried<OneInserted> tried;
  if (!answer) {
    if (!answer.failure->in_doubt) reserved.refused();
    *stands = answer.failure->state == kSerializationFailure;
    tried.failure = std::move(answer.failure);
    co_return tried;
  }
  const Rows& rows = answer.rows[0];
  if (rows.size() == 0) {
    reserved.refused();
    *stands = true;
    co_return tried;
  }
  OneInserted one;
  one.where = static_cast<OneInserted::Where>(rows.integer(0, 0));
  one.lane = lane;
  one.seq = rows.integer(0, 1);
  one.created_at = jobs::from_ms(rows.integer(0, 2));
  if (one.where == OneInserted::Where::leased) {
    session->options().handovers->hand(std::move(reserved), first_run(*job, one.created_at));
  } else {
    reserved.refused();
  }
  tried.made = one;
  co_return tried;
}

awaitable<Tried<Done<Inserted>>> insert_in_bulk(std::shared_ptr<Session> session, Lease* lease,
                                                std::vector<const CheckedJob*> jobs, bool in_doubt,
                                                SteadyTime deadline) {
  const bool may_be_new = !in_doubt && std::all_of(jobs.begin(), jobs.end(), [](const auto* job) {
    return is_ready_at_once(*job);
  });
  if (may_be_new && jobs.size() == 1) {
    bool stands = false;
    auto one = co_await insert_one(session, lease, jobs[0], false, &stands, deadline);
    Tried<Done<Inserted>> tried;
    if (one.made) {
      Done<Inserted> done;
      done.answers.emplace_back(Inserted{.id = jobs[0]->job.id, .outcome = Outcome::created});
      if (one.made->where == OneInserted::Where::ready) done.effects.made_ready(one.made->lane);
      tried.made = std::move(done);
      co_return tried;
    }
    if (!stands) {
      tried.failure = std::move(one.failure);
      co_return tried;
    }
  } else if (may_be_new) {
    std::vector<Command> commands;
    commands.push_back(insert_new_command(*session, jobs));
    auto answer = co_await lease->run(std::move(commands), deadline);
    Tried<Done<Inserted>> tried;
    if (!answer) {
      tried.failure = std::move(answer.failure);
      co_return tried;
    }
    if (answer.rows[0].boolean(0, 0)) {
      Done<Inserted> done;
      done.answers.reserve(jobs.size());
      for (const CheckedJob* checked : jobs) {
        const jobs::NewJob& job = checked->job;
        done.answers.emplace_back(Inserted{.id = job.id, .outcome = Outcome::created});
        done.effects.made_ready(session->known_lane(job.queue, job.kind, job.version));
      }
      tried.made = std::move(done);
      co_return tried;
    }
  }
  co_return co_await insert_plain(session, lease, std::move(jobs), in_doubt, deadline);
}

awaitable<Tried<Done<Inserted>>> insert_plain(std::shared_ptr<Session> session, Lease* lease,
                                              std::vector<const CheckedJob*> jobs, bool in_doubt,
                                              SteadyTime deadline) {
  Tried<Done<Inserted>> tried;
  std::vector<Command> commands(1, command(kInsert));
  add_columns(commands[0].parameters, *session, jobs);
  commands[0].parameters.big_integer(oldest_id(jobs));
  commands.push_back(refuse_pruned(*session, jobs));
  auto answer = co_await lease->run(std::move(commands), deadline);
  if (!answer) {
    tried.failure = std::move(answer.failure);
    co_return tried;
  }
  Done<Inserted> done;
  std::unordered_map<Uuid, bool> created;
  for (std::size_t i = 0; i < answer.rows[0].size(); ++i) {
    created.emplace(answer.rows[0].uuid(i, 0), answer.rows[0].boolean(i, 1));
  }
  std::vector<const CheckedJob*> known;
  std::vector<std::size_t> places;
  done.answers.reserve(jobs.size());
  for (const CheckedJob* checked : jobs) {
    const jobs::NewJob& job = checked->job;
    const auto found = created.find(job.id);
    if (found == created.end()) {
      places.push_back(done.answers.size());
      known.push_back(checked);
      done.answers.emplace_back(Inserted());
      continue;
    }
    done.answers.emplace_back(Inserted{.id = job.id, .outcome = Outcome::created});
    if (found->second) {
      done.effects.look_again = true;
    } else {
      done.effects.made_ready(session->known_lane(job.queue, job.kind, job.version));
    }
    // A twin further on is one that stands already.
    created.erase(found);
  }
  if (!known.empty()) {
    auto others = co_await insert_by_function(session, lease, std::move(known), in_doubt, deadline);
    if (!others.made) {
      // Outside a transaction the jobs before stand already: a repetition must not call them known.
      const bool repeated = others.failure->state.starts_with("40");
      others.failure->in_doubt = others.failure->in_doubt || repeated;
      co_return others;
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      done.answers[places[i]] = std::move(others.made->answers[i]);
    }
    done.effects.add(others.made->effects);
  }
  tried.made = std::move(done);
  co_return tried;
}

}  // namespace rwp::jobs_postgres
