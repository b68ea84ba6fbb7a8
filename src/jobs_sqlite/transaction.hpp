#pragma once

#include "net/sqlite/connection.hpp"
#include <rwp/core/error.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/jobs/requests.hpp>
#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace rwp::jobs_sqlite {

using jobs::from_ms;
using jobs::JobState;
using jobs::TimePoint;
using jobs::to_ms;

/// A kind and version in a queue; claims walk one index range a lane.
struct Lane {
  std::int64_t id = 0;
  std::string queue{};
  std::string kind{};
  int version = 1;
};

/// The lanes of the file; they are only ever added. Belongs to one connection.
class Lanes {
 public:
  /// Reads what other processes have added. Cheap when there is nothing new.
  void refresh(net_sqlite::Connection& database);
  const Lane& by_id(net_sqlite::Connection& database, std::int64_t id);
  /// Finds or adds. `invalid_argument`: there are too many.
  Result<std::int64_t> id_of(net_sqlite::Connection& database, const std::string& queue,
                             const std::string& kind, int version);
  const std::map<std::int64_t, Lane>& all() const noexcept { return by_id_; }
  /// After a rollback: what was added in it is gone.
  void forget();

 private:
  void remember(Lane lane);

  std::map<std::int64_t, Lane> by_id_;
  std::map<std::tuple<std::string, std::string, int>, std::int64_t, std::less<>> ids_;
};

/// What others are told once a transaction has been committed.
struct Effects {
  /// Due times or pauses changed: who waits for work must look again.
  bool look_again = false;
  std::vector<std::int64_t> ready_lanes{};  ///< Where jobs became ready; named by flush().
  std::vector<Lane> ready{};
  std::vector<Uuid> ended{};  ///< Jobs came to an end.
};

/// One write transaction, which carries the work of many callers.
struct Transaction {
  net_sqlite::Connection& database;
  Lanes& lanes;
  /// The store's clocks, read once.
  TimePoint now{};
  std::chrono::nanoseconds since_boot{};
  std::int64_t token_floor = 1;
  std::int64_t holder = 0;
  Effects effects{};

  /// A fresh row number; they are never used twice.
  std::int64_t next_seq();
  /// Ids made before this may have been pruned; see the ledger.
  std::int64_t pruned_id_ms();
  void raise_pruned_id_ms(std::int64_t ms);
  /// Jobs of `lane` in `state` became more, or fewer.
  void count(std::int64_t lane, JobState state, std::int64_t change) {
    counts_[{lane, static_cast<int>(state)}] += change;
    if (state != JobState::ready || change < 0) return;
    auto& lanes_now = effects.ready_lanes;
    if (std::find(lanes_now.begin(), lanes_now.end(), lane) == lanes_now.end()) {
      lanes_now.push_back(lane);
    }
  }
  /// Writes what was gathered above; before the commit.
  void flush();

  /// Runs `step` as one unit within this transaction: when it answers false, nothing of it stays.
  template <class Step>
  bool all_or_nothing(Step step) {
    database.query("SAVEPOINT unit").run();
    const auto counts = counts_;
    const Effects effects_before = effects;
    const bool keep = step();
    if (!keep) {
      database.query("ROLLBACK TO unit").run();
      counts_ = counts;
      effects = effects_before;
      lanes.forget();
    }
    database.query("RELEASE unit").run();
    return keep;
  }

 private:
  void load_meta();

  std::optional<std::int64_t> next_seq_{};
  std::int64_t pruned_id_ms_ = 0;
  bool seq_used_ = false;
  std::map<std::pair<std::int64_t, int>, std::int64_t> counts_{};

 public:
  Transaction(net_sqlite::Connection& connection, Lanes& known)
      : database(connection), lanes(known) {}
};

}  // namespace rwp::jobs_sqlite
