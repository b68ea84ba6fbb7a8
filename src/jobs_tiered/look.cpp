#include "jobs_tiered/look.hpp"

#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;
using jobs::JobState;
using jobs::QueueCounts;

void note_due(QueueCounts& queue, jobs::TimePoint due) {
  if (!queue.oldest_ready || due < *queue.oldest_ready) queue.oldest_ready = due;
}

std::int64_t& of(QueueCounts& queue, JobState state) {
  return queue.states.at(static_cast<std::size_t>(state));
}

/// Of one tenant: its jobs that are recorded as running are looked at one by one.
awaitable<Result<std::vector<QueueCounts>>> tenant_counts(std::shared_ptr<Parts> parts,
                                                          std::string tenant) {
  auto counted = co_await parts->record->counts(tenant);
  if (!counted || !parts->dispatches()) co_return counted;
  std::map<std::string, QueueCounts*, std::less<>> queues;
  for (QueueCounts& queue : *counted) queues[queue.queue] = &queue;
  jobs::JobFilter running;
  running.states = {JobState::running};
  running.tenant = std::move(tenant);
  running.without_system = true;
  std::string cursor;
  do {
    auto page = co_await parts->record->list(running, cursor, 1'000);
    if (!page) co_return page.error();
    std::vector<jobs::Job*> jobs;
    jobs.reserve(page->jobs.size());
    for (jobs::Job& job : page->jobs) jobs.push_back(&job);
    const auto split = co_await split_running(parts, std::move(jobs));
    // Redis is away: all told as running.
    if (!split) co_return counted;
    for (const jobs::Job& job : page->jobs) {
      const auto found = queues.find(job.queue);
      if (job.state != JobState::ready || found == queues.end()) continue;
      QueueCounts& queue = *found->second;
      // Some may have moved on since they were counted.
      if (of(queue, JobState::running) == 0) continue;
      --of(queue, JobState::running);
      ++of(queue, JobState::ready);
      note_due(queue, job.run_at);
    }
    cursor = std::move(page->next_cursor);
  } while (!cursor.empty());
  co_return counted;
}

}  // namespace

awaitable<Result<void>> split_running(std::shared_ptr<Parts> parts, std::vector<jobs::Job*> jobs) {
  std::vector<Uuid> ids;
  std::erase_if(jobs, [](const jobs::Job* job) { return job->state != JobState::running; });
  if (jobs.empty() || !parts->dispatches()) co_return Result<void>();
  ids.reserve(jobs.size());
  for (const jobs::Job* job : jobs) ids.push_back(job->id);
  auto places = co_await parts->dispatch->look(ids);
  if (!places) co_return places.error();
  // Absent: its ticket is on its way, or the record itself has given it to a worker.
  const auto records = co_await parts->record->dispatch_records(std::move(ids));
  if (!records) co_return records.error();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs::Job& job = *jobs[i];
    const TicketPlace& place = (*places)[i];
    if (!(*records)[i].is_dispatched) continue;
    if (place.where == TicketPlace::Where::leased && place.token == job.run_token) {
      if (place.claimed_at != 0) job.started_at = jobs::from_ms(place.claimed_at);
    } else {
      job.state = JobState::ready;
    }
  }
  co_return Result<void>();
}

awaitable<jobs::PerItem<jobs::Job>> get(std::shared_ptr<Parts> parts, std::vector<Uuid> ids) {
  auto found = co_await parts->record->get(std::move(ids));
  if (!found) co_return found;
  std::vector<jobs::Job*> jobs;
  for (auto& job : *found) {
    if (job) jobs.push_back(&*job);
  }
  (void)co_await split_running(parts, std::move(jobs));
  co_return found;
}

awaitable<Result<jobs::JobPage>> list(std::shared_ptr<Parts> parts, jobs::JobFilter filter,
                                      std::string cursor, std::size_t limit) {
  const jobs::StateSet wanted = filter.states;
  if (wanted.contains(JobState::ready)) {
    jobs::StateSet wider{JobState::running};
    filter.states = jobs::StateSet::from_bits(
        static_cast<std::uint8_t>(int{wanted.bits()} | int{wider.bits()}));
  }
  auto page = co_await parts->record->list(std::move(filter), std::move(cursor), limit);
  if (!page) co_return page;
  std::vector<jobs::Job*> jobs;
  jobs.reserve(page->jobs.size());
  for (jobs::Job& job : page->jobs) jobs.push_back(&job);
  (void)co_await split_running(parts, std::move(jobs));
  std::erase_if(page->jobs, [&](const jobs::Job& job) { return !wanted.contains(job.state); });
  co_return page;
}

awaitable<Result<std::vector<QueueCounts>>> counts(std::shared_ptr<Parts> parts,
                                                   std::string tenant) {
  if (!tenant.empty()) co_return co_await tenant_counts(parts, std::move(tenant));
  auto counted = co_await parts->record->counts();
  if (!counted || !parts->dispatches()) co_return counted;
  const auto dispatched = co_await parts->record->dispatched_counts();
  if (!dispatched) co_return dispatched.error();
  const auto lanes = co_await parts->dispatch->lanes();
  // Redis is away: all told as running.
  if (!lanes) co_return counted;
  std::unordered_map<LaneId, const LaneLook*> looks;
  for (const LaneLook& look : *lanes) looks[look.lane] = &look;
  std::map<std::string, QueueCounts*, std::less<>> queues;
  for (QueueCounts& queue : *counted) queues[queue.queue] = &queue;
  std::vector<Uuid> heads;
  std::vector<QueueCounts*> owners;
  for (const auto& [lane, jobs] : *dispatched) {
    const auto queue = queues.find(lane.queue);
    if (queue == queues.end()) continue;
    const auto look = looks.find(lane.lane);
    const std::size_t leases = look == looks.end() ? 0 : look->second->leases;
    QueueCounts& counts = *queue->second;
    const auto waits = std::min<std::int64_t>(
        static_cast<std::int64_t>(jobs - std::min(jobs, leases)), of(counts, JobState::running));
    of(counts, JobState::running) -= waits;
    of(counts, JobState::ready) += waits;
    if (look == looks.end()) continue;
    for (const Uuid& head : look->second->heads) {
      heads.push_back(head);
      owners.push_back(&counts);
    }
  }
  if (heads.empty()) co_return counted;
  const auto records = co_await parts->record->dispatch_records(std::move(heads));
  if (!records) co_return records.error();
  for (std::size_t i = 0; i < owners.size(); ++i) {
    if ((*records)[i].is_dispatched) note_due(*owners[i], (*records)[i].run_at);
  }
  co_return counted;
}

}  // namespace rwp::jobs_tiered
