#pragma once

#include <rwp/jobs/job.hpp>
#include <rwp/jobs/requests.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

/// One job as the documentation tells its life, told again without looking at the code under test:
/// slow, plain, and with another memory (the list of its runs), so that the two can disagree.
namespace rwp::tests {

class ReferenceJob {
 public:
  /// One dispatch. The job's current run is the last of the list while it is `running`.
  struct Run {
    std::uint64_t token = 0;
    bool begun = false;
    bool accepted = false;
  };

  ReferenceJob(int max_attempts_given, jobs::TimePoint due_at, jobs::TimePoint now)
      : max_attempts(max_attempts_given), due(due_at) {
    state = due_at > now ? jobs::JobState::scheduled : jobs::JobState::ready;
  }

  jobs::JobState state = jobs::JobState::ready;
  jobs::EndReason reason = jobs::EndReason::none;
  int failed_attempts = 0;
  int max_attempts = 1;
  int marks = 0;
  int deaths_alone = 0;
  bool cancel_wanted = false;
  jobs::TimePoint due{};
  std::string waits_for{};
  std::vector<Run> runs{};
  /// One entry for each failed attempt or death.
  int errors = 0;

  bool claimable(jobs::TimePoint now) const {
    return state == jobs::JobState::ready || (state == jobs::JobState::scheduled && due <= now);
  }
  bool must_run_alone() const { return marks >= 2; }
  std::uint64_t highest_token() const { return runs.empty() ? 0 : runs.back().token; }

  Errc time_comes(jobs::TimePoint now) {
    if (state != jobs::JobState::scheduled || due > now) return Errc::conflict;
    state = jobs::JobState::ready;
    return Errc::none;
  }

  Errc claim(std::uint64_t token, bool begun) {
    if (state != jobs::JobState::ready) return Errc::conflict;
    runs.push_back({.token = token, .begun = begun});
    woken_with_.clear();
    state = jobs::JobState::running;
    return Errc::none;
  }

  Errc heartbeat(std::uint64_t token) const {
    return is_current(token) ? Errc::none : Errc::conflict;
  }

  Errc begin(std::uint64_t token) {
    if (!is_current(token)) return Errc::conflict;
    runs.back().begun = true;
    return Errc::none;
  }

  Errc finish(std::uint64_t token, const jobs::RunOutcome& outcome, jobs::TimePoint now) {
    // "Repeating a completion with the token that was accepted has no second effect."
    if (!runs.empty() && runs.back().token == token && runs.back().accepted) return Errc::none;
    if (!is_current(token)) return Errc::conflict;
    runs.back().accepted = true;
    if (std::holds_alternative<jobs::Succeed>(outcome)) {
      marks = deaths_alone = 0;
      end_as(jobs::JobState::succeeded, jobs::EndReason::none);
    } else if (std::holds_alternative<jobs::Fail>(outcome)) {
      ++errors;
      ++failed_attempts;
      end_as(jobs::JobState::failed, jobs::EndReason::error);
    } else if (std::holds_alternative<jobs::Cancelled>(outcome)) {
      end_as(jobs::JobState::cancelled, jobs::EndReason::cancelled);
    } else if (const auto* retry = std::get_if<jobs::Retry>(&outcome)) {
      ++errors;
      ++failed_attempts;
      if (failed_attempts >= max_attempts) {
        end_as(jobs::JobState::failed, jobs::EndReason::exhausted);
      } else {
        goes_on(retry->delay, now);
      }
    } else if (const auto* crash = std::get_if<jobs::Crashed>(&outcome)) {
      ++errors;
      ++deaths_alone;
      if (deaths_alone >= 3 && !cancel_wanted) {
        end_as(jobs::JobState::failed, jobs::EndReason::crashed);
      } else {
        goes_on(crash->delay, now);
      }
    } else if (const auto* snooze = std::get_if<jobs::Snooze>(&outcome)) {
      goes_on(snooze->delay, now);
    } else if (const auto* park = std::get_if<jobs::Park>(&outcome)) {
      goes_on(std::chrono::milliseconds(0), now);
      if (state == jobs::JobState::ready) {
        state = jobs::JobState::parked;
        waits_for = park->key;
        due = now + park->timeout;
      }
    } else {
      goes_on(std::chrono::milliseconds(0), now);
    }
    return Errc::none;
  }

  /// The lease lapsed, or the process died.
  Errc lose() {
    if (state != jobs::JobState::running) return Errc::conflict;
    if (runs.back().begun) {
      ++errors;
      if (must_run_alone()) {
        ++deaths_alone;
      } else {
        ++marks;
      }
    }
    if (cancel_wanted) {
      end_as(jobs::JobState::cancelled, jobs::EndReason::cancelled);
    } else if (deaths_alone >= 3) {
      end_as(jobs::JobState::failed, jobs::EndReason::crashed);
    } else {
      state = jobs::JobState::ready;
    }
    return Errc::none;
  }

  Errc unpark(const std::string& key) {
    if (state == jobs::JobState::ready && !woken_with_.empty() && woken_with_ == key) {
      return Errc::none;
    }
    if (state != jobs::JobState::parked || waits_for != key) return Errc::conflict;
    woken_with_ = key;
    waits_for.clear();
    state = jobs::JobState::ready;
    return Errc::none;
  }

  Errc park_runs_out(jobs::TimePoint now) {
    if (state != jobs::JobState::parked || due > now) return Errc::conflict;
    waits_for.clear();
    state = jobs::JobState::ready;
    return Errc::none;
  }

  jobs::CancelOutcome cancel() {
    if (jobs::has_ended(state)) return jobs::CancelOutcome::already_ended;
    if (state == jobs::JobState::running) {
      cancel_wanted = true;
      return jobs::CancelOutcome::requested;
    }
    end_as(jobs::JobState::cancelled, jobs::EndReason::cancelled);
    return jobs::CancelOutcome::cancelled;
  }

  Errc retry(jobs::TimePoint now) {
    switch (state) {
      case jobs::JobState::ready:
        return Errc::none;
      case jobs::JobState::failed:
      case jobs::JobState::cancelled:
      case jobs::JobState::scheduled:
        break;
      default:
        return Errc::conflict;
    }
    state = jobs::JobState::ready;
    reason = jobs::EndReason::none;
    failed_attempts = marks = deaths_alone = 0;
    due = now;
    return Errc::none;
  }

 private:
  /// The key of the unpark that won, until the job is taken or ended.
  std::string woken_with_{};

  bool is_current(std::uint64_t token) const {
    return state == jobs::JobState::running && runs.back().token == token;
  }

  void end_as(jobs::JobState final_state, jobs::EndReason why) {
    state = final_state;
    reason = why;
    cancel_wanted = false;
    waits_for.clear();
    woken_with_.clear();
  }

  /// Open still, unless somebody has asked for its end meanwhile.
  void goes_on(std::chrono::milliseconds delay, jobs::TimePoint now) {
    if (cancel_wanted) {
      end_as(jobs::JobState::cancelled, jobs::EndReason::cancelled);
      return;
    }
    state = delay.count() > 0 ? jobs::JobState::scheduled : jobs::JobState::ready;
    due = now + delay;
  }
};

}  // namespace rwp::tests
