#include "jobs_sqlite/rows.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace rwp::jobs_sqlite {
namespace {

constexpr std::int64_t kCancelRequested = 1;
constexpr std::int64_t kStarted = 2;

std::int64_t flags_of(const jobs::Lifecycle& life) {
  return (life.cancel_requested ? kCancelRequested : 0) | (life.started ? kStarted : 0);
}

/// Binds what all three tables keep, in the order of RWP_COUNTER_COLUMNS; answers the next index.
int bind_counters(net_sqlite::Query& query, int index, const OpenRow& row,
                  const jobs::Lifecycle& life) {
  query.bind(index, life.attempt)
      .bind(index + 1, life.max_attempts)
      .bind(index + 2, life.suspect_marks)
      .bind(index + 3, life.crashes)
      .bind(index + 4, static_cast<std::int64_t>(life.run_token))
      .bind(index + 5, static_cast<std::int64_t>(life.finished_token))
      .bind(index + 6, to_ms(life.run_at))
      .bind_or_null(index + 7, row.started_at);
  return index + 8;
}

void insert_ready(Transaction& transaction, const OpenRow& row, const jobs::Lifecycle& life,
                  std::string_view more) {
  auto added =
      transaction.database.query("INSERT INTO ready (lane, priority, seq, " RWP_COUNTER_COLUMNS
                                 ", more) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  added.bind(1, row.lane).bind(2, static_cast<int>(row.priority)).bind(3, row.seq);
  const int next = bind_counters(added, 4, row, life);
  added.bind_or_null(next, more).run();
}

void insert_running(Transaction& transaction, const OpenRow& row, const jobs::Lifecycle& life,
                    std::string_view more) {
  auto added = transaction.database.query(
      "INSERT INTO running (seq, lane, priority, flags, holder, lease_until, " RWP_COUNTER_COLUMNS
      ", more) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  added.bind(1, row.seq)
      .bind(2, row.lane)
      .bind(3, static_cast<int>(row.priority))
      .bind(4, flags_of(life))
      .bind(5, row.holder)
      .bind(6, row.lease_until);
  const int next = bind_counters(added, 7, row, life);
  added.bind_or_null(next, more).run();
}

void insert_waiting(Transaction& transaction, const OpenRow& row, const jobs::Lifecycle& life,
                    std::string_view more) {
  auto added = transaction.database.query(
      "INSERT INTO waiting (seq, state, lane, priority, " RWP_COUNTER_COLUMNS
      ", more) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  added.bind(1, row.seq)
      .bind(2, static_cast<int>(life.state))
      .bind(3, row.lane)
      .bind(4, static_cast<int>(row.priority));
  const int next = bind_counters(added, 5, row, life);
  added.bind_or_null(next, more).run();
}

void write_ended(Transaction& transaction, const OpenRow& row, const jobs::Lifecycle& life,
                 std::string_view more, const JsonText* result) {
  auto added = transaction.database.query(
      "INSERT INTO ended (seq, state, reason, priority, attempt, max_attempts, marks, crashes, "
      "token,"
      " finished_token, run_at, started_at, finished_at, result, more)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  added.bind(1, row.seq)
      .bind(2, static_cast<int>(life.state))
      .bind(3, static_cast<int>(life.end_reason))
      .bind(4, static_cast<int>(row.priority))
      .bind(5, life.attempt)
      .bind(6, life.max_attempts)
      .bind(7, life.suspect_marks)
      .bind(8, life.crashes)
      .bind(9, static_cast<std::int64_t>(life.run_token))
      .bind(10, static_cast<std::int64_t>(life.finished_token))
      .bind(11, to_ms(life.run_at))
      .bind_or_null(12, row.started_at)
      .bind(13, to_ms(transaction.now))
      .bind_or_null(14, result == nullptr ? std::string_view() : result->view())
      .bind_or_null(15, more)
      .run();
}

void apply_with(Transaction& transaction, const OpenRow& row, const jobs::Lifecycle& next,
                std::string_view more, const JsonText* result) {
  remove_open(transaction, row);
  if (next.state != row.life.state) {
    transaction.count(row.lane, row.life.state, -1);
    transaction.count(row.lane, next.state, +1);
  }
  if (jobs::has_ended(next.state)) {
    write_ended(transaction, row, next, more, result);
    transaction.effects.ended.push_back(row.id.is_nil() ? id_of(transaction, row.seq) : row.id);
    return;
  }
  insert_open(transaction, row, next, more);
  const bool waits = next.state == JobState::scheduled || next.state == JobState::parked;
  transaction.effects.look_again = transaction.effects.look_again || waits;
}

}  // namespace

Uuid read_uuid(std::string_view blob) {
  Uuid id;
  if (blob.size() == id.bytes.size()) std::memcpy(id.bytes.data(), blob.data(), blob.size());
  return id;
}

Uuid id_of(Transaction& transaction, std::int64_t seq) {
  auto query = transaction.database.query("SELECT id FROM job WHERE seq = ?");
  query.bind(1, seq);
  return query.step() ? read_uuid(query.blob(0)) : Uuid();
}

std::optional<std::int64_t> find_seq(Transaction& transaction, const Uuid& id) {
  auto query = transaction.database.query("SELECT seq FROM job WHERE id = ?");
  query.bind_blob(1, id.bytes.data(), id.bytes.size());
  if (!query.step()) return std::nullopt;
  return query.integer(0);
}

OpenRow read_open(net_sqlite::Query& query) {
  OpenRow row;
  row.seq = query.integer(0);
  row.lane = query.integer(2);
  row.priority = static_cast<jobs::Priority>(query.integer(3));
  jobs::Lifecycle& life = row.life;
  life.state = static_cast<JobState>(query.integer(1));
  const std::int64_t flags = query.integer(4);
  life.cancel_requested = (flags & kCancelRequested) != 0;
  life.started = (flags & kStarted) != 0;
  life.attempt = static_cast<int>(query.integer(5));
  life.max_attempts = static_cast<int>(query.integer(6));
  life.suspect_marks = static_cast<int>(query.integer(7));
  life.crashes = static_cast<int>(query.integer(8));
  life.run_token = static_cast<std::uint64_t>(query.integer(9));
  life.finished_token = static_cast<std::uint64_t>(query.integer(10));
  life.run_at = from_ms(query.integer(11));
  row.started_at = query.integer(12);
  row.holder = query.integer(13);
  row.lease_until = query.integer(14);
  row.more = std::string(query.text(15));
  // The key decides about unpark; few rows have one.
  if (row.more.find(R"("park":)") != std::string::npos) {
    life.park_key = More::read(row.more).park_key;
  }
  return row;
}

std::optional<OpenRow> load_running(Transaction& transaction, std::int64_t seq) {
  auto query =
      transaction.database.query("SELECT " RWP_RUNNING_COLUMNS " FROM running WHERE seq = ?");
  query.bind(1, seq);
  if (!query.step()) return std::nullopt;
  return read_open(query);
}

std::optional<OpenRow> load_open(Transaction& transaction, std::int64_t seq) {
  if (auto row = load_running(transaction, seq)) return row;
  {
    auto query =
        transaction.database.query("SELECT " RWP_WAITING_COLUMNS " FROM waiting WHERE seq = ?");
    query.bind(1, seq);
    if (query.step()) return read_open(query);
  }
  auto query =
      transaction.database.query("SELECT " RWP_READY_COLUMNS
                                 " FROM ready WHERE lane = (SELECT lane FROM job WHERE seq = ?1)"
                                 " AND priority IN (0, 1, 2, 3) AND seq = ?1");
  query.bind(1, seq);
  if (!query.step()) return std::nullopt;
  return read_open(query);
}

void insert_open(Transaction& transaction, const OpenRow& row, const jobs::Lifecycle& life,
                 std::string_view more) {
  switch (life.state) {
    case JobState::ready:
      insert_ready(transaction, row, life, more);
      return;
    case JobState::running:
      insert_running(transaction, row, life, more);
      return;
    default:
      insert_waiting(transaction, row, life, more);
      return;
  }
}

void remove_open(Transaction& transaction, const OpenRow& row) {
  switch (row.life.state) {
    case JobState::ready: {
      auto removed = transaction.database.query(
          "DELETE FROM ready WHERE lane = ? AND priority = ? AND seq = ?");
      removed.bind(1, row.lane).bind(2, static_cast<int>(row.priority)).bind(3, row.seq).run();
      return;
    }
    case JobState::running: {
      auto removed = transaction.database.query("DELETE FROM running WHERE seq = ?");
      removed.bind(1, row.seq).run();
      return;
    }
    default: {
      auto removed = transaction.database.query("DELETE FROM waiting WHERE seq = ?");
      removed.bind(1, row.seq).run();
      return;
    }
  }
}

void apply(Transaction& transaction, const OpenRow& row, const jobs::Transition& step,
           const JsonText* result) {
  if (row.more.empty() && !step.error && step.next.park_key.empty()) {
    apply_with(transaction, row, step.next, {}, result);
    return;
  }
  apply(transaction, row, step, More::read(row.more), result);
}

void apply(Transaction& transaction, const OpenRow& row, const jobs::Transition& step, More more,
           const JsonText* result) {
  if (step.error) {
    more.add_error(std::max(step.next.attempt, row.life.attempt + 1), transaction.now, *step.error);
  }
  more.park_key = step.next.park_key;
  apply_with(transaction, row, step.next, more.write(), result);
}

std::optional<jobs::Job> load_job(Transaction& transaction, std::int64_t seq) {
  jobs::Job job;
  std::int64_t lane = 0;
  {
    auto query = transaction.database.query(
        "SELECT id, lane, created_at, timeout, tenant, payload, payload_blob, rare"
        " FROM job WHERE seq = ?");
    query.bind(1, seq);
    if (!query.step()) return std::nullopt;
    job.id = read_uuid(query.blob(0));
    lane = query.integer(1);
    job.created_at = from_ms(query.integer(2));
    job.timeout = std::chrono::milliseconds(query.integer(3));
    job.tenant = std::string(query.text(4));
    if (!query.is_null(5)) job.payload = JsonText::trusted(std::string(query.text(5)));
    job.payload_blob = std::string(query.text(6));
    Rare rare = Rare::read(query.text(7));
    job.tags = std::move(rare.tags);
    job.idempotency_key = std::move(rare.idempotency_key);
    job.unique_key = std::move(rare.unique_key);
    job.traceparent = std::move(rare.traceparent);
  }
  const Lane& found = transaction.lanes.by_id(transaction.database, lane);
  job.kind = found.kind;
  job.queue = found.queue;
  job.version = found.version;

  More more;
  if (const auto open = load_open(transaction, seq)) {
    const jobs::Lifecycle& life = open->life;
    job.state = life.state;
    job.priority = open->priority;
    job.attempt = life.attempt;
    job.max_attempts = life.max_attempts;
    job.suspect_marks = life.suspect_marks;
    job.crashes = life.crashes;
    job.run_token = life.run_token;
    job.run_at = life.run_at;
    job.cancel_requested = life.cancel_requested;
    if (life.state == JobState::parked) job.park_key = life.park_key;
    if (open->started_at != 0) job.started_at = from_ms(open->started_at);
    more = More::read(open->more);
  } else {
    auto query = transaction.database.query(
        "SELECT state, reason, priority, attempt, max_attempts, marks, crashes, token, run_at,"
        " started_at, finished_at, result, more FROM ended WHERE seq = ?");
    query.bind(1, seq);
    if (!query.step()) return std::nullopt;
    job.state = static_cast<JobState>(query.integer(0));
    job.end_reason = static_cast<jobs::EndReason>(query.integer(1));
    job.priority = static_cast<jobs::Priority>(query.integer(2));
    job.attempt = static_cast<int>(query.integer(3));
    job.max_attempts = static_cast<int>(query.integer(4));
    job.suspect_marks = static_cast<int>(query.integer(5));
    job.crashes = static_cast<int>(query.integer(6));
    job.run_token = static_cast<std::uint64_t>(query.integer(7));
    job.run_at = from_ms(query.integer(8));
    if (!query.is_null(9)) job.started_at = from_ms(query.integer(9));
    job.finished_at = from_ms(query.integer(10));
    if (!query.is_null(11)) job.result = JsonText::trusted(std::string(query.text(11)));
    more = More::read(query.text(12));
  }
  job.progress = job.state == JobState::succeeded ? 1.0 : more.progress;
  job.progress_note = std::move(more.note);
  job.cursor = std::move(more.cursor);
  job.errors = std::move(more.errors);
  return job;
}

}  // namespace rwp::jobs_sqlite
