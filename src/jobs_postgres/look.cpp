#include "jobs_postgres/admin.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using Of = Array::Of;

/// Most rows that one page looks at; a page that matched little then ends early, with a cursor.
constexpr std::int64_t kMostLooks = 20'000;
/// Most bytes of payloads and results on a page, as far as whole jobs allow.
constexpr std::int64_t kMostPageBytes = 2LL * 1024 * 1024;
constexpr std::size_t kIdsPerGet = 1'000;

// What stands of job `j` in the table of its state, in one snapshot.
#define RWP_PG_STATE                                                                            \
  "(SELECT e.state, e.reason, e.priority, e.attempt, e.max_attempts, e.marks, e.crashes,"       \
  " e.token, e.run_at, e.started_at, e.finished_at, 0::smallint AS flags,"                      \
  " NULL::text COLLATE \"C\" AS park_key, e.result, e.more FROM rwp.ended e WHERE e.id = j.id"  \
  " UNION ALL SELECT 2::smallint, 0::smallint, r.priority, r.attempt, r.max_attempts, r.marks," \
  " r.crashes, r.token, r.run_at, r.started_at, NULL, r.flags, NULL, NULL, r.more"              \
  " FROM rwp.running r WHERE r.id = j.id"                                                       \
  " UNION ALL SELECT w.state, 0::smallint, w.priority, w.attempt, w.max_attempts, w.marks,"     \
  " w.crashes, w.token, w.run_at, w.started_at, NULL, 0::smallint, w.park_key, NULL, w.more"    \
  " FROM rwp.waiting w WHERE w.id = j.id"                                                       \
  " UNION ALL SELECT 1::smallint, 0::smallint, r.priority, r.attempt, r.max_attempts, r.marks," \
  " r.crashes, r.token, r.run_at, r.started_at, NULL, 0::smallint, NULL, NULL, r.more"          \
  " FROM (VALUES (0), (1), (2), (3)) AS p(priority) CROSS JOIN LATERAL"                         \
  " (SELECT * FROM rwp.ready c WHERE c.lane = j.lane AND c.priority = p.priority::smallint"     \
  " AND c.seq = j.seq OFFSET 0) r"                                                              \
  " LIMIT 1) s"

constexpr Statement kGet{
    .name = "rwp_get",
    .sql =
        "SELECT j.id, l.queue, l.kind, l.version, j.created_at, j.timeout, j.tenant, j.payload,"
        " j.payload_blob, j.rare, s.state, s.reason, s.priority, s.attempt, s.max_attempts,"
        " s.marks, s.crashes, s.token, s.run_at, s.started_at, s.finished_at, s.flags,"
        " s.park_key, s.result, s.more"
        " FROM rwp.job j JOIN rwp.lane l ON l.id = j.lane CROSS JOIN LATERAL " RWP_PG_STATE
        " WHERE j.id = ANY ($1::uuid[])"};

// $1 below this id, $2 states as bits, $3 queue, $4 kind, $5 without system kinds, $6 tag,
// $7 tenant, $8 created from, $9 created before, $10 limit, $11 rows to look at. OFFSET 0 has each
// job looked up for its row of the walk: a planner that takes the conditions for narrow would else
// go through the whole walk anew for each job.
#define RWP_PG_LIST(walk)                                                                   \
  "SELECT j.id, coalesce(octet_length(j.payload), 0) + coalesce(octet_length(s.result), 0)" \
  " FROM (" walk                                                                            \
  " ORDER BY id DESC LIMIT $11::bigint) w CROSS JOIN LATERAL"                               \
  " (SELECT * FROM rwp.job WHERE id = w.id OFFSET 0) j"                                     \
  " JOIN rwp.lane l ON l.id = j.lane CROSS JOIN LATERAL " RWP_PG_STATE                      \
  " WHERE ($2::integer >> s.state) & 1 = 1 AND ($3::text IS NULL OR l.queue = $3::text)"    \
  " AND ($4::text IS NULL OR l.kind = $4::text)"                                            \
  " AND NOT ($5::boolean AND starts_with(l.kind, 'rwp.'))"                                  \
  " AND ($6::text IS NULL OR (j.rare::jsonb -> 'tags') ? $6::text)"                         \
  " AND ($7::text IS NULL OR j.tenant = $7::text)"                                          \
  " AND ($8::bigint IS NULL OR j.created_at >= $8::bigint)"                                 \
  " AND ($9::bigint IS NULL OR j.created_at < $9::bigint)"                                  \
  " ORDER BY w.id DESC LIMIT $10::bigint"
#define RWP_PG_WALK_ALL "SELECT id FROM rwp.job WHERE id < $1::uuid"
#define RWP_PG_WALK_TENANT "SELECT id FROM rwp.job WHERE tenant = $7::text AND id < $1::uuid"
#define RWP_PG_WALK_UNHAPPY "SELECT id FROM rwp.ended WHERE state <> 4 AND id < $1::uuid"
#define RWP_PG_WALK_HELD                                                               \
  "SELECT id FROM (SELECT id FROM rwp.running UNION ALL SELECT id FROM rwp.waiting) o" \
  " WHERE id < $1::uuid"
// Where the walk ended, when it was cut off.
#define RWP_PG_WALK_END(walk) \
  "SELECT id, count(*) OVER () FROM (" walk " ORDER BY id DESC LIMIT $2::bigint) w ORDER BY id"

constexpr Statement kListAll{.name = "rwp_list_all", .sql = RWP_PG_LIST(RWP_PG_WALK_ALL)};
constexpr Statement kListTenant{.name = "rwp_list_tenant", .sql = RWP_PG_LIST(RWP_PG_WALK_TENANT)};
constexpr Statement kListUnhappy{.name = "rwp_list_unhappy",
                                 .sql = RWP_PG_LIST(RWP_PG_WALK_UNHAPPY)};
constexpr Statement kListHeld{.name = "rwp_list_held", .sql = RWP_PG_LIST(RWP_PG_WALK_HELD)};
constexpr Statement kEndAll{.name = "rwp_walk_end_all",
                            .sql =
                                "SELECT id, count(*) OVER () FROM (SELECT id FROM rwp.job"
                                " WHERE id < $1::uuid AND ($3::text IS NULL OR tenant = $3::text)"
                                " ORDER BY id DESC LIMIT $2::bigint) w ORDER BY id LIMIT 1"};
constexpr Statement kEndTenant{.name = "rwp_walk_end_tenant",
                               .sql =
                                   "SELECT id, count(*) OVER () FROM (SELECT id FROM rwp.job"
                                   " WHERE tenant = $3::text AND id < $1::uuid"
                                   " ORDER BY id DESC LIMIT $2::bigint) w ORDER BY id LIMIT 1"};
constexpr Statement kEndUnhappy{
    .name = "rwp_walk_end_unhappy",
    .sql = RWP_PG_WALK_END(RWP_PG_WALK_UNHAPPY " AND $3::text IS NULL") " LIMIT 1"};
constexpr Statement kEndHeld{
    .name = "rwp_walk_end_held",
    .sql = RWP_PG_WALK_END(RWP_PG_WALK_HELD " AND $3::text IS NULL") " LIMIT 1"};

constexpr Statement kQueues{.name = "rwp_queues",
                            .sql = "SELECT name, paused FROM rwp.queue ORDER BY name"};
constexpr Statement kCounts{.name = "rwp_counts",
                            .sql =
                                "SELECT l.queue, t.state, sum(t.jobs)::bigint FROM rwp.tally t"
                                " JOIN rwp.lane l ON l.id = t.lane GROUP BY l.queue, t.state"};
constexpr Statement kOldestReady{
    .name = "rwp_oldest_ready",
    .sql =
        "SELECT l.queue, min(r.run_at) FROM rwp.lane l"
        " CROSS JOIN (VALUES (0), (1), (2), (3)) AS p(priority) CROSS JOIN LATERAL"
        " (SELECT run_at FROM rwp.ready WHERE ready.lane = l.id AND ready.priority = p.priority"
        " ORDER BY seq LIMIT 1) r GROUP BY l.queue"};
constexpr Statement kTenantCounts{
    .name = "rwp_tenant_counts",
    .sql =
        "SELECT l.queue, s.state, count(*), min(s.run_at) FILTER (WHERE s.state = 1)"
        " FROM rwp.job j JOIN rwp.lane l ON l.id = j.lane CROSS JOIN LATERAL " RWP_PG_STATE
        " WHERE j.tenant = $1::text AND NOT starts_with(l.kind, 'rwp.')"
        " GROUP BY l.queue, s.state"};
constexpr Statement kEndedOf{.name = "rwp_ended_of",
                             .sql =
                                 "SELECT g.id FROM unnest($1::uuid[]) AS g(id) WHERE"
                                 // With "=" the whole tables might be hashed.
                                 " EXISTS (SELECT FROM rwp.ended e WHERE e.id = ANY (ARRAY[g.id]))"
                                 " OR NOT EXISTS (SELECT FROM rwp.job j"
                                 " WHERE j.id = ANY (ARRAY[g.id]))"};

jobs::Job read_job(const Rows& rows, std::size_t i) {
  jobs::Job job;
  job.id = rows.uuid(i, 0);
  job.queue = std::string(rows.text(i, 1));
  job.kind = std::string(rows.text(i, 2));
  job.version = static_cast<int>(rows.integer(i, 3));
  job.created_at = jobs::from_ms(rows.integer(i, 4));
  job.timeout = std::chrono::milliseconds(rows.integer(i, 5));
  job.tenant = std::string(rows.text(i, 6));
  if (!rows.is_null(i, 7)) job.payload = JsonText::trusted(std::string(rows.text(i, 7)));
  job.payload_blob = std::string(rows.text(i, 8));
  auto rare = jobs::StoredRare::read(rows.text(i, 9));
  job.tags = std::move(rare.tags);
  job.idempotency_key = std::move(rare.idempotency_key);
  job.unique_key = std::move(rare.unique_key);
  job.traceparent = std::move(rare.traceparent);
  job.state = static_cast<JobState>(rows.integer(i, 10));
  job.end_reason = static_cast<jobs::EndReason>(rows.integer(i, 11));
  job.priority = static_cast<jobs::Priority>(rows.integer(i, 12));
  job.attempt = static_cast<int>(rows.integer(i, 13));
  job.max_attempts = static_cast<int>(rows.integer(i, 14));
  job.suspect_marks = static_cast<int>(rows.integer(i, 15));
  job.crashes = static_cast<int>(rows.integer(i, 16));
  job.run_token = static_cast<std::uint64_t>(rows.integer(i, 17));
  job.run_at = jobs::from_ms(rows.integer(i, 18));
  if (!rows.is_null(i, 19)) job.started_at = jobs::from_ms(rows.integer(i, 19));
  if (!rows.is_null(i, 20)) job.finished_at = jobs::from_ms(rows.integer(i, 20));
  job.cancel_requested = (rows.integer(i, 21) & 1) != 0;
  if (job.state == JobState::parked) job.park_key = std::string(rows.text(i, 22));
  if (!rows.is_null(i, 23)) job.result = JsonText::trusted(std::string(rows.text(i, 23)));
  auto more = jobs::StoredMore::read(rows.text(i, 24));
  job.progress = job.state == JobState::succeeded ? 1.0 : more.progress;
  job.progress_note = std::move(more.note);
  job.cursor = std::move(more.cursor);
  job.errors = std::move(more.errors);
  return job;
}

Array array_of(const std::vector<Uuid>& ids, std::size_t from, std::size_t to) {
  Array array(Of::uuids);
  array.reserve(to - from, 16);
  for (std::size_t i = from; i < to; ++i) array.add(ids[i]);
  return array;
}

}  // namespace

awaitable<jobs::PerItem<jobs::Job>> get(std::shared_ptr<Session> session, std::vector<Uuid> ids) {
  std::vector<Result<jobs::Job>> answers;
  answers.reserve(ids.size());
  for (std::size_t from = 0; from < ids.size(); from += kIdsPerGet) {
    const std::size_t to = std::min(ids.size(), from + kIdsPerGet);
    std::vector<Command> commands(1, command(kGet));
    commands[0].parameters.array(array_of(ids, from, to));
    auto rows = co_await session->run(std::move(commands));
    if (!rows) co_return rows.error();
    std::unordered_map<Uuid, std::size_t> places;
    for (std::size_t i = 0; i < (*rows)[0].size(); ++i) places.emplace((*rows)[0].uuid(i, 0), i);
    for (std::size_t i = from; i < to; ++i) {
      const auto found = places.find(ids[i]);
      if (found == places.end()) {
        answers.emplace_back(no_such_job(ids[i]));
      } else {
        answers.emplace_back(read_job((*rows)[0], found->second));
      }
    }
  }
  co_return answers;
}

namespace {

struct Walk {
  const Statement* list = &kListAll;
  const Statement* end = &kEndAll;
};

/// The shortest way by all that can match.
Walk walk_of(const jobs::JobFilter& filter) {
  if (!filter.tenant.empty()) return {.list = &kListTenant, .end = &kEndTenant};
  const jobs::StateSet unhappy{JobState::failed, JobState::cancelled};
  const jobs::StateSet held{JobState::running, JobState::scheduled, JobState::parked};
  if ((filter.states.bits() & ~unhappy.bits()) == 0) {
    return {.list = &kListUnhappy, .end = &kEndUnhappy};
  }
  if ((filter.states.bits() & ~held.bits()) == 0) return {.list = &kListHeld, .end = &kEndHeld};
  return {};
}

Uuid highest_id() {
  Uuid id;
  id.bytes.fill(0xFF);
  return id;
}

Command list_command(const Walk& walk, const jobs::JobFilter& filter, const Uuid& below,
                     std::size_t limit) {
  Command made = command(*walk.list);
  const auto time_or_null = [&](const std::optional<TimePoint>& time) {
    made.parameters.big_integer(time ? std::optional<std::int64_t>(jobs::to_ms(*time))
                                     : std::nullopt);
  };
  made.parameters.uuid(below)
      .integer(int{filter.states.bits()})
      .text_or_null(filter.queue)
      .text_or_null(filter.kind)
      .boolean(filter.without_system)
      .text_or_null(filter.tag)
      .text_or_null(filter.tenant);
  time_or_null(filter.created_from);
  time_or_null(filter.created_before);
  made.parameters.big_integer(static_cast<std::int64_t>(limit) + 1).big_integer(kMostLooks);
  return made;
}

}  // namespace

awaitable<Result<jobs::JobPage>> list(std::shared_ptr<Session> session, jobs::JobFilter filter,
                                      std::string cursor, std::size_t limit) {
  Uuid below = highest_id();
  if (!cursor.empty()) {
    const auto parsed = Uuid::parse(cursor);
    if (!parsed) co_return Error(Errc::invalid_argument, "\"cursor\" is none that list() gave");
    below = *parsed;
  }
  const Walk walk = walk_of(filter);
  std::vector<Command> commands(1, list_command(walk, filter, below, limit));
  auto found = co_await session->run(std::move(commands));
  if (!found) co_return found.error();
  const Rows& hits = (*found)[0];
  std::vector<Uuid> ids;
  std::int64_t bytes = 0;
  while (ids.size() < std::min(hits.size(), limit) && bytes <= kMostPageBytes) {
    bytes += hits.integer(ids.size(), 1);
    ids.push_back(hits.uuid(ids.size(), 0));
  }
  jobs::JobPage page;
  if (ids.size() < hits.size()) {
    page.next_cursor = ids.back().to_string();
  } else {
    std::vector<Command> asking(1, command(*walk.end));
    asking[0].parameters.uuid(below).big_integer(kMostLooks).text_or_null(filter.tenant);
    auto end = co_await session->run(std::move(asking));
    if (!end) co_return end.error();
    const bool cut_off = (*end)[0].size() > 0 && (*end)[0].integer(0, 1) == kMostLooks;
    if (cut_off) page.next_cursor = (*end)[0].uuid(0, 0).to_string();
  }
  auto jobs_found = co_await get(session, std::move(ids));
  if (!jobs_found) co_return jobs_found.error();
  for (auto& job : *jobs_found) {
    // One that has been pruned since is not shown.
    if (job) page.jobs.push_back(std::move(*job));
  }
  co_return page;
}

awaitable<Result<std::vector<jobs::QueueCounts>>> counts(std::shared_ptr<Session> session,
                                                         std::string tenant) {
  std::vector<Command> commands;
  commands.push_back(command(kQueues));
  if (tenant.empty()) {
    commands.push_back(command(kCounts));
    commands.push_back(command(kOldestReady));
  } else {
    commands.push_back(command(kTenantCounts));
    commands.back().parameters.text(tenant);
  }
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  std::map<std::string, jobs::QueueCounts, std::less<>> queues;
  const Rows& states = (*rows)[1];
  for (std::size_t i = 0; i < (*rows)[0].size(); ++i) {
    jobs::QueueCounts& queue = queues[std::string((*rows)[0].text(i, 0))];
    queue.queue = std::string((*rows)[0].text(i, 0));
    queue.paused = (*rows)[0].boolean(i, 1);
  }
  const auto note_due = [](jobs::QueueCounts& queue, TimePoint due) {
    if (!queue.oldest_ready || due < *queue.oldest_ready) queue.oldest_ready = due;
  };
  std::map<std::string, bool, std::less<>> of_tenant;
  for (std::size_t i = 0; i < states.size(); ++i) {
    jobs::QueueCounts& queue = queues[std::string(states.text(i, 0))];
    queue.queue = std::string(states.text(i, 0));
    of_tenant[queue.queue] = true;
    queue.states.at(static_cast<std::size_t>(states.integer(i, 1))) += states.integer(i, 2);
    if (!tenant.empty() && !states.is_null(i, 3)) {
      note_due(queue, jobs::from_ms(states.integer(i, 3)));
    }
  }
  if (tenant.empty()) {
    const Rows& oldest = (*rows)[2];
    for (std::size_t i = 0; i < oldest.size(); ++i) {
      note_due(queues[std::string(oldest.text(i, 0))], jobs::from_ms(oldest.integer(i, 1)));
    }
  }
  std::vector<jobs::QueueCounts> answer;
  for (auto& [name, queue] : queues) {
    if (tenant.empty() || of_tenant.contains(name)) answer.push_back(std::move(queue));
  }
  co_return answer;
}

awaitable<Result<std::vector<Uuid>>> ended_of(std::shared_ptr<Session> session,
                                              std::vector<Uuid> ids) {
  std::vector<Command> commands(1, command(kEndedOf));
  commands[0].parameters.array(array_of(ids, 0, ids.size()));
  auto rows = co_await session->run(std::move(commands));
  if (!rows) co_return rows.error();
  std::vector<Uuid> ended;
  for (std::size_t i = 0; i < (*rows)[0].size(); ++i) ended.push_back((*rows)[0].uuid(i, 0));
  co_return ended;
}

}  // namespace rwp::jobs_postgres
