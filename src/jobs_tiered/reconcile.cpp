#include "jobs_tiered/reconcile.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;
using jobs::DispatchRecord;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStep{1'000};
constexpr milliseconds kLeadFor{15'000};
constexpr milliseconds kTryToLeadEvery{5'000};
/// Since it was asked for; a call to Redis later it still is.
constexpr milliseconds kSurelyLeads{12'000};
constexpr std::size_t kRecordsAtOnce = 1'000;
/// Between two looks at which a ticket must be missing: pushes are on their way meanwhile.
constexpr milliseconds kShortestGap{2'000};
constexpr milliseconds kLongestGap{10'000};

}  // namespace

Reconciler::Reconciler(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}

milliseconds Reconciler::least_gap() const {
  const milliseconds beat = parts_->role.longest_lease / 3;
  return std::min(std::clamp(beat, kShortestGap, kLongestGap), 2 * parts_->options.look_every);
}

awaitable<Result<void>> Reconciler::lead() {
  const SteadyTime now = steady_clock::now();
  if (now - tried_to_lead_ < kTryToLeadEvery) co_return Result<void>();
  tried_to_lead_ = now;
  const auto leadership = co_await parts_->record->lead(kLeadFor);
  if (!leadership) {
    *leads_ = false;
    co_return leadership.error();
  }
  if (!leadership->is_leader || leadership->term != term_) missing_.clear();
  *leads_ = leadership->is_leader;
  term_ = leadership->term;
  co_return Result<void>();
}

awaitable<Result<void>> Reconciler::step() {
  auto role = co_await read_role(parts_);
  if (!role) co_return role.error();
  auto refreshed = co_await parts_->record->refresh_lanes();
  if (!refreshed) co_return refreshed.error();
  auto led = co_await lead();
  if (!led || !*leads_) co_return led;
  if (!parts_->dispatches()) {
    if (parts_->dispatch->is_open()) co_return co_await parts_->dispatch->close();
    co_return Result<void>();
  }
  auto opened = co_await open_if_due();
  if (!opened || !parts_->dispatch->is_open()) co_return opened;
  auto paused = co_await tell_pauses();
  if (!paused) co_return paused;
  if (steady_clock::now() - looked_ < parts_->options.look_every) co_return Result<void>();
  looked_ = steady_clock::now();
  co_return co_await look(false);
}

awaitable<Result<void>> Reconciler::open_if_due() {
  const auto opening = co_await parts_->dispatch->opening();
  if (!opening) co_return opening.error();
  if (opening->is_open) co_return Result<void>();
  const auto some = co_await parts_->record->dispatched_after(Uuid(), 1);
  if (!some) co_return some.error();
  OpenRequest request;
  // Whoever runs one of them puts its lease back with one of the next two heartbeats. Are there
  // none, then nobody runs anything.
  if (!some->empty()) request.waited = parts_->role.longest_lease * 2 / 3 + milliseconds(1'000);
  if (opening->waited < request.waited) co_return Result<void>();
  const auto stamp = co_await parts_->record->last_stamp();
  if (!stamp) co_return stamp.error();
  auto paused = co_await parts_->record->paused_queues();
  if (!paused) co_return paused.error();
  request.watermark = *stamp;
  request.term = term_;
  request.paused_queues = std::move(*paused);
  // Who was stopped since then may have been followed by another: what was read above is of old.
  if (steady_clock::now() - tried_to_lead_ > kSurelyLeads) co_return Result<void>();
  const std::int64_t waited = request.waited.count();
  auto opened = co_await parts_->dispatch->open(std::move(request));
  if (!opened) co_return opened;
  parts_->options.log.info("Redis is open: jobs are handed out",
                           {{"waited_ms", waited}, {"term", term_}});
  missing_.clear();
  looked_ = steady_clock::now();
  co_return co_await look(true);
}

awaitable<Result<void>> Reconciler::tell_pauses() {
  // What a pause could not tell Redis, or a crash kept from it.
  auto paused = co_await parts_->record->paused_queues();
  if (!paused) co_return paused.error();
  for (const std::string& queue : *paused) {
    if (std::find(paused_.begin(), paused_.end(), queue) != paused_.end()) continue;
    auto told = co_await parts_->dispatch->set_paused(queue, true);
    if (!told) co_return told;
  }
  for (const std::string& queue : paused_) {
    if (std::find(paused->begin(), paused->end(), queue) != paused->end()) continue;
    auto told = co_await parts_->dispatch->set_paused(queue, false);
    if (!told) co_return told;
  }
  paused_ = std::move(*paused);
  co_return Result<void>();
}

awaitable<Result<void>> Reconciler::look(bool at_once) {
  const SteadyTime began = steady_clock::now();
  Uuid after{};
  for (;;) {
    auto records = co_await parts_->record->dispatched_after(after, kRecordsAtOnce);
    if (!records) co_return records.error();
    if (records->empty()) break;
    after = records->back().id;
    const bool last = records->size() < kRecordsAtOnce;
    auto looked = co_await look_at(std::move(*records), at_once);
    if (!looked) co_return looked;
    if (last) break;
  }
  // What has not been missed again is no longer missing.
  std::erase_if(missing_, [&](const auto& entry) {
    return began - entry.second.since > 4 * (least_gap() + parts_->options.look_every);
  });
  co_return Result<void>();
}

awaitable<Result<void>> Reconciler::look_at(std::vector<DispatchRecord> records, bool at_once) {
  std::vector<Uuid> ids;
  ids.reserve(records.size());
  for (const DispatchRecord& record : records) ids.push_back(record.id);
  const auto places = co_await parts_->dispatch->look(std::move(ids));
  if (!places) co_return places.error();
  const SteadyTime now = steady_clock::now();
  std::vector<DispatchRecord> found;
  std::vector<DispatchRecord> cancelled;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const DispatchRecord& record = records[i];
    const TicketPlace& place = (*places)[i];
    if (place.where != TicketPlace::Where::absent && place.token >= record.token) {
      missing_.erase(record.id);
      if (record.cancel_requested) cancelled.push_back(record);
      continue;
    }
    const auto [missing, is_new] =
        missing_.try_emplace(record.id, Missing{.token = record.token, .since = now});
    if (missing->second.token != record.token) {
      missing->second = Missing{.token = record.token, .since = now};
    }
    if (at_once || now - missing->second.since >= least_gap()) {
      missing_.erase(missing);
      found.push_back(record);
    }
  }
  co_await tell_cancellations(std::move(cancelled));
  co_return co_await take_back(std::move(found));
}

awaitable<Result<void>> Reconciler::take_back(std::vector<DispatchRecord> found) {
  if (found.empty()) co_return Result<void>();
  // A push of theirs that is still on its way is checked from here on: such a check and this taking
  // back exclude each other by the stamp. One that came before is there now.
  std::int64_t stamp = 0;
  std::vector<Uuid> ids;
  ids.reserve(found.size());
  for (const DispatchRecord& record : found) {
    stamp = std::max(stamp, record.stamp);
    ids.push_back(record.id);
  }
  auto raised = co_await parts_->dispatch->raise_watermark(stamp, term_);
  if (!raised) co_return raised;
  const auto places = co_await parts_->dispatch->look(std::move(ids));
  if (!places) co_return places.error();
  std::vector<jobs::LostRun> runs;
  runs.reserve(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const TicketPlace& place = (*places)[i];
    if (place.where != TicketPlace::Where::absent && place.token >= found[i].token) continue;
    runs.push_back({.id = found[i].id, .token = found[i].token, .stamp = found[i].stamp});
  }
  if (runs.empty()) co_return Result<void>();
  auto taken = co_await parts_->record->take_back(std::move(runs), term_);
  if (!taken) co_return taken.error();
  const auto moved = static_cast<std::size_t>(
      std::count_if(taken->begin(), taken->end(), [](const auto& one) { return one.has_value(); }));
  Series::count(parts_->series.finds, moved);
  if (moved > 0) {
    parts_->options.log.warn("jobs that Redis did not have are handed out anew",
                             {{"jobs", static_cast<std::int64_t>(moved)}});
  }
  co_return Result<void>();
}

awaitable<void> Reconciler::tell_cancellations(std::vector<DispatchRecord> cancelled) {
  if (cancelled.empty()) co_return;
  std::vector<StampedJob> jobs;
  jobs.reserve(cancelled.size());
  for (const DispatchRecord& record : cancelled) {
    jobs.push_back({.id = record.id, .stamp = record.stamp});
  }
  const auto outcomes = co_await parts_->dispatch->withdraw(std::move(jobs), true);
  if (!outcomes) co_return;
  std::vector<jobs::LostRun> free;
  for (std::size_t i = 0; i < cancelled.size(); ++i) {
    if ((*outcomes)[i] == WithdrawOutcome::leased) continue;
    free.push_back(
        {.id = cancelled[i].id, .token = cancelled[i].token, .stamp = cancelled[i].stamp});
  }
  if (!free.empty()) (void)co_await parts_->record->take_back(std::move(free), term_);
}

awaitable<void> Reconciler::run(std::shared_ptr<Reconciler> self) {
  const std::shared_ptr<Parts> parts = self->parts_;
  while (!parts->closed) {
    const auto stepped = co_await self->step();
    if (!stepped && stepped.error().code() == Errc::cancelled) co_return;
    if (!stepped && stepped.error().code() == Errc::conflict) *self->leads_ = false;
    if (parts->series.open != nullptr) {
      parts->series.open->set(parts->dispatches() && parts->dispatch->is_open() ? 1 : 0);
    }
    if (!co_await sleep_for(kStep)) co_return;
  }
}

awaitable<void> Reconciler::resign() {
  if (*leads_) (void)co_await parts_->record->stop_leading();
  *leads_ = false;
}

}  // namespace rwp::jobs_tiered
