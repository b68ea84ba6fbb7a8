#include "jobs_tiered/work.hpp"

#include <functional>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;
using jobs::LeaseState;
using jobs::PerItem;
using jobs::RunRef;

/// Leases that are let go after the answer to their completions.
constexpr std::size_t kReleasedLater = 64;

/// Runs that the dispatch gave, and those of the record itself, each asked where they are known.
template <class Answer>
using Ask = std::function<awaitable<PerItem<Answer>>(std::vector<RunRef>)>;

template <class Answer>
awaitable<PerItem<Answer>> ask_both(std::vector<RunRef> runs, Ask<Answer> dispatch,
                                    Ask<Answer> record) {
  std::vector<RunRef> given;
  std::vector<RunRef> own;
  for (const RunRef& run : runs) (run.handle > 0 ? given : own).push_back(run);
  if (own.empty()) co_return co_await dispatch(std::move(given));
  if (given.empty()) co_return co_await record(std::move(own));
  auto of_given = co_await dispatch(std::move(given));
  if (!of_given) co_return of_given.error();
  auto of_own = co_await record(std::move(own));
  if (!of_own) co_return of_own.error();
  std::vector<Result<Answer>> answers;
  answers.reserve(runs.size());
  std::size_t next_given = 0;
  std::size_t next_own = 0;
  for (const RunRef& run : runs) {
    answers.push_back(
        std::move(run.handle > 0 ? (*of_given)[next_given++] : (*of_own)[next_own++]));
  }
  co_return answers;
}

bool is_away(const Error& error) {
  return error.code() == Errc::unavailable || error.code() == Errc::deadline_exceeded;
}

/// The dispatch knows only that a run is not its job's; whether the job is kept at all, the record.
awaitable<PerItem<LeaseState>> tell_gone(std::shared_ptr<Parts> parts, std::vector<RunRef> runs,
                                         PerItem<LeaseState> answers) {
  if (!answers) co_return answers;
  std::vector<Uuid> refused;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& answer = (*answers)[i];
    if (answer || answer.error().code() != Errc::conflict) continue;
    refused.push_back(runs[i].id);
    places.push_back(i);
  }
  if (refused.empty()) co_return answers;
  const auto jobs = co_await parts->record->get(std::move(refused));
  if (!jobs) co_return answers;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& job = (*jobs)[i];
    if (!job && job.error().code() == Errc::not_found) (*answers)[places[i]] = job.error();
  }
  co_return answers;
}

awaitable<PerItem<LeaseState>> extend_given(std::shared_ptr<Parts> parts, std::vector<RunRef> runs,
                                            std::chrono::milliseconds lease) {
  if (!parts->dispatches()) co_return co_await parts->record->extend(std::move(runs), lease);
  auto extended = co_await parts->dispatch->extend(runs, lease);
  if (extended || !is_away(extended.error())) {
    co_return co_await tell_gone(parts, std::move(runs), std::move(extended));
  }
  co_return co_await parts->record->check_tickets(std::move(runs));
}

awaitable<PerItem<LeaseState>> start_given(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  auto started = co_await parts->dispatch->mark_started(runs);
  co_return co_await tell_gone(parts, std::move(runs), std::move(started));
}

/// Of runs without a handle, those that hold: the dispatch may have given them, too.
std::vector<RunRef> held_of(const std::vector<RunRef>& runs, const PerItem<LeaseState>& answers) {
  std::vector<RunRef> held;
  for (std::size_t i = 0; answers && i < runs.size(); ++i) {
    if ((*answers)[i]) held.push_back(runs[i]);
  }
  return held;
}

awaitable<PerItem<LeaseState>> extend_own(std::shared_ptr<Parts> parts, std::vector<RunRef> runs,
                                          std::chrono::milliseconds lease) {
  auto answers = co_await parts->record->extend(runs, lease);
  auto held = held_of(runs, answers);
  if (!held.empty() && parts->dispatches()) {
    (void)co_await parts->dispatch->extend(std::move(held), lease);
  }
  co_return answers;
}

awaitable<PerItem<LeaseState>> start_own(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  auto answers = co_await parts->record->mark_started(runs);
  auto held = held_of(runs, answers);
  if (!held.empty() && parts->dispatches()) {
    (void)co_await parts->dispatch->mark_started(std::move(held));
  }
  co_return answers;
}

/// Of runs whose completion was refused, those that the record has moved on from: a child's fault
/// leaves the run its job's.
awaitable<std::vector<RunRef>> stale_of(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  if (runs.empty()) co_return runs;
  const auto checked = co_await parts->record->check_tickets(runs);
  // The leases lapse.
  if (!checked) co_return std::vector<RunRef>();
  std::vector<RunRef> stale;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!(*checked)[i]) stale.push_back(runs[i]);
  }
  co_return stale;
}

awaitable<void> release_all(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  (void)co_await parts->releases->run(std::move(runs));
}

/// A completion that had been accepted before, and whose job has been given a new ticket at once:
/// until that is claimed, the answer is as it was.
awaitable<void> answer_repeated(std::shared_ptr<Parts> parts, const std::vector<RunRef>* runs,
                                std::vector<Result<jobs::JobState>>* answers) {
  std::vector<Uuid> ids;
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < runs->size(); ++i) {
    if ((*answers)[i] || (*answers)[i].error().code() != Errc::conflict) continue;
    ids.push_back((*runs)[i].id);
    at.push_back(i);
  }
  if (ids.empty()) co_return;
  const auto records = co_await parts->record->dispatch_records(ids);
  const auto places = co_await parts->dispatch->look(std::move(ids));
  if (!records || !places) co_return;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const jobs::DispatchRecord& record = (*records)[i];
    const bool leased =
        (*places)[i].where == TicketPlace::Where::leased && (*places)[i].token >= record.token;
    if (record.is_dispatched && !leased && record.finished_token == (*runs)[at[i]].token) {
      (*answers)[at[i]] = jobs::JobState::ready;
    }
  }
}

/// A lease that stays lapses, and is dropped then.
awaitable<void> release(std::shared_ptr<Parts> parts, std::vector<RunRef> runs) {
  if (runs.empty()) co_return;
  if (runs.size() < kReleasedLater || parts->closed) {
    (void)co_await parts->releases->run(std::move(runs));
    co_return;
  }
  // Nobody is kept from his next batch; until they are gone, the leases only count as such.
  ++parts->releasing;
  spawn(parts->runtime.executor(), release_all(parts, std::move(runs)),
        [parts](std::exception_ptr) {
          --parts->releasing;
          parts->closing.notify_all();
        });
}

}  // namespace

awaitable<PerItem<LeaseState>> mark_started(std::shared_ptr<Parts> parts,
                                            std::vector<RunRef> runs) {
  Ask<LeaseState> record = [parts](std::vector<RunRef> some) {
    return start_own(parts, std::move(some));
  };
  Ask<LeaseState> dispatch = record;
  if (parts->dispatches()) {
    dispatch = [parts](std::vector<RunRef> some) { return start_given(parts, std::move(some)); };
  }
  return ask_both<LeaseState>(std::move(runs), std::move(dispatch), std::move(record));
}

awaitable<PerItem<LeaseState>> extend(std::shared_ptr<Parts> parts, std::vector<RunRef> runs,
                                      std::chrono::milliseconds lease) {
  Ask<LeaseState> record = [parts, lease](std::vector<RunRef> some) {
    return extend_own(parts, std::move(some), lease);
  };
  Ask<LeaseState> dispatch = [parts, lease](std::vector<RunRef> some) {
    return extend_given(parts, std::move(some), lease);
  };
  return ask_both<LeaseState>(std::move(runs), std::move(dispatch), std::move(record));
}

awaitable<PerItem<jobs::JobState>> finish(std::shared_ptr<Parts> parts,
                                          std::vector<jobs::CheckedCompletion> completions) {
  std::vector<RunRef> runs;
  runs.reserve(completions.size());
  for (jobs::CheckedCompletion& completion : completions) {
    runs.push_back(completion.run);
    // The record has noted itself when such a run began.
    if (completion.run.handle < 0) completion.run.handle = 0;
  }
  auto answers = co_await parts->record->record_ends(std::move(completions));
  if (!answers) co_return answers;
  std::vector<RunRef> ended;
  std::vector<RunRef> refused;
  ended.reserve(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const bool ok = (*answers)[i].has_value();
    if (ok && runs[i].handle == own_handle(*parts)) continue;
    if (runs[i].handle > 0 || parts->dispatches()) (ok ? ended : refused).push_back(runs[i]);
  }
  auto stale = co_await stale_of(parts, std::move(refused));
  ended.insert(ended.end(), stale.begin(), stale.end());
  if (!stale.empty()) co_await answer_repeated(parts, &runs, &*answers);
  co_await release(parts, std::move(ended));
  co_return answers;
}

awaitable<Result<jobs::Rescued>> rescue(std::shared_ptr<Parts> parts, std::size_t limit) {
  auto rescued = co_await parts->record->rescue(limit);
  if (!rescued || !parts->dispatches()) co_return rescued;
  while (parts->topping_up && !parts->closed) {
    const Wake wake = co_await parts->topped_up.wait_until(SteadyTime::max());
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
  }
  rescued->parks += std::exchange(parts->lapsed_parks, 0);
  co_await hand_back_unused(parts);
  auto lapsed = co_await parts->dispatch->expired(limit);
  // Redis away or closed: nobody can tell what has lapsed.
  if (!lapsed || lapsed->empty()) co_return rescued;
  std::vector<jobs::LostRun> lost;
  lost.reserve(lapsed->size());
  for (const LapsedLease& lease : *lapsed) {
    lost.push_back({.id = lease.id, .token = lease.token, .started = lease.started});
  }
  // The record first: from then on the old run is stale.
  auto taken = co_await parts->record->take_back(std::move(lost), std::nullopt);
  if (!taken) co_return taken.error();
  std::vector<RunRef> dropped;
  for (std::size_t i = 0; i < lapsed->size(); ++i) {
    const auto& answer = (*taken)[i];
    if (answer) {
      ++rescued->leases;
      rescued->quarantined += *answer == jobs::JobState::failed ? 1 : 0;
    } else if (answer.error().code() != Errc::conflict &&
               answer.error().code() != Errc::not_found) {
      continue;
    }
    dropped.push_back({.id = (*lapsed)[i].id, .token = (*lapsed)[i].token});
  }
  if (!dropped.empty()) (void)co_await parts->releases->run(std::move(dropped));
  co_return rescued;
}

}  // namespace rwp::jobs_tiered
