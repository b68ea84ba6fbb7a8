#include "jobs_postgres/dispatched.hpp"
#include "jobs_postgres/submit.hpp"

#include <unordered_map>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using jobs::CheckedJob;
using jobs::DispatchRecord;
using jobs::Inserted;
using jobs::RecordInserted;

// As rwp_insert, but what is due is given out at once: the number that the job has in its lane's
// order is the first ticket's stamp, too.
constexpr Statement kInsert{
    .name = "rwp_insert_dispatched",
    .sql = "WITH clock AS MATERIALIZED (SELECT " RWP_PG_NOW " AS now, " RWP_PG_DISPATCHES
           " AS dispatches)," RWP_PG_BODIES
           " given_out AS (INSERT INTO rwp.running (id, lane, priority, flags, seq, attempt,"
           " max_attempts, marks, crashes, bytes, token, finished_token, run_at, holder, claim,"
           " lease_ms, lease_until)"
           " SELECT id, lane, priority, 0, seq, 0, max_attempts, 0, 0, bytes, 1, 0, due_at,"
           " " RWP_PG_DISPATCH_HOLDER ", seq, 0, " RWP_PG_NO_END
           " FROM body, clock WHERE NOT waits AND dispatches),"
           " now_ready AS (INSERT INTO rwp.ready SELECT lane, priority, seq, id, 0, max_attempts,"
           " 0, 0, bytes, 0, 0, due_at FROM body, clock WHERE NOT waits AND NOT dispatches),"
           " now_waiting AS (INSERT INTO rwp.waiting SELECT id, 0, lane, priority, seq, 0,"
           " max_attempts, 0, 0, bytes, 0, 0, due_at FROM body WHERE waits),"
           " counted AS (INSERT INTO rwp.tally SELECT lane, CASE WHEN waits THEN 0 WHEN dispatches"
           " THEN 2 ELSE 1 END, count(*) FROM body, clock GROUP BY lane, waits, dispatches)"
           " SELECT id, waits, dispatches, lane, seq, clock.now FROM body, clock"};

/// What an earlier try has committed: its tickets have not been given out, unless another call has
/// submitted the same job meanwhile; so they are to be checked.
awaitable<std::optional<Failure>> find_dispatched(Lease* lease, Done<RecordInserted>* done,
                                                  SteadyTime deadline) {
  std::vector<Uuid> ids;
  std::unordered_map<Uuid, std::size_t> places;
  for (std::size_t i = 0; i < done->answers.size(); ++i) {
    const auto& answer = done->answers[i];
    if (!answer || answer->dispatched || answer->inserted.outcome != Inserted::Outcome::created) {
      continue;
    }
    ids.push_back(answer->inserted.id);
    places.emplace(answer->inserted.id, i);
  }
  if (ids.empty()) co_return std::nullopt;
  std::vector<Command> commands(1, look_at_records(ids));
  auto rows = co_await lease->run(std::move(commands), deadline);
  if (!rows) co_return std::move(rows.failure);
  for (std::size_t i = 0; i < rows.rows[0].size(); ++i) {
    const DispatchRecord record = read_record(rows.rows[0], i);
    if (!record.is_dispatched || record.token != 1) continue;
    RecordInserted& inserted = *done->answers[places[record.id]];
    inserted.dispatched = true;
    inserted.lane = record.lane;
    inserted.seq = record.stamp;
    inserted.stamp = 0;
    inserted.created_at = record.run_at;
  }
  co_return std::nullopt;
}

Done<RecordInserted> done_of(const CheckedJob& checked, const OneInserted& one) {
  RecordInserted inserted;
  inserted.inserted = Inserted{.id = checked.job.id, .outcome = Inserted::Outcome::created};
  inserted.dispatched = one.where == OneInserted::Where::dispatched;
  inserted.lane = one.lane;
  inserted.seq = one.seq;
  inserted.stamp = one.seq;
  inserted.created_at = one.created_at;
  Done<RecordInserted> done;
  done.answers.emplace_back(inserted);
  if (one.where == OneInserted::Where::ready) done.effects.made_ready(one.lane);
  return done;
}

}  // namespace

awaitable<Tried<Done<RecordInserted>>> insert_dispatched(std::shared_ptr<Session> session,
                                                         Lease* lease,
                                                         std::vector<const CheckedJob*> jobs,
                                                         bool in_doubt, SteadyTime deadline) {
  Tried<Done<RecordInserted>> tried;
  if (!in_doubt && jobs.size() == 1 && is_ready_at_once(*jobs[0])) {
    bool stands = false;
    auto one = co_await insert_one(session, lease, jobs[0], true, &stands, deadline);
    if (one.made) {
      tried.made = done_of(*jobs[0], *one.made);
      co_return tried;
    }
    if (!stands) {
      tried.failure = std::move(one.failure);
      co_return tried;
    }
  }
  std::vector<Command> commands(1, command(kInsert));
  add_columns(commands[0].parameters, *session, jobs);
  commands[0].parameters.big_integer(oldest_id(jobs));
  commands.push_back(refuse_pruned(*session, jobs));
  auto answer = co_await lease->run(std::move(commands), deadline);
  if (!answer) {
    tried.failure = std::move(answer.failure);
    co_return tried;
  }
  const Rows& rows = answer.rows[0];
  std::unordered_map<Uuid, std::size_t> created;
  for (std::size_t i = 0; i < rows.size(); ++i) created.emplace(rows.uuid(i, 0), i);
  Done<RecordInserted> done;
  std::vector<const CheckedJob*> known;
  std::vector<std::size_t> places;
  done.answers.reserve(jobs.size());
  for (const CheckedJob* checked : jobs) {
    const auto found = created.find(checked->job.id);
    if (found == created.end()) {
      places.push_back(done.answers.size());
      known.push_back(checked);
      done.answers.emplace_back(RecordInserted());
      continue;
    }
    const std::size_t i = found->second;
    RecordInserted inserted;
    inserted.inserted = Inserted{.id = checked->job.id, .outcome = Inserted::Outcome::created};
    inserted.dispatched = !rows.boolean(i, 1) && rows.boolean(i, 2);
    inserted.lane = rows.integer(i, 3);
    inserted.seq = rows.integer(i, 4);
    inserted.stamp = inserted.seq;
    inserted.created_at = jobs::from_ms(rows.integer(i, 5));
    if (rows.boolean(i, 1)) {
      done.effects.look_again = true;
    } else if (!inserted.dispatched) {
      done.effects.made_ready(inserted.lane);
    }
    done.answers.emplace_back(inserted);
    // A twin further on is one that stands already.
    created.erase(found);
  }
  if (!known.empty()) {
    auto others = co_await insert_by_function(session, lease, std::move(known), in_doubt, deadline);
    if (!others.made) {
      const bool repeated = others.failure->state.starts_with("40");
      others.failure->in_doubt = others.failure->in_doubt || repeated;
      tried.failure = std::move(others.failure);
      co_return tried;
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto& other = others.made->answers[i];
      if (other) {
        done.answers[places[i]] = RecordInserted{.inserted = *other};
      } else {
        done.answers[places[i]] = other.error();
      }
    }
    done.effects.add(others.made->effects);
  }
  if (in_doubt) {
    tried.failure = co_await find_dispatched(lease, &done, deadline);
    if (tried.failure) co_return tried;
  }
  tried.made = std::move(done);
  co_return tried;
}

}  // namespace rwp::jobs_postgres
