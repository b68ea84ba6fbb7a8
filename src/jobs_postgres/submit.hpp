#pragma once

#include "jobs_postgres/session.hpp"
#include "jobs_postgres/transact.hpp"
#include <rwp/jobs/checked_job.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <vector>

// Of a statement's "clock" and the columns of add_columns(), the rows of job that are new. Only ids
// as old as some that were pruned can stand in the ledger.
#define RWP_PG_BODIES                                                                       \
  " body AS (INSERT INTO rwp.job (id, lane, priority, max_attempts, created_at, due_at,"    \
  " timeout, tenant, payload, payload_blob, rare)"                                          \
  " SELECT g.id, g.lane, g.priority, g.max_attempts, clock.now,"                            \
  " greatest(coalesce(g.run_at, clock.now) + g.delay, clock.now),"                          \
  " g.timeout, g.tenant, g.payload, g.payload_blob, g.rare"                                 \
  " FROM clock, unnest($2::uuid[], $3::integer[], $4::smallint[], $5::integer[],"           \
  " $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::text[], $11::text[],"        \
  " $12::text[]) AS g(id, lane, priority, max_attempts, run_at, delay, timeout, tenant,"    \
  " payload, payload_blob, rare)"                                                           \
  " WHERE $13::bigint > (SELECT pruned_id_ms FROM rwp.mark) OR NOT EXISTS"                  \
  " (SELECT FROM rwp.ledger l WHERE l.key = uuid_send(g.id) AND l.expires_at > clock.now)"  \
  " ON CONFLICT (id) DO NOTHING"                                                            \
  " RETURNING id, lane, priority, seq, max_attempts, due_at, due_at > created_at AS waits," \
  " coalesce(octet_length(payload), 0) AS bytes),"

namespace rwp::jobs_postgres {

/// What a job needs besides its body: has it keys, which the server's function must look at?
inline bool has_keys(const jobs::CheckedJob& checked) {
  return !checked.job.idempotency_key.empty() || !checked.job.unique.key.empty();
}

/// Makes the lanes of these jobs known. `invalid_argument`: there are too many.
boost::asio::awaitable<Result<void>> ensure_lanes(std::shared_ptr<Session> session,
                                                  std::vector<const jobs::CheckedJob*> jobs);

/// $1 to $12 of the statements that insert: the time, and the columns of these jobs' bodies.
void add_columns(Parameters& parameters, const Session& session,
                 const std::vector<const jobs::CheckedJob*>& jobs);
/// The oldest of their ids' times, in milliseconds.
std::int64_t oldest_id(const std::vector<const jobs::CheckedJob*>& jobs);
/// After a statement that inserts: has its transaction fail as one that is to be tried again, when
/// a prune of the same ids was committed beside it.
Command refuse_pruned(const Session& session, const std::vector<const jobs::CheckedJob*>& jobs);

/// One transaction, or part of one that is open: inserts the jobs, or finds those that stand in
/// their place. Their lanes are known.
boost::asio::awaitable<Tried<Done<jobs::Inserted>>> insert_plain(
    std::shared_ptr<Session> session, Lease* lease, std::vector<const jobs::CheckedJob*> jobs,
    bool in_doubt, SteadyTime deadline);
/// What became of one job that was inserted by itself.
struct OneInserted {
  enum class Where : std::uint8_t { ready, leased, dispatched };
  Where where = Where::ready;
  std::int64_t lane = 0;
  std::int64_t seq = 0;
  TimePoint created_at{};
};
/// Whether a job is ready at once.
bool is_ready_at_once(const jobs::CheckedJob& checked);
/// One transaction of its own: inserts a job that is ready at once and new; leases it to a worker
/// of this store that waits for such a one, else `dispatch` says whether it is recorded as
/// dispatched, where that is done. `stands`: it was not new after all, and nothing has been done.
boost::asio::awaitable<Tried<OneInserted>> insert_one(std::shared_ptr<Session> session,
                                                      Lease* lease, const jobs::CheckedJob* job,
                                                      bool dispatch, bool* stands,
                                                      SteadyTime deadline);
/// One transaction of its own. As insert_plain(), and quicker for jobs that are ready at once and
/// new.
boost::asio::awaitable<Tried<Done<jobs::Inserted>>> insert_in_bulk(
    std::shared_ptr<Session> session, Lease* lease, std::vector<const jobs::CheckedJob*> jobs,
    bool in_doubt, SteadyTime deadline);
/// As above, by the server's function, one by one: for jobs with keys.
boost::asio::awaitable<Tried<Done<jobs::Inserted>>> insert_by_function(
    std::shared_ptr<Session> session, Lease* lease, std::vector<const jobs::CheckedJob*> jobs,
    bool in_doubt, SteadyTime deadline);

}  // namespace rwp::jobs_postgres
