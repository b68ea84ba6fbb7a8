/* What SQLite itself can do for a durable queue: the least SQL, in plain C, that keeps a queue's
 * promises. The benchmarks of `sqlite:` stand beside it, measured in the same run.
 *
 * It keeps: a unique 16-byte id, a payload of 200 bytes, FIFO order, WAL with synchronous=FULL for
 * every submit and completion, and after the end the row with its state and a result of 20 bytes.
 * It keeps no more: no leases, retries, timers, priorities, ledger, nor a second process.
 *
 * Threads: one at a time. Every function returns 0, or an SQLite result code after which
 * sqlite_loop_message() tells what failed and only sqlite_loop_close() may follow. */
#ifndef RWP_BENCHMARKS_BASELINE_SQLITE_LOOP_H
#define RWP_BENCHMARKS_BASELINE_SQLITE_LOOP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sqlite_loop sqlite_loop;

/* What a stretch of work cost this process. */
typedef struct {
  uint64_t jobs;
  double wall_seconds;
  double cpu_seconds;     /* user and system */
  uint64_t written_bytes; /* sent towards the disk, from /proc/self/io; 0 where that is not kept */
} sqlite_loop_cost;

/* The fastest of 200, 1,000, 2,000 and 5,000 rows a transaction, as far as the noise lets tell. */
enum { kSqliteLoopDrainBatch = 2000 };

/* Makes a new file at `path`, which must not exist. On failure *loop still holds the message. */
int sqlite_loop_open(const char* path, sqlite_loop** loop);
void sqlite_loop_close(sqlite_loop* loop);
const char* sqlite_loop_message(const sqlite_loop* loop);

/* Submits `count` jobs, `batch` rows a commit; 1 is the one-row commit. */
int sqlite_loop_submit(sqlite_loop* loop, unsigned count, unsigned batch, sqlite_loop_cost* cost);

/* Claims and completes all ready jobs, oldest first, in two transactions of `batch` jobs each: the
 * claim (not synced: a power cut ends all claims anyway), then the completion (synced). */
int sqlite_loop_drain(sqlite_loop* loop, unsigned batch, sqlite_loop_cost* cost);

/* `rounds` times on an idle store: submit one job, commit; claim it, commit. Writes the time from
 * the one to the other, in microseconds, into `microseconds` (room for `rounds`), unsorted. The
 * job is completed between the rounds, outside the measured time; `cost` counts it. */
int sqlite_loop_latency(sqlite_loop* loop, unsigned rounds, double* microseconds,
                        sqlite_loop_cost* cost);

#ifdef __cplusplus
}
#endif

#endif
