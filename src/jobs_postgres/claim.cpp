#include "jobs_postgres/claim.hpp"

#include <rwp/jobs/state_machine.hpp>
#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using Of = Array::Of;

/// What one claim answers at most, lest a thousand of the largest payloads fill memory.
constexpr std::int64_t kMostClaimedBytes = 16LL * 1024 * 1024;
/// A statement whose client is gone ends within its time-out of 30 s, one that waits in a pooler's
/// queue for longer does not begin.
constexpr std::chrono::seconds kGivenUpFor{90};
constexpr std::size_t kMostGivenUp = 1'000;

// Of a worker's queues, kinds and versions the lanes; those of paused queues are left alone.
#define RWP_PG_LANES(queues, kinds, lowest, highest)                                           \
  "lanes AS MATERIALIZED (SELECT l.id FROM rwp.lane l WHERE (cardinality(" queues              \
  "::text[]) = 0 OR l.queue = ANY (" queues "::text[])) AND EXISTS (SELECT FROM unnest(" kinds \
  "::text[], " lowest "::integer[], " highest                                                  \
  "::integer[]) AS k(kind, lowest, highest) WHERE k.kind = l.kind"                             \
  " AND l.version BETWEEN k.lowest AND k.highest)"                                             \
  " AND NOT EXISTS (SELECT FROM rwp.queue q WHERE q.name = l.queue AND q.paused))"

// In the order of priority, then first in, first out: some that nobody else has locked, up to the
// limit, to some bytes of payload, or to the first suspect and with it. What is rare (a suspect, or
// large payloads) costs its window only then: rows are deleted by an array of their places, and
// those that pass from step to step are narrow.
constexpr Statement kClaim{
    .name = "rwp_claim",
    .sql =
        "WITH clock AS MATERIALIZED (SELECT now, coalesce($2::bigint, now) AS beat FROM (SELECT "
        RWP_PG_NOW " AS now) c), " RWP_PG_LANES("$3", "$4", "$5", "$6") ","
        " picked AS MATERIALIZED (SELECT r.place, r.priority, r.seq, r.bytes, r.marks FROM lanes"
        " CROSS JOIN LATERAL (SELECT ctid AS place, priority, seq, bytes, marks FROM rwp.ready"
        " WHERE ready.lane = lanes.id ORDER BY priority, seq LIMIT $7::bigint"
        " FOR UPDATE SKIP LOCKED) r ORDER BY r.priority, r.seq LIMIT $7::bigint),"
        " whole AS MATERIALIZED (SELECT array_agg(place) AS places,"
        " sum(bytes) < $12::bigint AND bool_and(marks < 2) AS fits FROM picked),"
        " taken AS (DELETE FROM rwp.ready r WHERE r.ctid = ANY ((SELECT CASE WHEN fits THEN places"
        " ELSE ARRAY(SELECT place FROM (SELECT place, sum(bytes) OVER w - bytes AS bytes_before,"
        " count(*) FILTER (WHERE marks >= 2) OVER w - CASE WHEN marks >= 2 THEN 1 ELSE 0 END"
        " AS suspects_before FROM picked WINDOW w AS (ORDER BY priority, seq)) c"
        " WHERE c.bytes_before < $12::bigint AND c.suspects_before = 0) END FROM whole)::tid[])"
        " RETURNING r.id, r.lane, r.priority, r.seq, r.attempt, r.max_attempts, r.marks, r.crashes,"
        " r.bytes, r.token + 1 AS token, r.finished_token, r.run_at, r.more,"
        " CASE WHEN r.marks >= 2 OR $8::bigint = 0 THEN 0 WHEN $8::bigint >= $7::bigint THEN 2"
        " WHEN coalesce((r.priority, r.seq) <="
        " (SELECT p.priority, p.seq FROM picked p ORDER BY p.priority, p.seq"
        " OFFSET greatest($8::bigint - 1, 0) LIMIT 1), true) THEN 2 ELSE 0 END AS flags),"
        " leased AS (INSERT INTO rwp.running (id, lane, priority, flags, seq, attempt, max_attempts,"
        " marks, crashes, bytes, token, finished_token, run_at, started_at, holder, claim, lease_ms,"
        " lease_until, more)"
        " SELECT id, lane, priority, flags, seq, attempt, max_attempts, marks, crashes, bytes, token,"
        " finished_token, run_at, clock.now, $10::bigint, $11::bigint, $9::integer,"
        " clock.beat + $9::integer, more FROM taken, clock),"
        " counted AS (INSERT INTO rwp.tally SELECT t.lane, s.state, s.sign * t.jobs"
        " FROM (SELECT lane, count(*) AS jobs FROM taken GROUP BY lane) t,"
        " (VALUES (1::smallint, -1), (2::smallint, 1)) AS s(state, sign))"
        " SELECT t.id, t.lane, t.priority, t.attempt, t.max_attempts, t.marks, t.token, t.flags,"
        " t.more, j.created_at, j.timeout, j.tenant, j.payload, j.payload_blob, j.rare, t.seq"
        " FROM taken t CROSS JOIN LATERAL (SELECT * FROM rwp.job WHERE job.id = t.id LIMIT 1) j"};

constexpr Statement kClaimedBefore{
    .name = "rwp_claimed_before",
    .sql =
        "SELECT t.id, t.lane, t.priority, t.attempt, t.max_attempts, t.marks, t.token, t.flags,"
        " t.more, j.created_at, j.timeout, j.tenant, j.payload, j.payload_blob, j.rare, t.seq"
        " FROM rwp.running t JOIN rwp.job j ON j.id = ANY (ARRAY[t.id])"
        " WHERE t.holder = $1::bigint AND t.claim = $2::bigint"};

constexpr Statement kNextDue{.name = "rwp_next_due",
                             .sql = "SELECT " RWP_PG_NOW ", (SELECT min(run_at) FROM rwp.waiting)"};

constexpr Statement kPromote{
    .name = "rwp_promote",
    .sql =
        "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW
        " AS now),"
        // The time as a value: joined, it would be compared with all that wait.
        " due AS MATERIALIZED (SELECT w.id FROM rwp.waiting w"
        " WHERE w.run_at <= (SELECT now FROM clock) ORDER BY w.run_at LIMIT $2::bigint FOR UPDATE "
        "OF w SKIP LOCKED),"
        " moved AS (DELETE FROM rwp.waiting w USING due WHERE w.id = ANY (ARRAY[due.id]) RETURNING "
        "w.*),"
        " now_ready AS (INSERT INTO rwp.ready SELECT lane, priority, seq, id, attempt,"
        " max_attempts, marks, crashes, bytes, token, finished_token, run_at, started_at, NULL,"
        // A park past its deadline: the handler is told the key, and no value. As text, since the
        // server's jsonb would refuse an escaped NUL in a cursor, and with it all that is due.
        " CASE WHEN state <> 3 THEN more ELSE '{\"resume\":{\"key\":' || to_json(park_key)::text ||"
        " CASE WHEN coalesce(more, '{}') = '{}' THEN '}}' ELSE '},' || substr(more, 2) END END"
        " FROM moved),"
        " counted AS (INSERT INTO rwp.tally SELECT m.lane, CASE s.sign WHEN 1 THEN 1 ELSE m.state"
        " END, s.sign * m.jobs FROM (SELECT lane, state, count(*) AS jobs FROM moved"
        " GROUP BY lane, state) m, (VALUES (-1), (1)) AS s(sign))"
        " SELECT lane, count(*) FILTER (WHERE state = 3) FROM moved GROUP BY lane"};

constexpr Statement kOutlook{
    .name = "rwp_outlook",
    .sql = "WITH " RWP_PG_LANES("$2", "$3", "$4", "$5")
           " SELECT EXISTS (SELECT FROM lanes CROSS JOIN LATERAL"
           " (SELECT FROM rwp.ready WHERE ready.lane = lanes.id LIMIT 1) r),"
           " (SELECT min(run_at) FROM rwp.waiting), " RWP_PG_NOW};

void add_wanted(Parameters& parameters, const jobs::ClaimRequest& request) {
  Array queues(Of::texts);
  Array kinds(Of::texts);
  Array lowest(Of::integers);
  Array highest(Of::integers);
  for (const std::string& queue : request.queues) queues.add(std::string_view(queue));
  for (const jobs::KindSupport& kind : request.kinds) {
    kinds.add(std::string_view(kind.kind));
    lowest.add(kind.min_version);
    highest.add(kind.max_version);
  }
  parameters.array(std::move(queues))
      .array(std::move(kinds))
      .array(std::move(lowest))
      .array(std::move(highest));
}

/// The claim's rows in the order in which their jobs are to run, that of priority and number. They
/// mostly have it, which a sort in the server would not notice.
Claimed read_in_order(const Rows& rows, TimePoint now) {
  Claimed claimed;
  claimed.now = now;
  read_claimed(rows, claimed);
  std::vector<std::tuple<jobs::Priority, std::int64_t, std::size_t>> order;
  order.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    order.emplace_back(claimed.jobs[i].priority, rows.integer(i, 15), i);
  }
  if (std::is_sorted(order.begin(), order.end())) return claimed;
  std::sort(order.begin(), order.end());
  Claimed sorted;
  sorted.now = now;
  for (const auto& [priority, seq, i] : order) {
    sorted.jobs.push_back(std::move(claimed.jobs[i]));
    sorted.lanes.push_back(claimed.lanes[i]);
  }
  return sorted;
}

}  // namespace

void read_claimed(const Rows& rows, Claimed& claimed) {
  claimed.jobs.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    jobs::ClaimedJob& job = claimed.jobs.emplace_back();
    job.run.id = rows.uuid(i, 0);
    claimed.lanes.push_back(rows.integer(i, 1));
    job.priority = static_cast<jobs::Priority>(rows.integer(i, 2));
    job.attempt = static_cast<int>(rows.integer(i, 3));
    job.max_attempts = static_cast<int>(rows.integer(i, 4));
    job.alone = rows.integer(i, 5) >= jobs::kMarksToRunAlone;
    job.run.token = static_cast<std::uint64_t>(rows.integer(i, 6));
    job.started = (rows.integer(i, 7) & 2) != 0;
    if (!rows.is_null(i, 8)) {
      auto more = jobs::StoredMore::read(rows.text(i, 8));
      job.cursor = std::move(more.cursor);
      job.resume = std::move(more.resume);
    }
    job.created_at = jobs::from_ms(rows.integer(i, 9));
    job.timeout = std::chrono::milliseconds(rows.integer(i, 10));
    job.tenant = std::string(rows.text(i, 11));
    if (!rows.is_null(i, 12)) job.payload = JsonText::trusted(std::string(rows.text(i, 12)));
    job.payload_blob = std::string(rows.text(i, 13));
    if (!rows.is_null(i, 14))
      job.traceparent = jobs::StoredRare::read(rows.text(i, 14)).traceparent;
    job.claimed_at = claimed.now;
  }
}

bool supports(const jobs::ClaimRequest& request, const Lane& lane) {
  const bool queue_wanted =
      request.queues.empty() ||
      std::find(request.queues.begin(), request.queues.end(), lane.queue) != request.queues.end();
  if (!queue_wanted) return false;
  return std::any_of(request.kinds.begin(), request.kinds.end(), [&](const auto& kind) {
    return kind.kind == lane.kind && kind.min_version <= lane.version &&
           lane.version <= kind.max_version;
  });
}

void ClaimNumbers::give_up(std::int64_t number) {
  if (given_up_.size() >= kMostGivenUp) given_up_.pop_front();
  given_up_.emplace_back(number, std::chrono::steady_clock::now());
}

void ClaimNumbers::freed(SteadyTime at) {
  while (!given_up_.empty() && at - given_up_.front().second > kGivenUpFor) given_up_.pop_front();
}

std::vector<std::int64_t> ClaimNumbers::given_up() const {
  std::vector<std::int64_t> numbers;
  for (const auto& [number, since] : given_up_) numbers.push_back(number);
  return numbers;
}

awaitable<Tried<Claimed>> claim(std::shared_ptr<Session> session, Lease* lease,
                                jobs::ClaimRequest request, std::shared_ptr<ClaimNumbers> numbers,
                                std::shared_ptr<std::int64_t> open, SteadyTime deadline) {
  Tried<Claimed> tried;
  if (*open != 0) {
    std::vector<Command> asking;
    asking.push_back(command(kClaimedBefore));
    asking.back().parameters.big_integer(session->holder()).big_integer(*open);
    asking.push_back(command(kNextDue));
    asking.back().parameters.big_integer(session->given_now());
    auto found = co_await lease->run(std::move(asking), deadline);
    if (!found) {
      tried.failure = std::move(found.failure);
      co_return tried;
    }
    if (found.rows[0].size() > 0) {
      const TimePoint now = jobs::from_ms(found.rows[1].integer(0, 0));
      Claimed claimed = read_in_order(found.rows[0], now);
      claimed.number = std::exchange(*open, 0);
      tried.made = std::move(claimed);
      co_return tried;
    }
    // Should it be committed after this look, what it took is nobody's.
    numbers->give_up(*open);
  }
  *open = numbers->next();
  std::vector<Command> commands;
  commands.push_back(command(kClaim));
  Parameters& parameters = commands.back().parameters;
  parameters.big_integer(session->given_now()).big_integer(session->given_beat());
  add_wanted(parameters, request);
  parameters.big_integer(static_cast<std::int64_t>(request.limit))
      .big_integer(static_cast<std::int64_t>(request.start))
      .integer(static_cast<int>(request.lease.count()))
      .big_integer(session->holder())
      .big_integer(*open)
      .big_integer(kMostClaimedBytes);
  commands.push_back(command(kNextDue));
  commands.back().parameters.big_integer(session->given_now());
  auto answer = co_await lease->run(std::move(commands), deadline);
  if (!answer) {
    tried.failure = std::move(answer.failure);
    if (!tried.failure->in_doubt) *open = 0;
    co_return tried;
  }
  const Rows& due = answer.rows[1];
  Claimed claimed = read_in_order(answer.rows[0], jobs::from_ms(due.integer(0, 0)));
  claimed.number = std::exchange(*open, 0);
  session->learn_now(due.integer(0, 0));
  if (!due.is_null(0, 1)) claimed.next_due = jobs::from_ms(due.integer(0, 1));
  tried.made = std::move(claimed);
  co_return tried;
}

awaitable<Result<std::vector<std::int64_t>>> promote_due(std::shared_ptr<Session> session,
                                                         std::size_t limit, std::size_t* parks) {
  std::vector<Command> commands(1, command(kPromote));
  commands[0]
      .parameters.big_integer(session->given_now())
      .big_integer(static_cast<std::int64_t>(limit));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  std::vector<std::int64_t> lanes;
  for (std::size_t i = 0; i < (*rows)[0].size(); ++i) {
    lanes.push_back((*rows)[0].integer(i, 0));
    if (parks != nullptr) *parks += static_cast<std::size_t>((*rows)[0].integer(i, 1));
  }
  co_return lanes;
}

awaitable<Result<WorkOutlook>> look_for_work(std::shared_ptr<Session> session,
                                             jobs::ClaimRequest request) {
  std::vector<Command> commands(1, command(kOutlook));
  commands[0].parameters.big_integer(session->given_now());
  add_wanted(commands[0].parameters, request);
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  const Rows& found = (*rows)[0];
  WorkOutlook outlook;
  outlook.ready = found.boolean(0, 0);
  session->learn_now(found.integer(0, 2));
  if (!found.is_null(0, 1)) {
    const std::chrono::milliseconds ahead(found.integer(0, 1) - found.integer(0, 2));
    // Also what is not this worker's: it costs a look too many, never a job too late.
    if (ahead.count() <= 0) outlook.ready = true;
    outlook.next_due_in = ahead;
  }
  co_return outlook;
}

}  // namespace rwp::jobs_postgres
