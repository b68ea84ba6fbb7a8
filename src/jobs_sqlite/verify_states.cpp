#include "jobs_sqlite/rows.hpp"
#include "jobs_sqlite/verify.hpp"
#include <rwp/core/json_text.hpp>

#include <array>
#include <charconv>
#include <limits>

namespace rwp::jobs_sqlite {
namespace {

namespace finding = jobs::finding;

/// No lease is longer (ClaimRequest::lease), and clocks need not agree to the second.
constexpr std::chrono::nanoseconds kLongestLease = std::chrono::minutes(61);

std::array<std::int64_t, 3> numbers_in(std::string_view position) {
  std::array<std::int64_t, 3> numbers{};
  const char* at = position.data();
  const char* end = at + position.size();
  for (std::int64_t& number : numbers) {
    const auto read = std::from_chars(at, end, number);
    if (read.ec != std::errc()) break;
    at = read.ptr == end ? end : read.ptr + 1;
  }
  return numbers;
}

/// What stands with a job's state, however it is open.
struct StateRow {
  OpenRow row{};
  bool has_job = false;
  Uuid id{};
  std::int64_t lane_of_job = 0;
};

/// As read_open(), of rows that may be damaged; the job's id and lane follow `more`.
StateRow read_state(net_sqlite::Query& query) {
  StateRow read;
  read.row.seq = query.integer(0);
  read.row.lane = query.integer(2);
  jobs::Lifecycle& life = read.row.life;
  life.attempt = static_cast<int>(query.integer(5));
  life.max_attempts = static_cast<int>(query.integer(6));
  life.suspect_marks = static_cast<int>(query.integer(7));
  life.crashes = static_cast<int>(query.integer(8));
  life.run_token = static_cast<std::uint64_t>(query.integer(9));
  life.finished_token = static_cast<std::uint64_t>(query.integer(10));
  read.row.holder = query.integer(13);
  read.row.lease_until = query.integer(14);
  read.row.more = std::string(query.text(15));
  read.has_job = !query.is_null(16);
  read.id = read_uuid(query.blob(16));
  read.lane_of_job = query.integer(17);
  return read;
}

/// Answers whether there is a job, so that more can be said of it.
bool judge_open(VerifyStep& step, const StateRow& state, std::int64_t priority,
                std::string_view where) {
  ++step.page.rows;
  const OpenRow& row = state.row;
  if (!state.has_job) {
    step.found(
        finding::state_without_job, Uuid(),
        "row " + std::to_string(row.seq) + " is " + std::string(where) + ", and its job is gone");
    return false;
  }
  const jobs::Lifecycle& life = row.life;
  const auto invalid = [&](const char* why) { step.found(finding::state_invalid, state.id, why); };
  if (row.lane != state.lane_of_job) invalid("it waits in another queue than the job's");
  if (priority < 0 || priority >= static_cast<std::int64_t>(jobs::kPriorityCount)) {
    invalid("it has an unknown priority");
  }
  if (life.attempt < 0 || life.max_attempts < 1 || life.attempt > life.max_attempts ||
      life.suspect_marks < 0 || life.crashes < 0) {
    invalid("its attempts, marks or crashes are out of range");
  }
  if (life.finished_token > life.run_token) {
    step.found(finding::token_invalid, state.id,
               "the completion that was accepted is of a later run than the last");
  }
  if (!row.more.empty() && !JsonText::parse(row.more)) {
    step.found(finding::document_corrupt, state.id, "errors, progress or cursor are no JSON");
    return false;
  }
  return true;
}

std::int64_t last_of(VerifyStep& step) {
  auto query = step.transaction.database.query("SELECT coalesce(max(seq), 0) FROM job");
  return query.step() ? query.integer(0) : 0;
}

/// Where a walk by row number has come to.
void leave(VerifyStep& step, std::size_t rows, std::int64_t seq) {
  if (rows < step.limit) return;
  step.next = std::to_string(seq);
  const std::int64_t last = last_of(step);
  if (last > 0) step.share = static_cast<double>(seq) / static_cast<double>(last);
}

}  // namespace

#define RWP_JOB_COLUMNS ", job.id, job.lane"
#define RWP_OPEN_COUNTERS                                                        \
  "state.attempt, state.max_attempts, state.marks, state.crashes, state.token, " \
  "state.finished_token, state.run_at, state.started_at"

void verify_ready(VerifyStep& step) {
  const auto from = numbers_in(step.position);
  auto query = step.transaction.database.query(
      "SELECT state.seq, 1, state.lane, state.priority, 0, " RWP_OPEN_COUNTERS
      ", 0, 0, state.more" RWP_JOB_COLUMNS
      " FROM ready AS state LEFT JOIN job ON job.seq = state.seq"
      " WHERE (state.lane, state.priority, state.seq) > (?1, ?2, ?3)"
      " ORDER BY state.lane, state.priority, state.seq LIMIT ?4");
  // Before the first: numbers begin at 1, but for what is damaged.
  constexpr std::int64_t kBeforeAll = std::numeric_limits<std::int64_t>::min();
  query.bind(1, step.position.empty() ? kBeforeAll : from[0])
      .bind(2, from[1])
      .bind(3, from[2])
      .bind(4, step.limit);
  std::size_t rows = 0;
  while (query.step()) {
    const StateRow state = read_state(query);
    const std::int64_t priority = query.integer(3);
    ++rows;
    (void)judge_open(step, state, priority, "ready");
    step.next = std::to_string(state.row.lane) + "." + std::to_string(priority) + "." +
                std::to_string(state.row.seq);
  }
  if (rows < step.limit) step.next.clear();
  if (!step.next.empty()) step.share = 0.5;
}

void verify_running(VerifyStep& step) {
  const auto from = numbers_in(step.position);
  Deaths deaths(step.transaction, step.judge);
  auto query = step.transaction.database.query(
      "SELECT state.seq, 2, state.lane, state.priority, state.flags, " RWP_OPEN_COUNTERS
      ", state.holder, state.lease_until, state.more" RWP_JOB_COLUMNS
      ", holder.id, holder.boot_id"
      " FROM running AS state LEFT JOIN job ON job.seq = state.seq"
      " LEFT JOIN holder ON holder.id = state.holder"
      " WHERE state.seq > ?1 ORDER BY state.seq LIMIT ?2");
  query.bind(1, from[0]).bind(2, step.limit);
  const std::int64_t now = step.transaction.since_boot.count();
  std::size_t rows = 0;
  std::int64_t last = 0;
  while (query.step()) {
    const StateRow state = read_state(query);
    ++rows;
    last = state.row.seq;
    if (!judge_open(step, state, query.integer(3), "running")) continue;
    if (state.row.life.run_token == 0 ||
        state.row.life.finished_token == state.row.life.run_token) {
      step.found(finding::token_invalid, state.id, "it runs under a token that has ended");
    }
    if (query.is_null(18)) {
      step.found(finding::lease_without_holder, state.id,
                 "holder " + std::to_string(state.row.holder) +
                     " is unknown; the job is taken back although it may still run");
      continue;
    }
    const bool of_this_boot = query.text(19) == step.judge.boot_id;
    const std::int64_t left = state.row.lease_until - now;
    if (left <= 0 || deaths.is_dead(state.row.holder)) {
      ++step.page.leases_to_rescue;
    } else if (of_this_boot && left > kLongestLease.count()) {
      step.found(finding::lease_endless, state.id,
                 "the lease ends in " + std::to_string(left / 1'000'000'000) +
                     " s, and none is longer than an hour");
    }
  }
  leave(step, rows, last);
}

void verify_waiting(VerifyStep& step) {
  const auto from = numbers_in(step.position);
  auto query = step.transaction.database.query(
      "SELECT state.seq, state.state, state.lane, state.priority, 0, " RWP_OPEN_COUNTERS
      ", 0, 0, state.more" RWP_JOB_COLUMNS
      " FROM waiting AS state LEFT JOIN job ON job.seq = state.seq"
      " WHERE state.seq > ?1 ORDER BY state.seq LIMIT ?2");
  query.bind(1, from[0]).bind(2, step.limit);
  std::size_t rows = 0;
  std::int64_t last = 0;
  while (query.step()) {
    const StateRow state = read_state(query);
    ++rows;
    last = state.row.seq;
    if (!judge_open(step, state, query.integer(3), "waiting")) continue;
    const std::int64_t stands = query.integer(1);
    if (stands == static_cast<std::int64_t>(JobState::scheduled)) continue;
    if (stands != static_cast<std::int64_t>(JobState::parked)) {
      step.found(finding::state_invalid, state.id,
                 "it waits in the unknown state " + std::to_string(stands));
    } else if (More::read(state.row.more).park_key.empty()) {
      step.found(finding::state_invalid, state.id, "it is parked without a key that could wake it");
    }
  }
  leave(step, rows, last);
}

void verify_ended(VerifyStep& step) {
  const auto from = numbers_in(step.position);
  auto query = step.transaction.database.query(
      "SELECT state.seq, state.state, job.lane, state.priority, 0, " RWP_OPEN_COUNTERS
      ", 0, 0, state.more" RWP_JOB_COLUMNS
      ", state.reason, state.result"
      " FROM ended AS state LEFT JOIN job ON job.seq = state.seq"
      " WHERE state.seq > ?1 ORDER BY state.seq LIMIT ?2");
  query.bind(1, from[0]).bind(2, step.limit);
  std::size_t rows = 0;
  std::int64_t last = 0;
  while (query.step()) {
    const StateRow state = read_state(query);
    ++rows;
    last = state.row.seq;
    if (!judge_open(step, state, query.integer(3), "ended")) continue;
    const std::int64_t stands = query.integer(1);
    const std::int64_t reason = query.integer(18);
    const bool known = stands >= static_cast<std::int64_t>(JobState::succeeded) &&
                       stands < static_cast<std::int64_t>(jobs::kJobStateCount);
    const bool reasoned =
        reason >= 0 && reason <= static_cast<std::int64_t>(jobs::EndReason::cancelled) &&
        (stands == static_cast<std::int64_t>(JobState::succeeded)) == (reason == 0);
    if (!known || !reasoned) {
      step.found(finding::state_invalid, state.id, "it has ended in a state that is no end");
    }
    if (!query.is_null(19) && !JsonText::parse(std::string(query.text(19)))) {
      step.found(finding::document_corrupt, state.id, "the result is no JSON");
    }
  }
  leave(step, rows, last);
}

#undef RWP_OPEN_COUNTERS
#undef RWP_JOB_COLUMNS

}  // namespace rwp::jobs_sqlite
