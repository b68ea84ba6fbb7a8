#include "jobs_sqlite/admin.hpp"
#include "jobs_sqlite/rows.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>

namespace rwp::jobs_sqlite {
namespace {

/// Most rows that one page looks at; a page that matched little then ends early, with a cursor.
constexpr std::size_t kMostLooks = 20'000;

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
    lanes.insert(id);
  }
  return lanes;
}

/// Newest first from below ?1: seq, state, lane, created_at, tenant, rare. The narrowest table that
/// holds all jobs in question drives.
const char* scan_for(jobs::StateSet states) {
  const std::uint8_t open = jobs::StateSet::open().bits();
  if ((states.bits() & ~open) == 0) {
    return "SELECT open.seq, open.state, job.lane, job.created_at, job.tenant, job.rare"
           " FROM open CROSS JOIN job ON job.seq = open.seq WHERE open.seq < ?"
           " ORDER BY open.seq DESC";
  }
  if ((states.bits() & open) == 0) {
    if (!states.contains(JobState::succeeded)) {
      return "SELECT ended.seq, ended.state, job.lane, job.created_at, job.tenant, job.rare"
             " FROM ended INDEXED BY ended_unhappy CROSS JOIN job ON job.seq = ended.seq"
             " WHERE ended.state <> 4 AND ended.seq < ? ORDER BY ended.seq DESC";
    }
    return "SELECT ended.seq, ended.state, job.lane, job.created_at, job.tenant, job.rare"
           " FROM ended CROSS JOIN job ON job.seq = ended.seq WHERE ended.seq < ?"
           " ORDER BY ended.seq DESC";
  }
  return "SELECT job.seq, coalesce(open.state, ended.state), job.lane, job.created_at, job.tenant,"
         " job.rare FROM job LEFT JOIN open ON open.seq = job.seq"
         " LEFT JOIN ended ON ended.seq = job.seq WHERE job.seq < ? ORDER BY job.seq DESC";
}

bool matches(net_sqlite::Query& row, const jobs::JobFilter& filter,
             const std::set<std::int64_t>& lanes) {
  if (row.is_null(1) || !filter.states.contains(static_cast<JobState>(row.integer(1))))
    return false;
  if (!lanes.contains(row.integer(2))) return false;
  const TimePoint created = from_ms(row.integer(3));
  if (filter.created_from && created < *filter.created_from) return false;
  if (filter.created_before && created >= *filter.created_before) return false;
  if (!filter.tenant.empty() && row.text(4) != filter.tenant) return false;
  if (filter.tag.empty()) return true;
  const Rare rare = Rare::read(row.text(5));
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
    auto query = transaction.database.query(scan_for(filter.states));
    query.bind(1, *below);
    while (query.step()) {
      if (found.size() == limit || looks == kMostLooks) {
        more = true;
        break;
      }
      ++looks;
      last = query.integer(0);
      if (matches(query, filter, lanes)) found.push_back(last);
    }
  }
  jobs::JobPage page;
  page.jobs.reserve(found.size());
  for (const std::int64_t seq : found) {
    if (auto job = load_job(transaction, seq)) page.jobs.push_back(std::move(*job));
  }
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
    auto query = transaction.database.query("SELECT lane, state, jobs FROM lane_count");
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
          "SELECT run_at FROM open INDEXED BY open_ready"
          " WHERE state = 1 AND lane = ? AND priority = ? ORDER BY seq LIMIT 1");
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

std::vector<Uuid> ended_of(Transaction& transaction, const std::vector<Uuid>& ids) {
  std::vector<Uuid> ended;
  for (const Uuid& id : ids) {
    const auto seq = find_seq(transaction, id);
    if (seq) {
      auto query = transaction.database.query("SELECT 1 FROM open WHERE seq = ?");
      query.bind(1, *seq);
      if (query.step()) continue;
    }
    ended.push_back(id);
  }
  return ended;
}

}  // namespace rwp::jobs_sqlite
