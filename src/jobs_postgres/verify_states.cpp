#include "jobs_postgres/verify.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/job.hpp>

#include <array>
#include <charconv>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
namespace finding = jobs::finding;

/// No lease is longer (ClaimRequest::lease), and clocks may step a little.
constexpr std::int64_t kLongestLeaseMs = 61LL * 60 * 1'000;

// 0 id, 1 lane, 2 priority, 3 seq, 4 whether there is such a job, 5 whether it is in that lane,
// 6 attempt, 7 max_attempts, 8 marks, 9 crashes, 10 token, 11 finished_token, 12 more.
#define RWP_PG_STATE_COLUMNS(seq)                                                   \
  "s.id, s.lane, s.priority, " seq                                                  \
  ", j.id IS NOT NULL, coalesce(j.lane = s.lane, true), s.attempt, s.max_attempts," \
  " s.marks, s.crashes, s.token, s.finished_token, s.more"
constexpr Statement kReady{
    .name = "rwp_verify_ready",
    .sql = "SELECT " RWP_PG_STATE_COLUMNS("s.seq")
           " FROM rwp.ready s LEFT JOIN rwp.job j ON j.id = s.id AND j.seq = s.seq"
           " WHERE (s.lane, s.priority, s.seq) > ($1::integer, $2::integer, $3::bigint)"
           " ORDER BY s.lane, s.priority, s.seq LIMIT $4::bigint"};
constexpr Statement kRunning{
    .name = "rwp_verify_running",
    .sql = "SELECT " RWP_PG_STATE_COLUMNS(
        "s.seq") ", CASE WHEN s.holder = -1 THEN 1 ELSE s.lease_until -"
                 " coalesce($3::bigint, " RWP_PG_NOW ") END FROM rwp.running s LEFT JOIN rwp.job j ON j.id = s.id AND j.seq = s.seq"
                 " WHERE s.id > $2::uuid ORDER BY s.id LIMIT $4::bigint"};
constexpr Statement kWaiting{
    .name = "rwp_verify_waiting",
    .sql = "SELECT " RWP_PG_STATE_COLUMNS("s.seq")
           ", s.state, s.park_key"
           " FROM rwp.waiting s LEFT JOIN rwp.job j ON j.id = s.id AND j.seq = s.seq"
           " WHERE s.id > $1::uuid ORDER BY s.id LIMIT $2::bigint"};
constexpr Statement kEnded{
    .name = "rwp_verify_ended",
    .sql = "SELECT " RWP_PG_STATE_COLUMNS("0::bigint")
           ", s.state, s.reason, s.result FROM rwp.ended s LEFT JOIN rwp.job j ON j.id = s.id"
           " WHERE s.id > $1::uuid ORDER BY s.id LIMIT $2::bigint"};
#undef RWP_PG_STATE_COLUMNS

/// Answers whether there is a job, so that more can be said of it.
bool judge_state(VerifyStep& step, const Rows& rows, std::size_t i, std::string_view where) {
  ++step.page.rows;
  const Uuid id = rows.uuid(i, 0);
  if (!rows.boolean(i, 4)) {
    step.found(finding::state_without_job, id,
               "a row is " + std::string(where) + ", and its job is gone");
    return false;
  }
  const auto invalid = [&](const char* why) { step.found(finding::state_invalid, id, why); };
  const std::int64_t priority = rows.integer(i, 2);
  if (!rows.boolean(i, 5)) invalid("it waits in another queue than the job's");
  if (priority < 0 || priority >= static_cast<std::int64_t>(jobs::kPriorityCount)) {
    invalid("it has an unknown priority");
  }
  const std::int64_t attempt = rows.integer(i, 6);
  const std::int64_t max_attempts = rows.integer(i, 7);
  if (attempt < 0 || max_attempts < 1 || attempt > max_attempts || rows.integer(i, 8) < 0 ||
      rows.integer(i, 9) < 0) {
    invalid("its attempts, marks or crashes are out of range");
  }
  if (rows.integer(i, 11) > rows.integer(i, 10)) {
    step.found(finding::token_invalid, id,
               "the completion that was accepted is of a later run than the last");
  }
  if (!rows.is_null(i, 12) && !JsonText::parse(std::string(rows.text(i, 12)))) {
    step.found(finding::document_corrupt, id, "errors, progress or cursor are no JSON");
    return false;
  }
  return true;
}

void leave(VerifyStep& step, const Rows& rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  if (count == step.limit) step.next = position_of(rows.uuid(rows.size() - 1, 0));
}

std::array<std::int64_t, 3> numbers_in(std::string_view position) {
  // Before the first, but for what is damaged.
  std::array<std::int64_t, 3> numbers{-1, -1, -1};
  const char* at = position.data();
  const char* end = at + position.size();
  for (std::int64_t& number : numbers) {
    const auto read = std::from_chars(at, end, number);
    if (read.ec != std::errc()) break;
    at = read.ptr == end ? end : read.ptr + 1;
  }
  return numbers;
}

}  // namespace

awaitable<Result<void>> verify_ready(VerifyStep* step) {
  const auto from = numbers_in(step->position);
  Command question = command(kReady);
  question.parameters.integer(static_cast<int>(from[0]))
      .integer(static_cast<int>(from[1]))
      .big_integer(from[2])
      .big_integer(step->limit);
  const auto rows = co_await step->ask(std::move(question));
  if (!rows) co_return rows.error();
  for (std::size_t i = 0; i < rows->size(); ++i) {
    (void)judge_state(*step, *rows, i, "ready");
    step->next = std::to_string(rows->integer(i, 1)) + "." + std::to_string(rows->integer(i, 2)) +
                 "." + std::to_string(rows->integer(i, 3));
  }
  if (static_cast<std::int64_t>(rows->size()) < step->limit) step->next.clear();
  co_return Result<void>();
}

awaitable<Result<void>> verify_running(VerifyStep* step) {
  Command question = command(kRunning);
  question.parameters.big_integer(step->session->given_now())
      .uuid(id_of_position(step->position))
      .big_integer(step->session->given_beat())
      .big_integer(step->limit);
  const auto rows = co_await step->ask(std::move(question));
  if (!rows) co_return rows.error();
  for (std::size_t i = 0; i < rows->size(); ++i) {
    if (!judge_state(*step, *rows, i, "running")) continue;
    const Uuid id = rows->uuid(i, 0);
    if (rows->integer(i, 10) == 0 || rows->integer(i, 10) == rows->integer(i, 11)) {
      step->found(finding::token_invalid, id, "it runs under a token that has ended");
    }
    const std::int64_t left = rows->integer(i, 13);
    if (left <= 0) {
      ++step->page.leases_to_rescue;
    } else if (left > kLongestLeaseMs) {
      step->found(finding::lease_endless, id,
                  "the lease ends in " + std::to_string(left / 1'000) +
                      " s, and none is longer than an hour");
    }
  }
  leave(*step, *rows);
  co_return Result<void>();
}

awaitable<Result<void>> verify_waiting(VerifyStep* step) {
  Command question = command(kWaiting);
  question.parameters.uuid(id_of_position(step->position)).big_integer(step->limit);
  const auto rows = co_await step->ask(std::move(question));
  if (!rows) co_return rows.error();
  for (std::size_t i = 0; i < rows->size(); ++i) {
    if (!judge_state(*step, *rows, i, "waiting")) continue;
    const Uuid id = rows->uuid(i, 0);
    const std::int64_t stands = rows->integer(i, 13);
    if (stands == static_cast<std::int64_t>(JobState::scheduled)) continue;
    if (stands != static_cast<std::int64_t>(JobState::parked)) {
      step->found(finding::state_invalid, id,
                  "it waits in the unknown state " + std::to_string(stands));
    } else if (rows->text(i, 14).empty()) {
      step->found(finding::state_invalid, id, "it is parked without a key that could wake it");
    }
  }
  leave(*step, *rows);
  co_return Result<void>();
}

awaitable<Result<void>> verify_ended(VerifyStep* step) {
  Command question = command(kEnded);
  question.parameters.uuid(id_of_position(step->position)).big_integer(step->limit);
  const auto rows = co_await step->ask(std::move(question));
  if (!rows) co_return rows.error();
  for (std::size_t i = 0; i < rows->size(); ++i) {
    if (!judge_state(*step, *rows, i, "ended")) continue;
    const Uuid id = rows->uuid(i, 0);
    const std::int64_t stands = rows->integer(i, 13);
    const std::int64_t reason = rows->integer(i, 14);
    const bool known = stands >= static_cast<std::int64_t>(JobState::succeeded) &&
                       stands < static_cast<std::int64_t>(jobs::kJobStateCount);
    const bool reasoned =
        reason >= 0 && reason <= static_cast<std::int64_t>(jobs::EndReason::cancelled) &&
        (stands == static_cast<std::int64_t>(JobState::succeeded)) == (reason == 0);
    if (!known || !reasoned) {
      step->found(finding::state_invalid, id, "it has ended in a state that is no end");
    }
    if (!rows->is_null(i, 15) && !JsonText::parse(std::string(rows->text(i, 15)))) {
      step->found(finding::document_corrupt, id, "the result is no JSON");
    }
  }
  leave(*step, *rows);
  co_return Result<void>();
}

}  // namespace rwp::jobs_postgres
