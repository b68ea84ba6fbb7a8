#include "jobs_postgres/open_rows.hpp"

#include <algorithm>
#include <map>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using jobs::StoredMore;
using Of = Array::Of;

constexpr int kCancelRequested = 1;
constexpr int kStarted = 2;

// One list of columns for all tables: what a table does not have is a constant.
#define RWP_PG_COUNTERS(t)                                                      \
  t ".attempt, " t ".max_attempts, " t ".marks, " t ".crashes, " t ".token, " t \
    ".finished_token, " t ".run_at, " t ".started_at"
#define RWP_PG_READY \
  "SELECT r.id, 1, r.lane, r.priority, r.seq, 0, 0, r.bytes, 0::bigint, 0::bigint, 0, " \
  "0::bigint, " \
  RWP_PG_COUNTERS("r")                                                                       \
  ", r.park_key, r.more FROM rwp.job j CROSS JOIN (VALUES (0), (1), (2), (3)) AS p(priority)" \
  " CROSS JOIN LATERAL (SELECT * FROM rwp.ready c WHERE c.lane = j.lane"                      \
  " AND c.priority = p.priority::smallint AND c.seq = j.seq OFFSET 0) r"                      \
  " WHERE j.id = ANY ($1::uuid[]) ORDER BY j.id"
#define RWP_PG_WAITING                                                                        \
  "SELECT r.id, r.state, r.lane, r.priority, r.seq, 0, 0, r.bytes, 0::bigint, 0::bigint, 0, " \
  "0::bigint, " RWP_PG_COUNTERS(                                                              \
      "r") ", r.park_key, r.more FROM rwp.waiting r WHERE r.id = ANY ($1::uuid[]) ORDER BY r.id"
#define RWP_PG_RUNNING                                                                             \
  "SELECT r.id, 2, r.lane, r.priority, r.seq, r.flags, 0, r.bytes, r.holder, r.claim, r.lease_ms," \
  " r.lease_until, " RWP_PG_COUNTERS(                                                              \
      "r") ", NULL::text, r.more FROM rwp.running r WHERE r.id = ANY ($1::uuid[]) ORDER BY r.id"
#define RWP_PG_ENDED \
  "SELECT r.id, r.state, r.lane, r.priority, j.seq, 0, r.reason, " \
  "coalesce(octet_length(j.payload), 0)," \
  " 0::bigint, 0::bigint, 0, 0::bigint, "                                                    \
  RWP_PG_COUNTERS("r")                                                                       \
  ", NULL::text, r.more FROM rwp.ended r JOIN rwp.job j ON j.id = ANY (ARRAY[r.id])"                      \
  " WHERE r.id = ANY ($1::uuid[]) ORDER BY r.id"

constexpr Statement kClock{.name = "rwp_clock", .sql = "SELECT " RWP_PG_NOW};
constexpr Statement kKnown{.name = "rwp_known",
                           .sql = "SELECT id FROM rwp.job WHERE id = ANY ($1::uuid[])"};
constexpr Statement kReadyLocked{.name = "rwp_ready_locked",
                                 .sql = RWP_PG_READY " FOR UPDATE OF r"};
constexpr Statement kWaitingLocked{.name = "rwp_waiting_locked",
                                   .sql = RWP_PG_WAITING " FOR UPDATE OF r"};
constexpr Statement kRunningLocked{.name = "rwp_running_locked",
                                   .sql = RWP_PG_RUNNING " FOR UPDATE OF r"};
constexpr Statement kEndedLocked{.name = "rwp_ended_locked",
                                 .sql = RWP_PG_ENDED " FOR UPDATE OF r"};

constexpr Statement kDropReady{
    .name = "rwp_drop_ready",
    .sql =
        "DELETE FROM rwp.ready r USING"
        " unnest($1::integer[], $2::smallint[], $3::bigint[]) AS g(lane, priority, seq)"
        " WHERE r.lane = ANY (ARRAY[g.lane]) AND r.priority = ANY (ARRAY[g.priority])"
        " AND r.seq = ANY (ARRAY[g.seq])"};
constexpr Statement kDropRunning{.name = "rwp_drop_running",
                                 .sql = "DELETE FROM rwp.running WHERE id = ANY ($1::uuid[])"};
constexpr Statement kDropWaiting{.name = "rwp_drop_waiting",
                                 .sql = "DELETE FROM rwp.waiting WHERE id = ANY ($1::uuid[])"};
constexpr Statement kDropEnded{.name = "rwp_drop_ended",
                               .sql = "DELETE FROM rwp.ended WHERE id = ANY ($1::uuid[])"};

constexpr Statement kPutReady{
    .name = "rwp_put_ready",
    .sql =
        "INSERT INTO rwp.ready (id, lane, priority, seq, bytes, attempt, max_attempts, marks,"
        " crashes, token, finished_token, run_at, started_at, more, park_key)"
        " SELECT * FROM unnest($1::uuid[], $2::integer[], $3::smallint[], $4::bigint[],"
        " $5::integer[], $6::integer[], $7::integer[], $8::integer[], $9::integer[],"
        " $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[], $15::text[])"};
constexpr Statement kPutWaiting{
    .name = "rwp_put_waiting",
    .sql =
        "INSERT INTO rwp.waiting (id, lane, priority, seq, bytes, attempt, max_attempts, marks,"
        " crashes, token, finished_token, run_at, started_at, more, park_key, state)"
        " SELECT * FROM unnest($1::uuid[], $2::integer[], $3::smallint[], $4::bigint[],"
        " $5::integer[], $6::integer[], $7::integer[], $8::integer[], $9::integer[],"
        " $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[], $15::text[],"
        " $16::smallint[])"};
constexpr Statement kChangeRunning{
    .name = "rwp_change_running",
    .sql =
        "UPDATE rwp.running r SET flags = g.flags, more = g.more FROM"
        " unnest($1::uuid[], $2::smallint[], $3::text[]) AS g(id, flags, more)"
        " WHERE r.id = ANY (ARRAY[g.id])"};
constexpr Statement kPutEnded{
    .name = "rwp_put_ended",
    .sql =
        "INSERT INTO rwp.ended (id, lane, priority, attempt, max_attempts, marks, crashes,"
        " token, finished_token, run_at, started_at, more, state, reason, finished_at, result)"
        " SELECT * FROM unnest($1::uuid[], $2::integer[], $3::smallint[], $4::integer[],"
        " $5::integer[], $6::integer[], $7::integer[], $8::bigint[], $9::bigint[],"
        " $10::bigint[], $11::bigint[], $12::text[], $13::smallint[], $14::smallint[],"
        " $15::bigint[], $16::text[])"};
constexpr Statement kTally{.name = "rwp_tally",
                           .sql =
                               "INSERT INTO rwp.tally SELECT * FROM"
                               " unnest($1::integer[], $2::smallint[], $3::bigint[])"};

Array ids_array(const std::vector<Uuid>& ids) {
  Array array(Of::uuids);
  array.reserve(ids.size(), 16);
  for (const Uuid& id : ids) array.add(id);
  return array;
}

StateRow read_row(const Rows& rows, std::size_t i) {
  StateRow row;
  row.id = rows.uuid(i, 0);
  row.life.state = static_cast<JobState>(rows.integer(i, 1));
  row.lane = rows.integer(i, 2);
  row.priority = static_cast<jobs::Priority>(rows.integer(i, 3));
  row.stands_at = row.priority;
  row.seq = rows.integer(i, 4);
  const std::int64_t flags = rows.integer(i, 5);
  row.life.cancel_requested = (flags & kCancelRequested) != 0;
  row.life.started = (flags & kStarted) != 0;
  row.life.end_reason = static_cast<jobs::EndReason>(rows.integer(i, 6));
  row.bytes = rows.integer(i, 7);
  row.holder = rows.integer(i, 8);
  row.claim = rows.integer(i, 9);
  row.lease_ms = rows.integer(i, 10);
  row.lease_until = rows.integer(i, 11);
  row.life.attempt = static_cast<int>(rows.integer(i, 12));
  row.life.max_attempts = static_cast<int>(rows.integer(i, 13));
  row.life.suspect_marks = static_cast<int>(rows.integer(i, 14));
  row.life.crashes = static_cast<int>(rows.integer(i, 15));
  row.life.run_token = static_cast<std::uint64_t>(rows.integer(i, 16));
  row.life.finished_token = static_cast<std::uint64_t>(rows.integer(i, 17));
  row.life.run_at = jobs::from_ms(rows.integer(i, 18));
  row.started_at = rows.integer(i, 19);
  row.life.park_key = std::string(rows.text(i, 20));
  row.more = std::string(rows.text(i, 21));
  return row;
}

}  // namespace

void Effects::made_ready(std::int64_t lane) {
  if (std::find(ready_lanes.begin(), ready_lanes.end(), lane) == ready_lanes.end()) {
    ready_lanes.push_back(lane);
  }
}

void Effects::add(const Effects& other) {
  look_again = look_again || other.look_again;
  for (const std::int64_t lane : other.ready_lanes) made_ready(lane);
  ended.insert(ended.end(), other.ended.begin(), other.ended.end());
}

awaitable<Tried<LoadedRows>> begin_and_load(Lease* lease, std::vector<Uuid> ids,
                                            std::optional<std::int64_t> given_now,
                                            SteadyTime deadline) {
  Tried<LoadedRows> tried;
  LoadedRows loaded;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  // One that moves from a table not yet looked at to one that has been, is found the next time.
  for (int round = 0; round == 0 || !ids.empty(); ++round) {
    std::vector<Command> commands;
    if (round == 0) commands.push_back(command(kBegin));
    commands.push_back(command(kClock));
    commands.back().parameters.big_integer(given_now);
    for (const Statement* statement :
         {&kKnown, &kReadyLocked, &kWaitingLocked, &kRunningLocked, &kEndedLocked}) {
      commands.push_back(command(*statement));
      commands.back().parameters.array(ids_array(ids));
    }
    const auto answer = co_await lease->run(std::move(commands), deadline);
    if (!answer) {
      tried.failure = answer.failure;
      // Nothing has been done yet.
      tried.failure->in_doubt = false;
      if (!tried.failure->lost) co_await roll_back(lease, deadline);
      co_return tried;
    }
    const std::size_t first = round == 0 ? 1 : 0;
    loaded.now = jobs::from_ms(answer.rows[first].integer(0, 0));
    for (std::size_t table = first + 2; table < answer.rows.size(); ++table) {
      for (std::size_t i = 0; i < answer.rows[table].size(); ++i) {
        StateRow row = read_row(answer.rows[table], i);
        const Uuid id = row.id;
        loaded.rows[id] = std::move(row);
      }
    }
    std::vector<Uuid> missed;
    const Rows& known = answer.rows[first + 1];
    for (std::size_t i = 0; i < known.size(); ++i) {
      const Uuid id = known.uuid(i, 0);
      if (!loaded.rows.contains(id)) missed.push_back(id);
    }
    ids = std::move(missed);
    if (round == 100 && !ids.empty()) {
      co_await roll_back(lease, deadline);
      tried.failure = Failure{
          .error = Error(Errc::corrupt, "job " + ids.front().to_string() + " stands in no table")};
      co_return tried;
    }
  }
  tried.made = std::move(loaded);
  co_return tried;
}

awaitable<void> roll_back(Lease* lease, SteadyTime deadline) {
  std::vector<Command> commands(1, command(kRollback));
  // Should that fail, the connection ends, and the transaction with it.
  (void)co_await lease->run(std::move(commands), deadline);
}

void RowWriter::move(StateRow row, const jobs::Lifecycle& next, const std::string& more,
                     const JsonText* result) {
  if (jobs::has_ended(next.state)) {
    effects_.ended.push_back(row.id);
  } else if (next.state == JobState::ready) {
    effects_.made_ready(row.lane);
  } else if (next.state != JobState::running) {
    effects_.look_again = true;
  }
  Move move{.row = std::move(row), .next = next, .more = more};
  if (result != nullptr) move.result = *result;
  moves_.push_back(std::move(move));
}

void RowWriter::apply(StateRow row, const jobs::Transition& step, const JsonText* result) {
  if (!step.error) {
    const std::string more = row.more;
    move(std::move(row), step.next, more, result);
    return;
  }
  auto more = StoredMore::read(row.more);
  apply(std::move(row), step, std::move(more), result);
}

void RowWriter::apply(StateRow row, const jobs::Transition& step, StoredMore more,
                      const JsonText* result) {
  if (step.error) {
    more.add_error(std::max(step.next.attempt, row.life.attempt + 1), now_, *step.error);
  }
  move(std::move(row), step.next, more.write(), result);
}

void RowWriter::remove(std::vector<Command>& commands) const {
  Array lanes(Of::integers);
  Array priorities(Of::small_integers);
  Array seqs(Of::big_integers);
  Array running(Of::uuids);
  Array waiting(Of::uuids);
  Array ended(Of::uuids);
  for (const Move& move : moves_) {
    const StateRow& row = move.row;
    switch (row.life.state) {
      case JobState::ready:
        lanes.add(row.lane);
        priorities.add(static_cast<int>(row.stands_at));
        seqs.add(row.seq);
        break;
      case JobState::running:
        if (move.next.state != JobState::running) running.add(row.id);
        break;
      case JobState::scheduled:
      case JobState::parked:
        waiting.add(row.id);
        break;
      default:
        ended.add(row.id);
        break;
    }
  }
  if (lanes.size() > 0) {
    commands.push_back(command(kDropReady));
    commands.back()
        .parameters.array(std::move(lanes))
        .array(std::move(priorities))
        .array(std::move(seqs));
  }
  const auto drop = [&](const Statement& statement, Array& ids) {
    if (ids.size() == 0) return;
    commands.push_back(command(statement));
    commands.back().parameters.array(std::move(ids));
  };
  drop(kDropRunning, running);
  drop(kDropWaiting, waiting);
  drop(kDropEnded, ended);
}

namespace {

/// The columns that ready and waiting share, in the order of their inserts.
class OpenColumns {
 public:
  void add(const StateRow& row, const jobs::Lifecycle& next, const std::string& more) {
    ids_.add(row.id);
    lanes_.add(row.lane);
    priorities_.add(static_cast<int>(row.priority));
    seqs_.add(row.seq);
    bytes_.add(row.bytes);
    attempts_.add(next.attempt);
    max_attempts_.add(next.max_attempts);
    marks_.add(next.suspect_marks);
    crashes_.add(next.crashes);
    tokens_.add(static_cast<std::int64_t>(next.run_token));
    finished_tokens_.add(static_cast<std::int64_t>(next.finished_token));
    run_at_.add(jobs::to_ms(next.run_at));
    started_at_.add_or_null(row.started_at);
    more_.add_or_null(std::string_view(more));
    park_keys_.add_or_null(std::string_view(next.park_key));
  }
  std::size_t size() const { return ids_.size(); }
  void give_to(Parameters& parameters) {
    for (Array* column :
         {&ids_, &lanes_, &priorities_, &seqs_, &bytes_, &attempts_, &max_attempts_, &marks_,
          &crashes_, &tokens_, &finished_tokens_, &run_at_, &started_at_, &more_, &park_keys_}) {
      parameters.array(std::move(*column));
    }
  }

 private:
  Array ids_{Of::uuids};
  Array lanes_{Of::integers};
  Array priorities_{Of::small_integers};
  Array seqs_{Of::big_integers};
  Array bytes_{Of::integers};
  Array attempts_{Of::integers};
  Array max_attempts_{Of::integers};
  Array marks_{Of::integers};
  Array crashes_{Of::integers};
  Array tokens_{Of::big_integers};
  Array finished_tokens_{Of::big_integers};
  Array run_at_{Of::big_integers};
  Array started_at_{Of::big_integers};
  Array more_{Of::texts};
  Array park_keys_{Of::texts};
};

}  // namespace

void RowWriter::insert_ready(std::vector<Command>& commands) const {
  OpenColumns columns;
  for (const Move& move : moves_) {
    if (move.next.state == JobState::ready) columns.add(move.row, move.next, move.more);
  }
  if (columns.size() == 0) return;
  commands.push_back(command(kPutReady));
  columns.give_to(commands.back().parameters);
}

void RowWriter::insert_waiting(std::vector<Command>& commands) const {
  OpenColumns columns;
  Array states(Of::small_integers);
  for (const Move& move : moves_) {
    if (move.next.state != JobState::scheduled && move.next.state != JobState::parked) continue;
    columns.add(move.row, move.next, move.more);
    states.add(static_cast<int>(move.next.state));
  }
  if (columns.size() == 0) return;
  commands.push_back(command(kPutWaiting));
  columns.give_to(commands.back().parameters);
  commands.back().parameters.array(std::move(states));
}

void RowWriter::insert_running(std::vector<Command>& commands) const {
  Array ids(Of::uuids);
  Array flags(Of::small_integers);
  Array more(Of::texts);
  for (const Move& move : moves_) {
    if (move.next.state != JobState::running) continue;
    ids.add(move.row.id);
    flags.add((move.next.cancel_requested ? kCancelRequested : 0) |
              (move.next.started ? kStarted : 0));
    more.add_or_null(std::string_view(move.more));
  }
  if (ids.size() == 0) return;
  commands.push_back(command(kChangeRunning));
  commands.back().parameters.array(std::move(ids)).array(std::move(flags)).array(std::move(more));
}

void RowWriter::insert_ended(std::vector<Command>& commands) const {
  Array ids(Of::uuids);
  Array lanes(Of::integers);
  Array priorities(Of::small_integers);
  Array attempts(Of::integers);
  Array max_attempts(Of::integers);
  Array marks(Of::integers);
  Array crashes(Of::integers);
  Array tokens(Of::big_integers);
  Array finished_tokens(Of::big_integers);
  Array run_at(Of::big_integers);
  Array started_at(Of::big_integers);
  Array more(Of::texts);
  Array states(Of::small_integers);
  Array reasons(Of::small_integers);
  Array finished_at(Of::big_integers);
  Array results(Of::texts);
  for (const Move& move : moves_) {
    const jobs::Lifecycle& next = move.next;
    if (!jobs::has_ended(next.state)) continue;
    ids.add(move.row.id);
    lanes.add(move.row.lane);
    priorities.add(static_cast<int>(move.row.priority));
    attempts.add(next.attempt);
    max_attempts.add(next.max_attempts);
    marks.add(next.suspect_marks);
    crashes.add(next.crashes);
    tokens.add(static_cast<std::int64_t>(next.run_token));
    finished_tokens.add(static_cast<std::int64_t>(next.finished_token));
    run_at.add(jobs::to_ms(next.run_at));
    started_at.add_or_null(move.row.started_at);
    more.add_or_null(std::string_view(move.more));
    states.add(static_cast<int>(next.state));
    reasons.add(static_cast<int>(next.end_reason));
    finished_at.add(jobs::to_ms(now_));
    move.result ? results.add(move.result->view()) : results.add_null();
  }
  if (ids.size() == 0) return;
  commands.push_back(command(kPutEnded));
  Parameters& parameters = commands.back().parameters;
  for (Array* column :
       {&ids, &lanes, &priorities, &attempts, &max_attempts, &marks, &crashes, &tokens,
        &finished_tokens, &run_at, &started_at, &more, &states, &reasons, &finished_at, &results}) {
    parameters.array(std::move(*column));
  }
}

void RowWriter::tally(std::vector<Command>& commands) const {
  std::map<std::pair<std::int64_t, JobState>, std::int64_t> changes;
  for (const Move& move : moves_) {
    --changes[{move.row.lane, move.row.life.state}];
    ++changes[{move.row.lane, move.next.state}];
  }
  Array lanes(Of::integers);
  Array states(Of::small_integers);
  Array jobs_changed(Of::big_integers);
  for (const auto& [key, change] : changes) {
    if (change == 0) continue;
    lanes.add(key.first);
    states.add(static_cast<int>(key.second));
    jobs_changed.add(change);
  }
  if (lanes.size() == 0) return;
  commands.push_back(command(kTally));
  commands.back()
      .parameters.array(std::move(lanes))
      .array(std::move(states))
      .array(std::move(jobs_changed));
}

std::vector<Command> RowWriter::commands() const {
  std::vector<Command> commands;
  if (moves_.empty()) return commands;
  remove(commands);
  insert_ready(commands);
  insert_running(commands);
  insert_waiting(commands);
  insert_ended(commands);
  tally(commands);
  return commands;
}

}  // namespace rwp::jobs_postgres
