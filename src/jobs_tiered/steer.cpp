#include "jobs_tiered/steer.hpp"

#include "jobs_tiered/refill.hpp"

#include <optional>
#include <unordered_map>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;
using jobs::CancelOutcome;
using jobs::DispatchRecord;
using jobs::JobState;
using jobs::PerItem;

/// What withdraw_tickets() came to, by job; those that are not dispatched are not in it.
using Withdrawn = std::unordered_map<Uuid, WithdrawOutcome>;

/// Takes the tickets of these jobs away. Those that were there, or nowhere, wait in the record
/// then, or have been cancelled if that was asked for.
awaitable<Result<Withdrawn>> withdraw_tickets(
    std::shared_ptr<Parts> parts, std::vector<Uuid> ids, bool ask_to_cancel,
    std::optional<jobs::Priority> priority = std::nullopt) {
  auto records = co_await parts->record->dispatch_records(std::move(ids));
  if (!records) co_return records.error();
  std::erase_if(*records, [](const DispatchRecord& record) { return !record.is_dispatched; });
  Withdrawn withdrawn;
  if (records->empty()) co_return withdrawn;
  std::vector<StampedJob> jobs;
  jobs.reserve(records->size());
  for (const DispatchRecord& record : *records) {
    jobs.push_back({.id = record.id, .stamp = record.stamp});
  }
  auto outcomes = co_await parts->dispatch->withdraw(std::move(jobs), ask_to_cancel);
  if (!outcomes) co_return outcomes.error();
  std::vector<jobs::LostRun> free;
  for (std::size_t i = 0; i < records->size(); ++i) {
    const DispatchRecord& record = (*records)[i];
    withdrawn[record.id] = (*outcomes)[i];
    if ((*outcomes)[i] == WithdrawOutcome::leased) continue;
    free.push_back(
        {.id = record.id, .token = record.token, .priority = priority, .stamp = record.stamp});
  }
  if (free.empty()) co_return withdrawn;
  std::vector<Uuid> freed;
  freed.reserve(free.size());
  for (const jobs::LostRun& run : free) freed.push_back(run.id);
  auto taken = co_await parts->record->take_back(std::move(free), std::nullopt);
  if (!taken) co_return taken.error();
  for (std::size_t i = 0; i < freed.size(); ++i) {
    // Another has come first: whatever it did, the record says what the job is now.
    if (!(*taken)[i]) withdrawn.erase(freed[i]);
  }
  co_return withdrawn;
}

}  // namespace

awaitable<PerItem<CancelOutcome>> cancel(std::shared_ptr<Parts> parts, std::vector<Uuid> ids) {
  auto answers = co_await parts->record->cancel(ids);
  if (!answers || !parts->dispatches()) co_return answers;
  std::vector<Uuid> requested;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& answer = (*answers)[i];
    if (answer && *answer == CancelOutcome::requested) requested.push_back(ids[i]);
  }
  if (requested.empty()) co_return answers;
  const auto withdrawn = co_await withdraw_tickets(parts, std::move(requested), true);
  // Redis cannot be asked: the reconciler finishes it.
  if (!withdrawn) co_return answers;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto& answer = (*answers)[i];
    if (!answer || *answer != CancelOutcome::requested) continue;
    const auto found = withdrawn->find(ids[i]);
    if (found != withdrawn->end() && found->second != WithdrawOutcome::leased) {
      answer = CancelOutcome::cancelled;
    }
  }
  co_return answers;
}

awaitable<PerItem<JobState>> set_priority(std::shared_ptr<Parts> parts, std::vector<Uuid> ids,
                                          jobs::Priority priority) {
  std::unordered_map<Uuid, bool> moved;
  if (parts->dispatches()) {
    // Redis away: what it holds is as good as running.
    const auto withdrawn = co_await withdraw_tickets(parts, ids, false, priority);
    if (withdrawn) {
      for (const auto& [id, outcome] : *withdrawn) {
        if (outcome != WithdrawOutcome::leased) moved[id] = true;
      }
    }
  }
  // Its new place is taken before the answer.
  if (!moved.empty()) (void)co_await top_up(parts, 1);
  std::vector<Uuid> others;
  for (const Uuid& id : ids) {
    if (!moved.contains(id)) others.push_back(id);
  }
  std::vector<Result<JobState>> answers;
  answers.reserve(ids.size());
  if (others.empty()) {
    answers.assign(ids.size(), JobState::ready);
    co_return answers;
  }
  auto changed = co_await parts->record->set_priority(std::move(others), priority);
  if (!changed) co_return changed;
  std::size_t next = 0;
  for (const Uuid& id : ids) {
    if (moved.contains(id)) {
      answers.emplace_back(JobState::ready);
    } else {
      answers.push_back(std::move((*changed)[next++]));
    }
  }
  co_return answers;
}

awaitable<PerItem<JobState>> retry(std::shared_ptr<Parts> parts, std::vector<Uuid> ids) {
  auto answers = co_await parts->record->retry(ids);
  if (!answers || !parts->dispatches()) co_return answers;
  std::vector<Uuid> unsure;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& answer = (*answers)[i];
    if (!answer && answer.error().code() == Errc::conflict) unsure.push_back(ids[i]);
  }
  if (unsure.empty()) co_return answers;
  const auto records = co_await parts->record->dispatch_records(unsure);
  auto places = co_await parts->dispatch->look(unsure);
  if (!records || !places) co_return answers;
  std::unordered_map<Uuid, bool> waits;
  for (std::size_t i = 0; i < unsure.size(); ++i) {
    waits[unsure[i]] =
        (*records)[i].is_dispatched && (*places)[i].where != TicketPlace::Where::leased;
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto found = waits.find(ids[i]);
    if (!(*answers)[i] && found != waits.end() && found->second) (*answers)[i] = JobState::ready;
  }
  co_return answers;
}

awaitable<PerItem<JobState>> unpark(std::shared_ptr<Parts> parts,
                                    std::vector<jobs::UnparkRequest> requests) {
  auto answers = co_await parts->record->unpark(requests);
  if (!answers || !parts->dispatches()) co_return answers;
  std::vector<Uuid> unsure;
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto& answer = (*answers)[i];
    if (answer || answer.error().code() != Errc::conflict) continue;
    unsure.push_back(requests[i].id);
    at.push_back(i);
  }
  if (unsure.empty()) co_return answers;
  // Woken by this very call before, and not claimed since: its ticket says so.
  const auto records = co_await parts->record->dispatch_records(unsure);
  auto places = co_await parts->dispatch->look(std::move(unsure));
  if (!records || !places) co_return answers;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const DispatchRecord& record = (*records)[i];
    if (record.is_dispatched && (*places)[i].where != TicketPlace::Where::leased &&
        !record.resume_key.empty() && record.resume_key == requests[at[i]].key) {
      (*answers)[at[i]] = JobState::ready;
    }
  }
  co_return answers;
}

awaitable<Result<void>> set_paused(std::shared_ptr<Parts> parts, std::string queue, bool paused) {
  auto recording = paused ? parts->record->pause(queue) : parts->record->resume(queue);
  auto done = co_await std::move(recording);
  if (!done || !parts->dispatches()) co_return done;
  // Redis away: nothing starts; the reconciler tells it when it is opened, and now and then.
  (void)co_await parts->dispatch->set_paused(std::move(queue), paused);
  parts->dispatch->wake();
  co_return Result<void>();
}

}  // namespace rwp::jobs_tiered
