#include "jobs_sqlite/rows.hpp"
#include "jobs_sqlite/runs.hpp"
#include <rwp/jobs/state_machine.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace rwp::jobs_sqlite {
namespace {

namespace machine = jobs::machine;

/// What one claim answers at most, lest a thousand of the largest payloads fill memory.
constexpr std::size_t kMostClaimedBytes = 16 * 1024 * 1024;

std::set<std::string, std::less<>> paused_queues(Transaction& transaction) {
  std::set<std::string, std::less<>> paused;
  auto query = transaction.database.query("SELECT name FROM queue WHERE paused <> 0");
  while (query.step()) paused.emplace(query.text(0));
  return paused;
}

std::vector<std::int64_t> claimable_lanes(Transaction& transaction,
                                          const jobs::ClaimRequest& request) {
  transaction.lanes.refresh(transaction.database);
  const auto paused = paused_queues(transaction);
  std::vector<std::int64_t> lanes;
  for (const auto& [id, lane] : transaction.lanes.all()) {
    if (supports(request, lane) && !paused.contains(lane.queue)) lanes.push_back(id);
  }
  return lanes;
}

/// Moves jobs whose time has come to ready: the scheduled ones and the parks past their deadline.
void promote_due(Transaction& transaction, std::size_t limit) {
  std::vector<OpenRow> due;
  {
    auto query = transaction.database.query(
        "SELECT " RWP_WAITING_COLUMNS " FROM waiting WHERE run_at <= ? ORDER BY run_at LIMIT ?");
    query.bind(1, to_ms(transaction.now)).bind(2, limit);
    while (query.step()) due.push_back(read_open(query));
  }
  for (const OpenRow& row : due) {
    if (row.life.state == JobState::scheduled) {
      const auto step = machine::become_due(row.life, transaction.now);
      if (step) apply(transaction, row, *step);
      continue;
    }
    const auto step = machine::park_deadline(row.life, transaction.now);
    if (!step) continue;
    More more = More::read(row.more);
    more.resume = jobs::Resume{.key = row.life.park_key};
    apply(transaction, row, *step, std::move(more));
  }
}

/// Walks the ready rows of several lanes in the order of claims: priority, then first in.
class ReadyMerge {
 public:
  ReadyMerge(Transaction& transaction, const std::vector<std::int64_t>& lanes, std::size_t limit) {
    heads_.reserve(lanes.size());
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      auto query = transaction.database.query(
          "SELECT " RWP_READY_COLUMNS " FROM ready WHERE lane = ? ORDER BY priority, seq LIMIT ?",
          i);
      query.bind(1, lanes[i]).bind(2, limit);
      if (query.step()) heads_.emplace_back(std::move(query));
    }
    std::make_heap(heads_.begin(), heads_.end(), &comes_later);
  }

  std::optional<OpenRow> next() {
    if (heads_.empty()) return std::nullopt;
    std::pop_heap(heads_.begin(), heads_.end(), &comes_later);
    OpenRow row = read_open(heads_.back().query);
    if (heads_.back().query.step()) {
      heads_.back().refresh();
      std::push_heap(heads_.begin(), heads_.end(), &comes_later);
    } else {
      heads_.pop_back();
    }
    return row;
  }

 private:
  struct Head {
    explicit Head(net_sqlite::Query opened) : query(std::move(opened)) { refresh(); }
    void refresh() {
      priority = query.integer(3);
      seq = query.integer(0);
    }
    net_sqlite::Query query;
    std::int64_t priority = 0;
    std::int64_t seq = 0;
  };
  static bool comes_later(const Head& left, const Head& right) {
    return std::pair(left.priority, left.seq) > std::pair(right.priority, right.seq);
  }
  std::vector<Head> heads_;
};

struct Chosen {
  OpenRow row{};
  jobs::ClaimedJob job{};
};

void read_body(Transaction& transaction, std::int64_t seq, jobs::ClaimedJob& job) {
  auto query = transaction.database.query(
      "SELECT id, created_at, timeout, tenant, payload, payload_blob, rare FROM job WHERE seq = ?");
  query.bind(1, seq);
  query.step();
  job.run.id = read_uuid(query.blob(0));
  job.created_at = from_ms(query.integer(1));
  job.timeout = std::chrono::milliseconds(query.integer(2));
  job.tenant = std::string(query.text(3));
  if (!query.is_null(4)) job.payload = JsonText::trusted(std::string(query.text(4)));
  job.payload_blob = std::string(query.text(5));
  if (!query.is_null(6)) job.traceparent = Rare::read(query.text(6)).traceparent;
}

/// The jobs to hand out: up to the limit, to some bytes of payload, or to the first suspect and
/// with it.
std::vector<Chosen> choose(Transaction& transaction, const std::vector<std::int64_t>& lanes,
                           std::size_t limit) {
  std::vector<Chosen> chosen;
  std::size_t bytes = 0;
  ReadyMerge ready(transaction, lanes, limit);
  while (chosen.size() < limit && bytes < kMostClaimedBytes) {
    auto row = ready.next();
    if (!row) break;
    Chosen& next = chosen.emplace_back();
    next.row = std::move(*row);
    read_body(transaction, next.row.seq, next.job);
    bytes += next.job.payload.size() + next.row.more.size();
    if (jobs::runs_alone(next.row.life)) break;
  }
  return chosen;
}

/// Takes the chosen rows out of ready. They are the first of their lane and priority, so each pair
/// is one range.
void remove_ready(Transaction& transaction, const std::vector<Chosen>& chosen) {
  std::map<std::pair<std::int64_t, int>, std::int64_t> last;
  for (const auto& [row, job] : chosen) last[{row.lane, static_cast<int>(row.priority)}] = row.seq;
  for (const auto& [range, seq] : last) {
    auto removed = transaction.database.query(
        "DELETE FROM ready WHERE lane = ? AND priority = ? AND seq <= ?");
    removed.bind(1, range.first).bind(2, range.second).bind(3, seq).run();
  }
}

}  // namespace

bool supports(const jobs::ClaimRequest& request, const Lane& lane) {
  const bool queue_wanted =
      request.queues.empty() ||
      std::find(request.queues.begin(), request.queues.end(), lane.queue) != request.queues.end();
  if (!queue_wanted) return false;
  return std::any_of(request.kinds.begin(), request.kinds.end(), [&](const auto& kind) {
    return kind.kind == lane.kind && kind.min_version <= lane.version &&
           lane.version <= kind.max_version;
  });
}

std::vector<jobs::ClaimedJob> claim(Transaction& transaction, const jobs::ClaimRequest& request) {
  promote_due(transaction, std::max<std::size_t>(request.limit, 100));
  const auto lanes = claimable_lanes(transaction, request);
  std::vector<jobs::ClaimedJob> claimed;
  std::vector<Chosen> chosen = choose(transaction, lanes, request.limit);
  remove_ready(transaction, chosen);
  claimed.reserve(chosen.size());
  for (auto& [row, job] : chosen) {
    const bool alone = jobs::runs_alone(row.life);
    // One that must run alone has to wait for the others first, so it has not started yet.
    const bool started = !alone && claimed.size() < request.start;
    const auto step =
        machine::claim(row.life, static_cast<std::uint64_t>(transaction.token_floor), started);
    if (!step) throw ErrorException(step.error());  // A ready row that is not ready.
    row.started_at = to_ms(transaction.now);
    row.holder = transaction.holder;
    row.lease_until = std::chrono::nanoseconds(transaction.since_boot + request.lease).count();
    if (!row.life.park_key.empty()) {
      More more = More::read(row.more);
      more.park_key.clear();
      row.more = more.write();
    }
    insert_open(transaction, row, step->next, row.more);
    transaction.count(row.lane, JobState::ready, -1);
    transaction.count(row.lane, JobState::running, +1);

    job.run.token = step->next.run_token;
    job.run.handle = row.seq;
    const Lane& lane = transaction.lanes.by_id(transaction.database, row.lane);
    job.kind = lane.kind;
    job.version = lane.version;
    job.queue = lane.queue;
    job.priority = row.priority;
    job.attempt = row.life.attempt;
    job.max_attempts = row.life.max_attempts;
    job.alone = alone;
    job.started = started;
    job.claimed_at = transaction.now;
    if (!row.more.empty()) {
      More more = More::read(row.more);
      job.cursor = std::move(more.cursor);
      job.resume = std::move(more.resume);
    }
    claimed.push_back(std::move(job));
  }
  return claimed;
}

WorkOutlook look_for_work(Transaction& transaction, const jobs::ClaimRequest& request) {
  WorkOutlook outlook;
  {
    // Also what is not this worker's: it costs a look too many, never a job too late.
    auto query = transaction.database.query("SELECT min(run_at) FROM waiting");
    if (query.step() && !query.is_null(0)) outlook.next_due = from_ms(query.integer(0));
  }
  if (outlook.next_due && *outlook.next_due <= transaction.now) {
    outlook.ready = true;
    return outlook;
  }
  for (const std::int64_t lane : claimable_lanes(transaction, request)) {
    auto query = transaction.database.query("SELECT 1 FROM ready WHERE lane = ? LIMIT 1");
    query.bind(1, lane);
    if (!query.step()) continue;
    outlook.ready = true;
    break;
  }
  return outlook;
}

}  // namespace rwp::jobs_sqlite
