#include "jobs/worker/worker_loop.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace rwp::jobs {
namespace {

constexpr std::chrono::seconds kUpkeepLimit{60};
constexpr std::chrono::seconds kWatchEvery{1};

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

/// A tenth earlier or later, so that workers started together do not act together for ever.
SteadyTime WorkerLoop::jittered(std::chrono::milliseconds every) {
  const double factor = 0.9 + 0.2 * draw();
  return now() + std::chrono::duration_cast<std::chrono::nanoseconds>(every * factor);
}

Awaitable<void> WorkerLoop::rescue_loop() {
  SteadyTime next = jittered(options_.rescue_every);
  while (!stopping_) {
    if (now() < next) {
      (void)co_await upkeep_signal_.wait_until(next);
      continue;
    }
    auto call = store_->rescue();
    auto rescued = co_await with_deadline(std::move(call), now() + kUpkeepLimit);
    next = jittered(options_.rescue_every);
    if (!rescued) {
      log_.warn("rescue failed", {{"error", rescued.error()}});
    } else if (rescued->leases + rescued->parks > 0) {
      log_.info("jobs rescued", {{"leases", rescued->leases},
                                 {"parks", rescued->parks},
                                 {"quarantined", rescued->quarantined}});
    }
  }
}

Awaitable<void> WorkerLoop::prune_loop() {
  SteadyTime next = jittered(options_.prune_every);
  while (!stopping_) {
    if (now() < next) {
      (void)co_await upkeep_signal_.wait_until(next);
      continue;
    }
    auto call = store_->prune(options_.retention);
    auto pruned = co_await with_deadline(std::move(call), now() + kUpkeepLimit);
    next = jittered(options_.prune_every);
    if (!pruned) {
      log_.warn("prune failed", {{"error", pruned.error()}});
    } else if (pruned->jobs > 0) {
      log_.info("old jobs removed",
                {{"jobs", pruned->jobs}, {"ledger_entries", pruned->ledger_entries}});
      // There may be more: soon again, but not so that claims have to wait.
      if (pruned->jobs >= options_.retention.limit) next = now() + std::chrono::milliseconds(100);
    }
  }
}

void WorkerLoop::shed_surplus() {
  // Handlers that do not end give the policy no sample; they have taken so long at least.
  if (dispatched_ > 0 && begun_since_watch_ == 0) {
    policy_.ran(options_.concurrency, kWatchEvery * options_.concurrency);
  }
  begun_since_watch_ = 0;
  const std::size_t wanted = capacity() + policy_.prefetch();
  if (stopping_ || load() <= 2 * wanted) return;
  const std::size_t surplus = load() - wanted;
  std::size_t given = 0;
  for (std::deque<RunPtr>* queue : {&buffer_, &ready_}) {
    while (given < surplus && !queue->empty()) {
      const RunPtr run = std::move(queue->back());
      queue->pop_back();
      const RunPhase phase = run->control.phase;
      if (phase != RunPhase::buffered && phase != RunPhase::ready) continue;
      complete(run, HandBack());
      ++given;
    }
  }
  if (given < surplus) lane_->recall(options_.concurrency);
  log_.info("jobs held in advance given back", {{"jobs", surplus}});
}

/// Tells of a handlers' thread that a handler keeps from turning.
Awaitable<void> WorkerLoop::watch_loop() {
  // Shared with what is posted there, which may run after this worker's end.
  const auto answered = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::uint64_t asked = 0;
  bool told = false;
  SteadyTime next = now() + kWatchEvery;
  while (!ended_) {
    if (now() < next) {
      (void)co_await upkeep_signal_.wait_until(next);
      continue;
    }
    next = now() + kWatchEvery;
    shed_surplus();
    if (answered->load() == asked) {
      if (told) log_.info("the handlers' thread turns again");
      told = false;
      if (dispatched_ == 0) continue;
      ++asked;
      post(handlers_.executor(), [answered, asked] { answered->store(asked); });
      continue;
    }
    if (told) continue;
    told = true;
    // The one that began last is the likeliest to sit on the thread.
    const Run* last = nullptr;
    for (const RunPtr& run : held_) {
      if (run->control.phase != RunPhase::dispatched || !run->handler().coroutine) continue;
      const auto began = run->began_at();
      if (began && (last == nullptr || *began > *last->began_at())) last = run.get();
    }
    log_.warn("the handlers' thread has not turned for a second; a coroutine handler blocks it",
              {{"job_id", last != nullptr ? last->id().to_string() : ""},
               {"kind", last != nullptr ? last->job().kind : ""},
               {"running", dispatched_}});
  }
}

}  // namespace rwp::jobs
