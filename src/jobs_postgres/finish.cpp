#include "jobs_postgres/runs.hpp"
#include "jobs_postgres/submit.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using jobs::CheckedCompletion;
using jobs::CheckedJob;
using Of = Array::Of;

// Fenced by the run token; what it does not answer is looked at one by one.
constexpr Statement kSucceed{
    .name = "rwp_succeed",
    .sql = "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW
           " AS now),"
           " gone AS (DELETE FROM rwp.running r USING"
           " unnest($2::uuid[], $3::bigint[], $4::text[], $5::bigint[])"
           " AS g(id, token, result, began)"
           " WHERE r.id = ANY (ARRAY[g.id]) AND r.token = g.token"
           // What was woken from a park is written by the state machine: the server's jsonb would
           // refuse an escaped NUL in the value that woke it, and the job could never end.
           " AND (r.more IS NULL OR strpos(r.more, '\"resume\":') = 0)"
           " RETURNING r.id, r.lane, r.priority, r.attempt, r.max_attempts, r.token, r.run_at,"
           " r.started_at, r.more, g.result, g.began),"
           " kept AS (INSERT INTO rwp.ended (id, lane, state, reason, priority, attempt,"
           " max_attempts, marks, crashes, token, finished_token, run_at, started_at, finished_at,"
           " result, more)"
           " SELECT id, lane, 4, 0, priority, attempt, max_attempts, 0, 0, token, token, run_at,"
           " coalesce(began, started_at), clock.now, result, more FROM gone, clock),"
           " counted AS (INSERT INTO rwp.tally SELECT t.lane, s.state, s.sign * t.jobs"
           " FROM (SELECT lane, count(*) AS jobs FROM gone GROUP BY lane) t,"
           " (VALUES (2::smallint, -1), (4::smallint, 1)) AS s(state, sign)),"
           // All of them: one row without an id. Else the ids of those that it was.
           " whole AS MATERIALIZED (SELECT count(*) = cardinality($2::uuid[]) AS gone FROM gone)"
           " SELECT NULL::uuid FROM whole WHERE whole.gone"
           " UNION ALL SELECT gone.id FROM gone, whole WHERE NOT whole.gone"};

/// Judges one completion by the state machine, and writes what it says.
Result<jobs::Transition> judge(const CheckedCompletion& completion, const StateRow* row,
                               TimePoint now) {
  if (row == nullptr) return no_such_job(completion.run.id);
  return jobs::machine::finish(row->life, completion.run.token, completion.outcome, now);
}

void write_end(const CheckedCompletion& completion, StateRow& row, const jobs::Transition& step,
               RowWriter& writer) {
  const auto* succeeded = std::get_if<jobs::Succeed>(&completion.outcome);
  const JsonText* result = succeeded == nullptr ? nullptr : &succeeded->result;
  auto more = jobs::StoredMore::read(row.more);
  // A park is answered for one run; a run that was woken and ends keeps nothing of it.
  if (step.next.state != JobState::ready && step.next.state != JobState::scheduled) {
    more.resume.reset();
  }
  writer.apply(row, step, std::move(more), result);
  row.life = step.next;
}

/// Children of completions, and whose they are.
struct Children {
  std::vector<const CheckedJob*> jobs{};
  std::vector<std::size_t> parents{};
  bool have_keys = false;
};

/// Completions left out because a child of theirs is refused, by their places.
using Refusals = std::unordered_map<std::size_t, Error>;

/// What becomes of each completion, and what is to be written for it.
Done<JobState> judge_all(const std::vector<const CheckedCompletion*>& completions,
                         const Refusals& refused, LoadedRows& loaded, RowWriter& writer,
                         Children& children) {
  Done<JobState> done;
  done.answers.reserve(completions.size());
  for (std::size_t i = 0; i < completions.size(); ++i) {
    const CheckedCompletion& completion = *completions[i];
    if (const auto found = refused.find(i); found != refused.end()) {
      done.answers.emplace_back(found->second);
      continue;
    }
    const auto found = loaded.rows.find(completion.run.id);
    StateRow* const row = found == loaded.rows.end() ? nullptr : &found->second;
    const auto step = judge(completion, row, loaded.now);
    if (!step) {
      done.answers.emplace_back(step.error());
      continue;
    }
    done.answers.emplace_back(step->next.state);
    if (!step->changed) continue;
    if (completion.run.handle != 0) row->started_at = completion.run.handle;
    for (const CheckedJob& child : completion.children) {
      children.jobs.push_back(&child);
      children.parents.push_back(i);
      children.have_keys = children.have_keys || has_keys(child);
    }
    write_end(completion, *row, *step, writer);
  }
  return done;
}

/// Within the transaction that is open; what fails has no effect.
awaitable<Tried<Done<jobs::Inserted>>> insert_children(std::shared_ptr<Session> session,
                                                       Lease* lease, const Children* children,
                                                       bool in_doubt, SteadyTime deadline) {
  auto wanted = children->jobs;
  Tried<Done<jobs::Inserted>> inserted;
  if (children->have_keys) {
    inserted = co_await insert_by_function(session, lease, std::move(wanted), in_doubt, deadline);
  } else {
    inserted = co_await insert_plain(session, lease, std::move(wanted), in_doubt, deadline);
  }
  if (!inserted.made) {
    inserted.failure->in_doubt = false;
    if (!inserted.failure->lost) co_await roll_back(lease, deadline);
  }
  co_return inserted;
}

/// Completions one by one, with their children, in one transaction. A completion whose child is
/// refused is left out, and the others are run again without it.
awaitable<Tried<Done<JobState>>> finish_each(std::shared_ptr<Session> session, Lease* lease,
                                             std::vector<const CheckedCompletion*> completions,
                                             bool in_doubt, SteadyTime deadline) {
  Tried<Done<JobState>> tried;
  Refusals refused;
  for (;;) {
    std::vector<Uuid> ids;
    ids.reserve(completions.size());
    for (const CheckedCompletion* completion : completions) ids.push_back(completion->run.id);
    auto loaded = co_await begin_and_load(lease, std::move(ids), session->given_now(), deadline);
    if (!loaded.made) {
      tried.failure = std::move(loaded.failure);
      co_return tried;
    }
    RowWriter writer(loaded.made->now);
    Children children;
    Done<JobState> done = judge_all(completions, refused, *loaded.made, writer, children);
    if (!children.jobs.empty()) {
      auto inserted = co_await insert_children(session, lease, &children, in_doubt, deadline);
      if (!inserted.made) {
        tried.failure = std::move(inserted.failure);
        co_return tried;
      }
      const std::size_t refused_before = refused.size();
      for (std::size_t i = 0; i < children.parents.size(); ++i) {
        const auto& answer = inserted.made->answers[i];
        if (!answer) refused.emplace(children.parents[i], answer.error().with_context("child job"));
      }
      if (refused.size() > refused_before) {
        co_await roll_back(lease, deadline);
        continue;
      }
      done.effects.add(inserted.made->effects);
    }
    tried.failure = co_await write_and_commit(lease, &writer, deadline);
    if (tried.failure) co_return tried;
    done.effects.add(writer.effects());
    tried.made = std::move(done);
    co_return tried;
  }
}

bool is_plain_success(const CheckedCompletion& completion) {
  return completion.children.empty() && completion.run.token != 0 &&
         std::holds_alternative<jobs::Succeed>(completion.outcome);
}

Command succeed_command(const Session& session,
                        const std::vector<const CheckedCompletion*>& completions) {
  Array ids(Of::uuids);
  Array tokens(Of::big_integers);
  Array results(Of::texts);
  Array began(Of::big_integers);
  ids.reserve(completions.size(), 16);
  tokens.reserve(completions.size(), 8);
  for (const CheckedCompletion* completion : completions) {
    if (!is_plain_success(*completion)) continue;
    ids.add(completion->run.id);
    tokens.add(static_cast<std::int64_t>(completion->run.token));
    results.add(std::get<jobs::Succeed>(completion->outcome).result.view());
    began.add_or_null(completion->run.handle);
  }
  Command made = command(kSucceed);
  made.parameters.big_integer(session.given_now())
      .array(std::move(ids))
      .array(std::move(tokens))
      .array(std::move(results))
      .array(std::move(began));
  return made;
}

}  // namespace

awaitable<Tried<Done<JobState>>> finish(std::shared_ptr<Session> session, Lease* lease,
                                        std::vector<const CheckedCompletion*> completions,
                                        bool in_doubt, SteadyTime deadline) {
  Tried<Done<JobState>> tried;
  Done<JobState> done;
  std::unordered_set<Uuid> ended;
  bool all_ended = false;
  if (std::any_of(completions.begin(), completions.end(),
                  [](const auto* completion) { return is_plain_success(*completion); })) {
    std::vector<Command> commands;
    commands.push_back(succeed_command(*session, completions));
    auto answer = co_await lease->run(std::move(commands), deadline);
    if (!answer) {
      tried.failure = std::move(answer.failure);
      co_return tried;
    }
    const Rows& gone = answer.rows[0];
    all_ended = gone.size() == 1 && gone.is_null(0, 0);
    for (std::size_t i = 0; i < gone.size() && !all_ended; ++i) ended.insert(gone.uuid(i, 0));
  }
  std::vector<const CheckedCompletion*> others;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < completions.size(); ++i) {
    const bool has_ended =
        is_plain_success(*completions[i]) && (all_ended || ended.erase(completions[i]->run.id) > 0);
    done.answers.emplace_back(JobState::succeeded);
    if (has_ended) {
      done.effects.ended.push_back(completions[i]->run.id);
    } else {
      places.push_back(i);
      others.push_back(completions[i]);
    }
  }
  if (!others.empty()) {
    auto rest = co_await finish_each(session, lease, std::move(others), in_doubt, deadline);
    if (!rest.made) co_return rest;
    for (std::size_t i = 0; i < places.size(); ++i) {
      done.answers[places[i]] = std::move(rest.made->answers[i]);
    }
    done.effects.add(rest.made->effects);
  }
  tried.made = std::move(done);
  co_return tried;
}

}  // namespace rwp::jobs_postgres
