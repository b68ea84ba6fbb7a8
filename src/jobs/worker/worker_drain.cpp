#include "jobs/worker/worker_loop.hpp"

#include <algorithm>
#include <utility>

namespace rwp::jobs {
namespace {

/// What a hurried end leaves handlers for taking note of their cancellation.
constexpr std::chrono::milliseconds kHurriedGrace{200};

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

void WorkerLoop::stop() {
  post(control_, [self = shared_from_this()] { self->begin_drain(); });
}

void WorkerLoop::begin_drain() {
  if (ended_) return;
  if (stopping_) {
    hurried_ = true;
    drain_signal_.notify_all();
    finish_signal_.notify_all();
    return;
  }
  stopping_ = true;
  log_.info("worker drains", {{"worker", options_.name}, {"running", dispatched_}});
  work_wait_.cancel();
  claim_signal_.notify_all();
  mark_signal_.notify_all();
  upkeep_signal_.notify_all();
  hand_back_unstarted();
  launch(drain_loop());
}

template <class Act>
void WorkerLoop::each_dispatched(Act act) {
  // A copy: what is done to a run may take it off the books.
  const std::vector<RunPtr> runs = held_;
  for (const RunPtr& run : runs) {
    if (run->control.phase == RunPhase::dispatched) act(run);
  }
}

void WorkerLoop::hand_back_unstarted() {
  const std::vector<RunPtr> runs = held_;
  for (const RunPtr& run : runs) {
    switch (run->control.phase) {
      case RunPhase::loading:
      case RunPhase::buffered:
      case RunPhase::ready:
      case RunPhase::held_back:
        complete(run, HandBack());
        break;
      case RunPhase::dispatched:
        run->request_stop(StopReason::drain);
        break;
      case RunPhase::marking:  // Handed back when that call is answered.
      case RunPhase::completing:
      case RunPhase::ended:
        break;
    }
  }
  lane_->recall(0);
  note_holding();
}

bool WorkerLoop::drained() const {
  return held_.empty() && pending_.empty() && finishing_ == 0 && claims_ == 0;
}

Awaitable<void> WorkerLoop::drain_loop() {
  const SteadyTime grace_until = now() + options_.drain_grace;
  while (!drained() && !hurried_ && now() < grace_until) {
    (void)co_await drain_signal_.wait_until(grace_until);
  }
  each_dispatched([this](const RunPtr& run) { lane_->cancel(run); });
  const auto stop_grace = [this, from = now()] {
    return from + (hurried_ ? std::min(options_.stop_grace, kHurriedGrace) : options_.stop_grace);
  };
  while (!drained() && now() < stop_grace()) {
    (void)co_await drain_signal_.wait_until(stop_grace());
  }
  each_dispatched([this](const RunPtr& run) { abandon(run); });
  while (!drained()) {
    (void)co_await drain_signal_.wait_until(SteadyTime::max());
  }
  end();
}

}  // namespace rwp::jobs
