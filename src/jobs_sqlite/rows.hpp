#pragma once

#include "jobs_sqlite/transaction.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/state_machine.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rwp::jobs_sqlite {

/// What most jobs have nothing of; kept as JSON beside the row.
struct More {
  std::vector<jobs::JobError> errors{};
  double progress = 0;
  std::string note{};
  std::optional<JsonText> cursor{};
  std::string park_key{};
  std::optional<jobs::Resume> resume{};

  bool empty() const;
  /// Empty text for nothing.
  std::string write() const;
  static More read(std::string_view text);
  void add_error(int attempt, TimePoint at, const Error& error);
};

/// What a submit says and most do not; written once.
struct Rare {
  std::vector<std::string> tags{};
  std::string idempotency_key{};
  std::string unique_key{};
  jobs::StateSet unique_states = jobs::StateSet::open();
  std::string traceparent{};

  bool empty() const;
  std::string write() const;
  static Rare read(std::string_view text);
};

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
/// Reads the columns of a query that begins with kOpenColumns.
OpenRow read_open(net_sqlite::Query& query);
#define RWP_OPEN_COLUMNS                                                              \
  "seq, state, lane, priority, flags, attempt, max_attempts, marks, crashes, token, " \
  "finished_token, run_at, started_at, holder, lease_until, more"

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
