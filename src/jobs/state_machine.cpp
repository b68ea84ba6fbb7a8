#include <rwp/jobs/state_machine.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace rwp::jobs::machine {
namespace {

Error stale() {
  return Error(Errc::conflict, "the run is stale: the job has been dispatched or ended since");
}

Error not_in_state(const Lifecycle& job, std::string_view wanted) {
  return Error(Errc::conflict,
               "the job is " + std::string(enum_name(job.state)) + ", not " + std::string(wanted));
}

void end(Lifecycle& job, JobState state, EndReason reason) {
  job.state = state;
  job.end_reason = reason;
  job.cancel_requested = false;
  job.started = false;
  job.park_key.clear();
}

/// Leaves running for a state that waits; a cancellation asked for meanwhile takes effect now.
void wait(Lifecycle& job, JobState state, TimePoint until) {
  job.started = false;
  if (job.cancel_requested) {
    end(job, JobState::cancelled, EndReason::cancelled);
    return;
  }
  job.state = state;
  job.run_at = until;
}

struct Finisher {
  Lifecycle& job;
  TimePoint now;
  std::optional<Error> error{};

  void operator()(const Succeed&) {
    job.suspect_marks = 0;
    job.crashes = 0;
    end(job, JobState::succeeded, EndReason::none);
  }
  void operator()(const Retry& retry) {
    error = retry.error;
    ++job.attempt;
    if (job.attempt >= job.max_attempts) {
      end(job, JobState::failed, EndReason::exhausted);
      return;
    }
    if (retry.delay.count() > 0) {
      wait(job, JobState::scheduled, now + retry.delay);
    } else {
      wait(job, JobState::ready, now);
    }
  }
  void operator()(const Fail& fail) {
    error = fail.error;
    ++job.attempt;
    end(job, JobState::failed, EndReason::error);
  }
  void operator()(const Snooze& snooze) {
    if (snooze.delay.count() > 0) {
      wait(job, JobState::scheduled, now + snooze.delay);
    } else {
      wait(job, JobState::ready, now);
    }
  }
  void operator()(const Park& park) {
    wait(job, JobState::parked, now + park.timeout);
    if (job.state == JobState::parked) job.park_key = park.key;
  }
  void operator()(const HandBack&) { wait(job, JobState::ready, now); }
  void operator()(const Cancelled&) { end(job, JobState::cancelled, EndReason::cancelled); }
  void operator()(const Crashed& crashed) {
    error = crashed.error;
    ++job.crashes;
    if (job.crashes >= kCrashBudget && !job.cancel_requested) {
      end(job, JobState::failed, EndReason::crashed);
    } else if (crashed.delay.count() > 0) {
      wait(job, JobState::scheduled, now + crashed.delay);
    } else {
      wait(job, JobState::ready, now);
    }
  }
};

}  // namespace

Lifecycle submit(const NewJob& job, TimePoint run_at, TimePoint now) {
  Lifecycle life;
  life.max_attempts = job.max_attempts;
  life.run_at = std::max(run_at, now);
  life.state = run_at > now ? JobState::scheduled : JobState::ready;
  return life;
}

Result<Transition> become_due(const Lifecycle& job, TimePoint now) {
  if (job.state != JobState::scheduled || job.run_at > now) {
    return not_in_state(job, "scheduled and due");
  }
  Transition step{.next = job};
  step.next.state = JobState::ready;
  return step;
}

Result<Transition> claim(const Lifecycle& job, std::uint64_t token_floor, bool started) {
  if (job.state != JobState::ready) return not_in_state(job, "ready");
  Transition step{.next = job};
  step.next.state = JobState::running;
  step.next.run_token = std::max(job.run_token + 1, token_floor);
  step.next.started = started;
  step.next.park_key.clear();
  return step;
}

Result<void> holds(const Lifecycle& job, std::uint64_t token) {
  if (job.state != JobState::running || job.run_token != token) return stale();
  return {};
}

Result<Transition> start(const Lifecycle& job, std::uint64_t token) {
  const auto held = holds(job, token);
  if (!held) return held.error();
  Transition step{.next = job, .changed = !job.started};
  step.next.started = true;
  return step;
}

Result<Transition> finish(const Lifecycle& job, std::uint64_t token, const RunOutcome& outcome,
                          TimePoint now) {
  if (token != 0 && job.finished_token == token && job.run_token == token) {
    return Transition{.next = job, .changed = false};
  }
  const auto held = holds(job, token);
  if (!held) return held.error();
  Transition step{.next = job};
  step.next.finished_token = token;
  Finisher finisher{.job = step.next, .now = now};
  std::visit(finisher, outcome);
  step.error = std::move(finisher.error);
  return step;
}

Result<Transition> lose(const Lifecycle& job) {
  if (job.state != JobState::running) return not_in_state(job, "running");
  Transition step{.next = job};
  Lifecycle& next = step.next;
  ++next.run_token;
  const bool was_alone = runs_alone(job);
  next.started = false;
  if (job.started) {
    if (was_alone) {
      ++next.crashes;
    } else {
      ++next.suspect_marks;
    }
    step.error =
        Error(Errc::unavailable, was_alone ? "the worker died while it ran this job alone"
                                           : "the worker died or stalled while it ran this job");
  }
  if (job.cancel_requested) {
    end(next, JobState::cancelled, EndReason::cancelled);
  } else if (next.crashes >= kCrashBudget) {
    end(next, JobState::failed, EndReason::crashed);
  } else {
    next.state = JobState::ready;
  }
  return step;
}

Result<Transition> unpark(const Lifecycle& job, const std::string& key) {
  if (job.state == JobState::ready && !key.empty() && job.park_key == key) {
    return Transition{.next = job, .changed = false};
  }
  if (job.state != JobState::parked) return not_in_state(job, "parked");
  if (job.park_key != key) return Error(Errc::conflict, "the job is parked under another key");
  // The key stays until the claim, so that a repeated unpark is told from a late one.
  Transition step{.next = job};
  step.next.state = JobState::ready;
  return step;
}

Result<Transition> park_deadline(const Lifecycle& job, TimePoint now) {
  if (job.state != JobState::parked || job.run_at > now) {
    return not_in_state(job, "parked and past its deadline");
  }
  Transition step{.next = job};
  step.next.state = JobState::ready;
  step.next.park_key.clear();
  return step;
}

Transition cancel(const Lifecycle& job) {
  Transition step{.next = job};
  if (has_ended(job.state)) {
    step.changed = false;
  } else if (job.state == JobState::running) {
    step.changed = !job.cancel_requested;
    step.next.cancel_requested = true;
  } else {
    end(step.next, JobState::cancelled, EndReason::cancelled);
  }
  return step;
}

Result<Transition> retry(const Lifecycle& job, TimePoint now) {
  // The answer to the first of two such calls may have been lost.
  if (job.state == JobState::ready) return Transition{.next = job, .changed = false};
  if (job.state != JobState::failed && job.state != JobState::cancelled &&
      job.state != JobState::scheduled) {
    return not_in_state(job, "failed, cancelled or scheduled");
  }
  Transition step{.next = job};
  step.next.state = JobState::ready;
  step.next.end_reason = EndReason::none;
  step.next.attempt = 0;
  step.next.suspect_marks = 0;
  step.next.crashes = 0;
  step.next.cancel_requested = false;
  step.next.run_at = now;
  step.next.park_key.clear();
  return step;
}

}  // namespace rwp::jobs::machine
