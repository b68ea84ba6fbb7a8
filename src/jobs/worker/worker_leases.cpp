#include "jobs/worker/worker_loop.hpp"

#include <algorithm>
#include <utility>

namespace rwp::jobs {
namespace {

SteadyTime now() { return std::chrono::steady_clock::now(); }

bool with_handlers_only(const Run& run) { return run.control.phase == RunPhase::dispatched; }

std::string_view stop_name(StopReason reason) {
  switch (reason) {
    case StopReason::none:
      return "none";
    case StopReason::cancelled:
      return "cancelled";
    case StopReason::timed_out:
      return "timed_out";
    case StopReason::lease_lost:
      return "lease_lost";
    case StopReason::drain:
      return "drain";
  }
  return "none";
}

}  // namespace

Awaitable<void> WorkerLoop::heartbeat_loop() {
  const auto every = options_.heartbeat_every;
  SteadyTime next = now() + every;
  while (!ended_) {
    if (now() < next) {
      (void)co_await heartbeat_signal_.wait_until(next);
      continue;
    }
    next = now() + every;
    std::vector<RunPtr> runs;
    std::vector<RunRef> refs;
    runs.reserve(held_.size());
    refs.reserve(held_.size());
    for (const RunPtr& run : held_) {
      runs.push_back(run);
      refs.push_back(run->job().run);
    }
    if (refs.empty()) continue;
    const SteadyTime asked_at = now();
    auto call = store_->extend(std::move(refs), options_.lease);
    auto answers = co_await with_deadline(std::move(call), asked_at + options_.lease / 3);
    if (!answers) {
      log_.warn("heartbeat failed", {{"jobs", runs.size()}, {"error", answers.error()}});
      next = now() + std::min(every / 4, std::chrono::milliseconds(1'000));
    } else {
      heard(std::move(runs), std::move(answers), asked_at);
    }
    check_lapsed();
    pump();
  }
}

void WorkerLoop::heard(std::vector<RunPtr> runs, PerItem<LeaseState> answers, SteadyTime asked_at) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if ((*answers)[i]) runs[i]->control.lease_until = asked_at + options_.lease;
    apply(runs[i], (*answers)[i]);
  }
}

/// What the store says of a run's lease.
void WorkerLoop::apply(const RunPtr& run, const Result<LeaseState>& answer) {
  const RunPhase phase = run->control.phase;
  // Its own completion may have been what ended it.
  if (phase == RunPhase::ended || phase == RunPhase::completing) return;
  if (!answer) {
    const Errc code = answer.error().code();
    if (code == Errc::conflict || code == Errc::not_found) {
      lose(run);
    } else {
      log_.warn("heartbeat or progress refused",
                {{"job_id", run->id().to_string()}, {"error", answer.error()}});
    }
    return;
  }
  if (!answer->cancel_requested) return;
  if (phase == RunPhase::dispatched) {
    stop_run(run, StopReason::cancelled);
  } else {
    complete(run, Cancelled());
  }
}

/// By this machine's clock the lease may have lapsed: no handler begins, and those that run are
/// told. The store has the last word on what they end with.
void WorkerLoop::check_lapsed() {
  const SteadyTime time = now();
  std::vector<RunPtr> lapsed;
  for (const RunPtr& run : held_) {
    if (time >= run->control.lease_until) lapsed.push_back(run);
  }
  for (const RunPtr& run : lapsed) {
    if (run->control.phase == RunPhase::dispatched) {
      if (run->stop_reason() == StopReason::lease_lost) continue;
      metrics_.lease_lost();
      stop_run(run, StopReason::lease_lost);
    } else if (run->control.phase != RunPhase::completing) {
      lose(run);
    }
  }
}

/// Another run has the job, or nobody: nothing of this one will be accepted.
void WorkerLoop::lose(const RunPtr& run) {
  metrics_.lease_lost();
  log_.warn("lease lost", {{"job_id", run->id().to_string()}, {"kind", run->job().kind}});
  if (run->control.phase == RunPhase::dispatched) {
    run->request_stop(StopReason::lease_lost);
    lane_->cancel(run);
  }
  forget(*run);
  drain_signal_.notify_all();
}

void WorkerLoop::stop_run(const RunPtr& run, StopReason reason) {
  if (!run->request_stop(reason)) return;
  log_.info("handler told to stop", {{"job_id", run->id().to_string()},
                                     {"kind", run->job().kind},
                                     {"reason", stop_name(reason)}});
  lane_->cancel(run);
  deadlines_.set(run.get(), now() + options_.stop_grace);
  deadline_signal_.notify_all();
}

/// Looks at the run again when its time, or its time without progress, can first be over.
void WorkerLoop::watch(Run& run, SteadyTime from) {
  const auto limit = run.timeout();
  const auto silence = run.handler().options.progress_deadline;
  if (limit.count() == 0 && silence.count() == 0) return;
  const SteadyTime began = run.began_at().value_or(from);
  SteadyTime due = SteadyTime::max();
  if (limit.count() > 0) due = began + limit;
  if (silence.count() > 0) {
    const SteadyTime alive = run.began_at() ? run.last_sign_of_life() : from;
    due = std::min(due, alive + silence);
  }
  const bool first = due < deadlines_.next();
  deadlines_.set(&run, due);
  if (first) deadline_signal_.notify_all();
}

Awaitable<void> WorkerLoop::deadline_loop() {
  while (!ended_) {
    const SteadyTime time = now();
    if (deadlines_.next() > time) {
      (void)co_await deadline_signal_.wait_until(deadlines_.next());
      continue;
    }
    const RunPtr run = std::static_pointer_cast<Run>(deadlines_.top()->shared_from_this());
    deadlines_.remove(run.get());
    deadline_came(run, time);
  }
}

void WorkerLoop::deadline_came(const RunPtr& run, SteadyTime time) {
  if (!with_handlers_only(*run)) return;
  const StopReason reason = run->stop_reason();
  if (reason != StopReason::none && reason != StopReason::drain) {
    abandon(run);
    return;
  }
  const auto limit = run->timeout();
  const auto silence = run->handler().options.progress_deadline;
  const auto began = run->began_at();
  const bool over = began && limit.count() > 0 && time >= *began + limit;
  const bool silent = began && silence.count() > 0 && time >= run->last_sign_of_life() + silence;
  if (over || silent) {
    stop_run(run, StopReason::timed_out);
  } else {
    watch(*run, time);
  }
}

void WorkerLoop::abandon(const RunPtr& run) {
  const StopReason reason = run->stop_reason();
  log_.error("handler does not stop; its outcome is recorded without it",
             {{"job_id", run->id().to_string()},
              {"kind", run->job().kind},
              {"reason", stop_name(reason)}});
  complete(run,
           outcome_without(reason, run->job().attempt, run->handler().options.backoff, draw()));
}

}  // namespace rwp::jobs
