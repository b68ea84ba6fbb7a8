#pragma once

#include "jobs_sqlite/transaction.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/state_machine.hpp>
#include <rwp/jobs/stored_text.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rwp::jobs_sqlite {

using More = jobs::StoredMore;
using Rare = jobs::StoredRare;

/// An open job: the row that changes.
struct OpenRow {
  std::int64_t seq = 0;
  /// Nil until somebody needs it.
  Uuid id{};
  std::int64_t lane = 0;
  jobs::Priority priority = jobs::Priority::normal;
  jobs::Lifecycle life{};
  std::int64_t started_at = 0;
  std::int64_t holder = 0;
  std::int64_t lease_until = 0;
  /// As stored; read only when needed.
  std::string more{};
};

/// Of an id; none when there is no such job.
std::optional<std::int64_t> find_seq(Transaction& transaction, const Uuid& id);
/// None when the job has ended, or is not there.
std::optional<OpenRow> load_open(Transaction& transaction, std::int64_t seq);
/// As load_open(), for a job that runs; none otherwise.
std::optional<OpenRow> load_running(Transaction& transaction, std::int64_t seq);
/// Reads a query that selects one of the column lists below.
OpenRow read_open(net_sqlite::Query& query);

#define RWP_COUNTER_COLUMNS \
  "attempt, max_attempts, marks, crashes, token, finished_token, run_at, started_at"
#define RWP_READY_COLUMNS "seq, 1, lane, priority, 0, " RWP_COUNTER_COLUMNS ", 0, 0, more"
#define RWP_RUNNING_COLUMNS \
  "seq, 2, lane, priority, flags, " RWP_COUNTER_COLUMNS ", holder, lease_until, more"
#define RWP_WAITING_COLUMNS "seq, state, lane, priority, 0, " RWP_COUNTER_COLUMNS ", 0, 0, more"

/// Puts a row into the table of its life's state, which is an open one.
void insert_open(Transaction& transaction, const OpenRow& row, const jobs::Lifecycle& life,
                 std::string_view more);
/// Takes a row out of the table of its state.
void remove_open(Transaction& transaction, const OpenRow& row);

/// Writes a job's next life over its open row; ends it when that life is an end. Counts, and notes
/// what others must be told. `result` and the error in `step` go with it.
void apply(Transaction& transaction, const OpenRow& row, const jobs::Transition& step,
           const JsonText* result = nullptr);
/// As above, with the row's `more` replaced.
void apply(Transaction& transaction, const OpenRow& row, const jobs::Transition& step, More more,
           const JsonText* result = nullptr);

/// The whole job, open or ended; none when it is not there.
std::optional<jobs::Job> load_job(Transaction& transaction, std::int64_t seq);

Uuid id_of(Transaction& transaction, std::int64_t seq);
Uuid read_uuid(std::string_view blob);

}  // namespace rwp::jobs_sqlite
