#include "jobs_sqlite/transaction.hpp"

#include <tuple>

namespace rwp::jobs_sqlite {
namespace {

/// Names are for programs, not for data; a stranger's input must not fill memory with them.
constexpr std::size_t kMaxLanes = 10'000;

}  // namespace

void Lanes::remember(Lane lane) {
  ids_[{lane.queue, lane.kind, lane.version}] = lane.id;
  const std::int64_t id = lane.id;
  by_id_[id] = std::move(lane);
}

void Lanes::forget() {
  by_id_.clear();
  ids_.clear();
}

void Lanes::refresh(net_sqlite::Connection& database) {
  const std::int64_t known = by_id_.empty() ? 0 : by_id_.rbegin()->first;
  auto query = database.query("SELECT id, queue, kind, version FROM lane WHERE id > ?");
  query.bind(1, known);
  while (query.step()) {
    remember(Lane{.id = query.integer(0),
                  .queue = std::string(query.text(1)),
                  .kind = std::string(query.text(2)),
                  .version = static_cast<int>(query.integer(3))});
  }
}

const Lane& Lanes::by_id(net_sqlite::Connection& database, std::int64_t id) {
  const auto found = by_id_.find(id);
  if (found != by_id_.end()) return found->second;
  refresh(database);
  return by_id_.at(id);
}

Result<std::int64_t> Lanes::id_of(net_sqlite::Connection& database, const std::string& queue,
                                  const std::string& kind, int version) {
  const auto key = std::tie(queue, kind, version);
  auto found = ids_.find(key);
  if (found != ids_.end()) return found->second;
  refresh(database);
  found = ids_.find(key);
  if (found != ids_.end()) return found->second;
  if (by_id_.size() >= kMaxLanes) {
    return Error(Errc::invalid_argument, "more than 10000 different kinds, versions and queues");
  }
  {
    auto added = database.query("INSERT INTO queue VALUES (?, 0) ON CONFLICT DO NOTHING");
    added.bind(1, queue).run();
  }
  {
    auto added = database.query("INSERT INTO lane (queue, kind, version) VALUES (?, ?, ?)");
    added.bind(1, queue).bind(2, kind).bind(3, version).run();
  }
  refresh(database);
  return ids_.find(key)->second;
}

void Transaction::load_meta() {
  if (next_seq_) return;
  auto query = database.query(
      "SELECT (SELECT jobs FROM lane_count WHERE lane = 0 AND state = 0), pruned_id_ms FROM meta");
  query.step();
  next_seq_ = query.integer(0);
  pruned_id_ms_ = query.integer(1);
}

std::int64_t Transaction::next_seq() {
  load_meta();
  seq_used_ = true;
  const std::int64_t seq = *next_seq_;
  next_seq_ = seq + 1;
  return seq;
}

std::int64_t Transaction::pruned_id_ms() {
  load_meta();
  return pruned_id_ms_;
}

void Transaction::raise_pruned_id_ms(std::int64_t ms) {
  load_meta();
  if (ms <= pruned_id_ms_) return;
  auto update = database.query("UPDATE meta SET pruned_id_ms = ?");
  update.bind(1, ms).run();
  pruned_id_ms_ = ms;
}

void Transaction::flush() {
  for (const std::int64_t lane : effects.ready_lanes) {
    effects.ready.push_back(lanes.by_id(database, lane));
  }
  if (seq_used_) {
    auto update = database.query("UPDATE lane_count SET jobs = ? WHERE lane = 0 AND state = 0");
    update.bind(1, *next_seq_).run();
  }
  for (const auto& [key, change] : counts_) {
    if (change == 0) continue;
    auto update = database.query(
        "INSERT INTO lane_count VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET jobs = jobs + excluded.jobs");
    update.bind(1, key.first).bind(2, key.second).bind(3, change).run();
  }
}

}  // namespace rwp::jobs_sqlite
