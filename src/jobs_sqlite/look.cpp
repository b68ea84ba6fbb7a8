#include "jobs_sqlite/admin.hpp"
#include "jobs_sqlite/rows.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace rwp::jobs_sqlite {
namespace {

/// Most rows that one page looks at; a page that matched little then ends early, with a cursor.
constexpr std::size_t kMostLooks = 20'000;
/// Most bytes of payloads and results on a page, as far as whole jobs allow.
/// A server keeps a page for each client that reads it slowly.
constexpr std::size_t kMostPageBytes = 2 * 1024 * 1024;

std::optional<std::int64_t> parse_cursor(const std::string& cursor) {
  if (cursor.empty()) return std::numeric_limits<std::int64_t>::max();
  std::int64_t seq = 0;
  const auto [end, problem] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), seq);
  if (problem != std::errc() || end != cursor.data() + cursor.size() || seq < 1) {
    return std::nullopt;
  }
  return seq;
}

/// The lanes that a filter's queue and kind name.
std::set<std::int64_t> lanes_of(Transaction& transaction, const jobs::JobFilter& filter) {
  transaction.lanes.refresh(transaction.database);
  std::set<std::int64_t> lanes;
  for (const auto& [id, lane] : transaction.lanes.all()) {
    if (!filter.queue.empty() && lane.queue != filter.queue) continue;
    if (!filter.kind.empty() && lane.kind != filter.kind) continue;
    if (filter.without_system && lane.kind.starts_with(jobs::kSystemKindPrefix)) continue;
    lanes.insert(id);
  }
  return lanes;
}

/// Walks jobs of several tables from the newest down, by their row numbers.
class NewestFirst {
 public:
  NewestFirst(Transaction& transaction, const jobs::JobFilter& filter,
              const std::set<std::int64_t>& lanes, std::int64_t below)
      : transaction_(transaction), below_(below) {
    if (!filter.tenant.empty()) {
      add_of_tenant(filter.tenant);
      return;
    }
    const jobs::StateSet states = filter.states;
    if (states.contains(JobState::ready)) add_ready(lanes);
    if (states.contains(JobState::running)) {
      add(transaction.database.query("SELECT seq, 2 FROM running WHERE seq < ? ORDER BY seq DESC"));
    }
    if (states.contains(JobState::scheduled) || states.contains(JobState::parked)) {
      add(transaction.database.query(
          "SELECT seq, state FROM waiting WHERE seq < ? ORDER BY seq DESC"));
    }
    if (states.contains(JobState::succeeded)) {
      add(transaction.database.query(
          "SELECT seq, state FROM ended WHERE seq < ? ORDER BY seq DESC"));
    } else if (states.contains(JobState::failed) || states.contains(JobState::cancelled)) {
      add(transaction.database.query(
          "SELECT seq, state FROM ended INDEXED BY ended_unhappy WHERE state <> 4 AND seq < ?"
          " ORDER BY seq DESC"));
    }
  }

  /// Row number and state of the next.
  std::optional<std::pair<std::int64_t, JobState>> next() {
    const auto newest =
        std::max_element(heads_.begin(), heads_.end(),
                         [](const Head& left, const Head& right) { return left.seq < right.seq; });
    if (newest == heads_.end()) return std::nullopt;
    const std::pair found(newest->seq, static_cast<JobState>(newest->query.integer(1)));
    if (newest->query.step()) {
      newest->seq = newest->query.integer(0);
    } else {
      heads_.erase(newest);
    }
    return found;
  }

 private:
  struct Head {
    net_sqlite::Query query;
    std::int64_t seq;
  };

  void add_of_tenant(const std::string& tenant) {
    auto query = transaction_.database.query(
        "SELECT job.seq, coalesce(ended.state, running.seq * 0 + 2, waiting.state, 1)"
        " FROM job INDEXED BY job_tenant"
        " LEFT JOIN ended ON ended.seq = job.seq"
        " LEFT JOIN running ON running.seq = job.seq"
        " LEFT JOIN waiting ON waiting.seq = job.seq"
        " WHERE job.seq < ?1 AND job.tenant = ?2 ORDER BY job.seq DESC");
    query.bind(2, tenant);
    add(std::move(query));
  }

  void add(net_sqlite::Query query) {
    query.bind(1, below_);
    if (!query.step()) return;
    const std::int64_t seq = query.integer(0);
    heads_.push_back({std::move(query), seq});
  }

  void add_ready(const std::set<std::int64_t>& lanes) {
    std::size_t slot = 0;
    for (const std::int64_t lane : lanes) {
      for (int priority = 0; priority < static_cast<int>(jobs::kPriorityCount); ++priority) {
        auto query = transaction_.database.query(
            "SELECT seq, 1 FROM ready WHERE seq < ?1 AND lane = ?2 AND priority = ?3"
            " ORDER BY seq DESC",
            slot++);
        query.bind(2, lane).bind(3, priority);
        add(std::move(query));
      }
    }
  }

  Transaction& transaction_;
  const std::int64_t below_;
  std::vector<Head> heads_;
};

bool matches(Transaction& transaction, std::int64_t seq, const jobs::JobFilter& filter,
             const std::set<std::int64_t>& lanes) {
  auto row =
      transaction.database.query("SELECT lane, created_at, tenant, rare FROM job WHERE seq = ?");
  row.bind(1, seq);
  if (!row.step() || !lanes.contains(row.integer(0))) return false;
  const TimePoint created = from_ms(row.integer(1));
  if (filter.created_from && created < *filter.created_from) return false;
  if (filter.created_before && created >= *filter.created_before) return false;
  if (!filter.tenant.empty() && row.text(2) != filter.tenant) return false;
  if (filter.tag.empty()) return true;
  const Rare rare = Rare::read(row.text(3));
  return std::find(rare.tags.begin(), rare.tags.end(), filter.tag) != rare.tags.end();
}

}  // namespace

Result<jobs::Job> get(Transaction& transaction, const Uuid& id) {
  const auto seq = find_seq(transaction, id);
  auto job = seq ? load_job(transaction, *seq) : std::nullopt;
  if (!job) return Error(Errc::not_found, "no job " + id.to_string());
  return std::move(*job);
}

Result<jobs::JobPage> list(Transaction& transaction, const jobs::JobFilter& filter,
                           const std::string& cursor, std::size_t limit) {
  const auto below = parse_cursor(cursor);
  if (!below) return Error(Errc::invalid_argument, "\"cursor\" is none that list() gave");
  const auto lanes = lanes_of(transaction, filter);
  std::vector<std::int64_t> found;
  std::int64_t last = 0;
  std::size_t looks = 0;
  bool more = false;
  {
    NewestFirst walk(transaction, filter, lanes, *below);
    while (const auto job = walk.next()) {
      if (found.size() == limit || looks == kMostLooks) {
        more = true;
        break;
      }
      ++looks;
      last = job->first;
      if (filter.states.contains(job->second) && matches(transaction, last, filter, lanes)) {
        found.push_back(last);
      }
    }
  }
  jobs::JobPage page;
  page.jobs.reserve(found.size());
  std::size_t bytes = 0;
  for (const std::int64_t seq : found) {
    if (bytes > kMostPageBytes) return page;
    auto job = load_job(transaction, seq);
    page.next_cursor = std::to_string(seq);
    if (!job) continue;
    bytes += job->payload.size() + (job->result ? job->result->size() : 0);
    page.jobs.push_back(std::move(*job));
  }
  page.next_cursor.clear();
  if (more) page.next_cursor = std::to_string(last);
  return page;
}

std::vector<jobs::QueueCounts> counts(Transaction& transaction) {
  std::map<std::string, jobs::QueueCounts> queues;
  {
    auto query = transaction.database.query("SELECT name, paused FROM queue");
    while (query.step()) {
      auto& queue = queues[std::string(query.text(0))];
      queue.queue = std::string(query.text(0));
      queue.paused = query.integer(1) != 0;
    }
  }
  transaction.lanes.refresh(transaction.database);
  {
    auto query =
        transaction.database.query("SELECT lane, state, jobs FROM lane_count WHERE lane > 0");
    while (query.step()) {
      const Lane& lane = transaction.lanes.by_id(transaction.database, query.integer(0));
      auto& queue = queues[lane.queue];
      queue.queue = lane.queue;
      queue.states.at(static_cast<std::size_t>(query.integer(1))) += query.integer(2);
    }
  }
  for (const auto& [id, lane] : transaction.lanes.all()) {
    for (int priority = 0; priority < static_cast<int>(jobs::kPriorityCount); ++priority) {
      auto query = transaction.database.query(
          "SELECT run_at FROM ready WHERE lane = ? AND priority = ? ORDER BY seq LIMIT 1");
      query.bind(1, id).bind(2, priority);
      if (!query.step()) continue;
      auto& oldest = queues[lane.queue].oldest_ready;
      const TimePoint due = from_ms(query.integer(0));
      if (!oldest || due < *oldest) oldest = due;
    }
  }
  std::vector<jobs::QueueCounts> answer;
  answer.reserve(queues.size());
  for (auto& [name, queue] : queues) answer.push_back(std::move(queue));
  return answer;
}

std::vector<jobs::QueueCounts> counts_of(Transaction& transaction, const std::string& tenant) {
  transaction.lanes.refresh(transaction.database);
  std::map<std::string, jobs::QueueCounts> queues;
  {
    // A ready row is looked for, lane and priority first, only where the others have none.
    auto query = transaction.database.query(
        "SELECT lane, state, count(*), min(due) FROM (SELECT job.lane AS lane,"
        "   coalesce(ended.state, running.seq * 0 + 2, waiting.state, 1) AS state,"
        "   CASE WHEN coalesce(ended.seq, running.seq, waiting.seq) IS NULL THEN"
        "     (SELECT run_at FROM ready WHERE ready.lane = job.lane"
        "      AND ready.priority IN (0, 1, 2, 3) AND ready.seq = job.seq) END AS due"
        "  FROM job INDEXED BY job_tenant"
        "  LEFT JOIN ended ON ended.seq = job.seq"
        "  LEFT JOIN running ON running.seq = job.seq"
        "  LEFT JOIN waiting ON waiting.seq = job.seq"
        "  WHERE job.tenant = ?1) GROUP BY lane, state");
    query.bind(1, tenant);
    while (query.step()) {
      const Lane& lane = transaction.lanes.by_id(transaction.database, query.integer(0));
      if (lane.kind.starts_with(jobs::kSystemKindPrefix)) continue;
      auto& queue = queues[lane.queue];
      queue.queue = lane.queue;
      queue.states.at(static_cast<std::size_t>(query.integer(1))) += query.integer(2);
      if (query.is_null(3)) continue;
      const TimePoint due = from_ms(query.integer(3));
      if (!queue.oldest_ready || due < *queue.oldest_ready) queue.oldest_ready = due;
    }
  }
  std::vector<jobs::QueueCounts> answer;
  answer.reserve(queues.size());
  for (auto& [name, queue] : queues) {
    auto query = transaction.database.query("SELECT paused FROM queue WHERE name = ?");
    query.bind(1, name);
    queue.paused = query.step() && query.integer(0) != 0;
    answer.push_back(std::move(queue));
  }
  return answer;
}

std::vector<Uuid> ended_of(Transaction& transaction, const std::vector<Uuid>& ids) {
  std::vector<Uuid> ended;
  for (const Uuid& id : ids) {
    const auto seq = find_seq(transaction, id);
    if (!seq || !load_open(transaction, *seq)) ended.push_back(id);
  }
  return ended;
}

}  // namespace rwp::jobs_sqlite
