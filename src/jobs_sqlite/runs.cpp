#include "jobs_sqlite/runs.hpp"

#include "jobs_sqlite/deaths.hpp"
#include "jobs_sqlite/rows.hpp"
#include "jobs_sqlite/submit.hpp"
#include <rwp/jobs/state_machine.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rwp::jobs_sqlite {
namespace {

namespace machine = jobs::machine;

Error gone(const Uuid& id) { return Error(Errc::not_found, "no job " + id.to_string()); }

Error stale() {
  return Error(Errc::conflict, "the run is stale: the job has been dispatched or ended since");
}

/// The row that this run may still hold; the handle spares the look-up by id.
std::optional<OpenRow> find_open(Transaction& transaction, const jobs::RunRef& run) {
  std::int64_t seq = run.handle;
  if (seq == 0) {
    const auto found = find_seq(transaction, run.id);
    if (!found) return std::nullopt;
    seq = *found;
  }
  auto row = load_open(transaction, seq);
  if (row) row->id = run.id;
  return row;
}

/// Why a run has no open row: its job has ended, or is not kept.
Error why_not_open(Transaction& transaction, const Uuid& id) {
  return find_seq(transaction, id) ? stale() : gone(id);
}

/// A completion of a job that has ended: the accepted one again, or one that came too late.
Result<JobState> finish_ended(Transaction& transaction, const jobs::RunRef& run) {
  const auto seq = find_seq(transaction, run.id);
  if (!seq) return gone(run.id);
  auto query =
      transaction.database.query("SELECT state, token, finished_token FROM ended WHERE seq = ?");
  query.bind(1, *seq);
  if (!query.step()) return gone(run.id);
  const auto token = static_cast<std::int64_t>(run.token);
  if (token == 0 || query.integer(1) != token || query.integer(2) != token) return stale();
  return static_cast<JobState>(query.integer(0));
}

}  // namespace

Result<jobs::LeaseState> mark_started(Transaction& transaction, const jobs::RunRef& run) {
  const auto row = find_open(transaction, run);
  if (!row) return why_not_open(transaction, run.id);
  const auto step = machine::start(row->life, run.token);
  if (!step) return step.error();
  if (step->changed) {
    auto update = transaction.database.query("UPDATE running SET flags = flags | 2 WHERE seq = ?");
    update.bind(1, row->seq).run();
  }
  return jobs::LeaseState{.cancel_requested = row->life.cancel_requested};
}

Result<jobs::LeaseState> extend(Transaction& transaction, const jobs::RunRef& run,
                                std::chrono::milliseconds lease) {
  const auto row = find_open(transaction, run);
  if (!row) return why_not_open(transaction, run.id);
  if (auto held = machine::holds(row->life, run.token); !held) return held.error();
  auto update = transaction.database.query("UPDATE running SET lease_until = ? WHERE seq = ?");
  update.bind(1, std::chrono::nanoseconds(transaction.since_boot + lease).count())
      .bind(2, row->seq)
      .run();
  return jobs::LeaseState{.cancel_requested = row->life.cancel_requested};
}

Result<jobs::LeaseState> progress(Transaction& transaction, const jobs::ProgressUpdate& update) {
  const auto row = find_open(transaction, update.run);
  if (!row) return why_not_open(transaction, update.run.id);
  if (auto held = machine::holds(row->life, update.run.token); !held) return held.error();
  More more = More::read(row->more);
  if (update.progress) more.progress = *update.progress;
  if (update.note) more.note = *update.note;
  if (update.cursor) more.cursor = *update.cursor;
  const std::string text = more.write();
  auto written = transaction.database.query("UPDATE running SET more = ? WHERE seq = ?");
  written.bind_or_null(1, text).bind(2, row->seq).run();
  return jobs::LeaseState{.cancel_requested = row->life.cancel_requested};
}

Result<JobState> finish(Transaction& transaction, const jobs::CheckedCompletion& completion) {
  const auto row = find_open(transaction, completion.run);
  if (!row) return finish_ended(transaction, completion.run);
  const auto step =
      machine::finish(row->life, completion.run.token, completion.outcome, transaction.now);
  if (!step) return step.error();
  if (!step->changed) return step->next.state;
  if (!completion.children.empty()) {
    Result<void> refused;
    const bool inserted = transaction.all_or_nothing([&] {
      for (const jobs::CheckedJob& child : completion.children) {
        auto answer = submit(transaction, child);
        if (answer) continue;
        refused = answer.error().with_context("child job");
        return false;
      }
      return true;
    });
    if (!inserted) return refused.error();
  }
  const auto* succeeded = std::get_if<jobs::Succeed>(&completion.outcome);
  const JsonText* result = succeeded == nullptr ? nullptr : &succeeded->result;
  if (row->more.empty() && !step->error && step->next.park_key.empty()) {
    apply(transaction, *row, *step, result);
  } else {
    More more = More::read(row->more);
    // A park is answered for one run; a run that was woken and ends keeps nothing of it.
    if (step->next.state != JobState::ready && step->next.state != JobState::scheduled) {
      more.resume.reset();
    }
    apply(transaction, *row, *step, std::move(more), result);
  }
  return step->next.state;
}

Result<JobState> unpark(Transaction& transaction, const jobs::UnparkRequest& request) {
  const auto seq = find_seq(transaction, request.id);
  if (!seq) return gone(request.id);
  const auto row = load_open(transaction, *seq);
  if (!row) return Error(Errc::conflict, "the job has ended");
  const auto step = machine::unpark(row->life, request.key);
  if (!step) return step.error();
  if (!step->changed) return step->next.state;
  More more = More::read(row->more);
  more.resume = jobs::Resume{.key = request.key, .value = request.value};
  apply(transaction, *row, *step, std::move(more));
  return step->next.state;
}

namespace {

/// Runs that nobody holds any more. Most are held: of those no more is read than tells it.
std::vector<std::int64_t> lost_runs(Transaction& transaction, const HolderJudge& judge,
                                    std::size_t limit) {
  std::vector<std::int64_t> lost;
  Deaths deaths(transaction, judge);
  const bool lapsed_count = transaction.since_boot >= judge.lapsed_only_after;
  auto query = transaction.database.query("SELECT seq, holder, lease_until FROM running");
  while (lost.size() < limit && query.step()) {
    const bool lapsed = lapsed_count && query.integer(2) <= transaction.since_boot.count();
    if (lapsed || deaths.is_dead(query.integer(1))) lost.push_back(query.integer(0));
  }
  return lost;
}

std::vector<OpenRow> lapsed_parks(Transaction& transaction, std::size_t limit) {
  std::vector<OpenRow> rows;
  auto query = transaction.database.query(
      "SELECT " RWP_WAITING_COLUMNS
      " FROM waiting WHERE run_at <= ? AND state = 3 ORDER BY run_at LIMIT ?");
  query.bind(1, to_ms(transaction.now)).bind(2, limit);
  while (query.step()) rows.push_back(read_open(query));
  return rows;
}

}  // namespace

jobs::Rescued rescue(Transaction& transaction, const HolderJudge& judge, std::size_t limit) {
  jobs::Rescued rescued;
  for (const std::int64_t seq : lost_runs(transaction, judge, limit)) {
    const auto row = load_running(transaction, seq);
    if (!row) continue;
    const auto step = machine::lose(row->life);
    if (!step) continue;
    apply(transaction, *row, *step);
    ++rescued.leases;
    if (step->next.end_reason == jobs::EndReason::crashed) ++rescued.quarantined;
  }
  for (const OpenRow& row : lapsed_parks(transaction, limit)) {
    const auto step = machine::park_deadline(row.life, transaction.now);
    if (!step) continue;
    More more = More::read(row.more);
    more.resume = jobs::Resume{.key = row.life.park_key};
    apply(transaction, row, *step, std::move(more));
    ++rescued.parks;
  }
  return rescued;
}

}  // namespace rwp::jobs_sqlite
