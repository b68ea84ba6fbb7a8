#pragma once

#include "jobs_postgres/session.hpp"
#include <rwp/jobs/state_machine.hpp>
#include <rwp/jobs/stored_text.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rwp::jobs_postgres {

/// A job's row that changes: in ready, running, waiting or ended, as its state says.
struct StateRow {
  Uuid id{};
  std::int64_t seq = 0;
  std::int64_t lane = 0;
  jobs::Priority priority = jobs::Priority::normal;
  /// The priority that it has been loaded with; it is found by it.
  jobs::Priority stands_at = jobs::Priority::normal;
  jobs::Lifecycle life{};
  std::int64_t bytes = 0;
  std::int64_t started_at = 0;
  std::int64_t holder = 0;
  std::int64_t claim = 0;
  std::int64_t lease_ms = 0;
  std::int64_t lease_until = 0;
  /// As stored; read only when needed.
  std::string more{};
};

/// What became of rows within a transaction, for those that wait.
struct Effects {
  /// Due times changed, or pauses: who waits for work must look again.
  bool look_again = false;
  std::vector<std::int64_t> ready_lanes{};
  std::vector<Uuid> ended{};

  void add(const Effects& other);
  void made_ready(std::int64_t lane);
  bool empty() const { return !look_again && ready_lanes.empty() && ended.empty(); }
};

/// Whose rows stand in which table; locked until the transaction ends, when asked for.
struct LoadedRows {
  std::unordered_map<Uuid, StateRow> rows{};
  /// The server's time of the look, or the test's.
  TimePoint now{};
};

/// Begins a transaction, and loads and locks the rows of these jobs; one that is not there is not
/// kept. Goes on until each that is kept has been found, also when others move it meanwhile.
boost::asio::awaitable<Tried<LoadedRows>> begin_and_load(Lease* lease, std::vector<Uuid> ids,
                                                         std::optional<std::int64_t> given_now,
                                                         SteadyTime deadline);
/// Ends a transaction that is to have no effect.
boost::asio::awaitable<void> roll_back(Lease* lease, SteadyTime deadline);

/// Writes rows' next lives, many with few statements.
class RowWriter {
 public:
  /// `now` in the server's milliseconds.
  explicit RowWriter(TimePoint now) : now_(now) {}

  /// The row moves to the table of `next`. `result` goes with a success.
  void move(StateRow row, const jobs::Lifecycle& next, const std::string& more,
            const JsonText* result = nullptr);
  /// As above; what the step says of errors and parks goes into `more`.
  void apply(StateRow row, const jobs::Transition& step, const JsonText* result = nullptr);
  void apply(StateRow row, const jobs::Transition& step, jobs::StoredMore more,
             const JsonText* result = nullptr);

  bool empty() const { return moves_.empty(); }
  /// The statements that do it.
  std::vector<Command> commands() const;
  const Effects& effects() const { return effects_; }

 private:
  struct Move {
    StateRow row{};
    jobs::Lifecycle next{};
    std::string more{};
    std::optional<JsonText> result{};
  };
  void remove(std::vector<Command>& commands) const;
  void insert_ready(std::vector<Command>& commands) const;
  void insert_running(std::vector<Command>& commands) const;
  void insert_waiting(std::vector<Command>& commands) const;
  void insert_ended(std::vector<Command>& commands) const;
  void tally(std::vector<Command>& commands) const;

  TimePoint now_;
  std::vector<Move> moves_;
  Effects effects_;
};

}  // namespace rwp::jobs_postgres
