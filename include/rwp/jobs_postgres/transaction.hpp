#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/requests.hpp>

#include <vector>

/// libpq's connection.
struct pg_conn;

/// Jobs within a transaction of the user's own: they are there when it commits, and were never
/// there when it does not. For programs that use libpq themselves; from other languages call the
/// SQL functions `rwp.enqueue()`, `rwp.complete()` and `rwp.wake()`.
///
/// The connection is to the database of the jobs, in a transaction that has begun, at READ
/// COMMITTED. Each call blocks until the server has answered. A failure of the outer Result has
/// spoilt the transaction: roll it back.
/// Threads: as the connection. Lifetime: nothing is kept.
namespace rwp::jobs_postgres {

/// Submits. Refused items (`Errc::invalid_argument`, `Errc::conflict`, as JobStore::insert() says)
/// leave the transaction as it was. Payloads are at most 1 MiB. Until the commit, other submits
/// with the same idempotency or unique key wait; two transactions that use the same keys in
/// opposite order are told to give way, as with rows.
///
/// Workers find the jobs within a second of the commit; wake_workers() tells them at once.
Result<std::vector<Result<jobs::Inserted>>> insert_in(pg_conn* connection,
                                                      std::vector<jobs::NewJob> jobs);

/// Ends a run as succeeded: what the transaction did for the job and the job's end are one. The
/// handler's worker finds the job ended, whatever the handler returns. `Errc::conflict`: the run is
/// stale; roll back. Repeating it with the token that was accepted succeeds.
///
/// From here to the end of the transaction the run's lease is not extended: commit well within it
/// (30 s by default), or the job may be run again after a rollback.
Result<void> complete_in(pg_conn* connection, jobs::RunRef run, JsonText result = JsonText());

/// Tells listening workers to look for work. After the commit, not within: a transaction that
/// notifies makes all others' commits wait.
Result<void> wake_workers(pg_conn* connection);

}  // namespace rwp::jobs_postgres
