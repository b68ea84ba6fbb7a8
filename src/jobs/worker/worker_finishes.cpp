#include "jobs/worker/worker_loop.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rwp::jobs {
namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{2'000};
/// Between two writes of progress; a saved cursor does not wait for it.
constexpr std::chrono::milliseconds kProgressEvery{100};
constexpr std::chrono::milliseconds kProgressLimit{10'000};

SteadyTime now() { return std::chrono::steady_clock::now(); }

std::chrono::milliseconds pause_after(int failures) {
  return std::min(kLongestPause, kFirstPause * (1 << std::clamp(failures - 1, 0, 10)));
}

bool is_stale(const Error& error) {
  return error.code() == Errc::conflict || error.code() == Errc::not_found;
}

bool is_failure(const RunOutcome& outcome) {
  return std::holds_alternative<Retry>(outcome) || std::holds_alternative<Fail>(outcome) ||
         std::holds_alternative<Crashed>(outcome);
}

}  // namespace

std::vector<WorkerLoop::Pending> WorkerLoop::take_pending() {
  const std::size_t size =
      std::min(pending_.size(), std::max<std::size_t>(options_.completion_batch, 1));
  std::vector<Pending> batch;
  batch.reserve(size);
  for (std::size_t i = 0; i < size; ++i) {
    batch.push_back(std::move(pending_.front()));
    pending_.pop_front();
  }
  finishing_ += size;
  ++finishes_;
  return batch;
}

void WorkerLoop::put_back(std::vector<Pending> batch) {
  finished(batch.size());
  pending_.insert(pending_.begin(), std::make_move_iterator(batch.begin()),
                  std::make_move_iterator(batch.end()));
}

void WorkerLoop::finished(std::size_t size) {
  finishing_ -= size;
  --finishes_;
}

/// What ends while a batch is on its way makes the next, which waits for that one's answer unless
/// it is large.
bool WorkerLoop::may_finish() const {
  return !pending_.empty() && (finishes_ == 0 || 2 * pending_.size() >= options_.completion_batch);
}

/// Two of these run: a store that writes one batch reads the next meanwhile.
Awaitable<void> WorkerLoop::finish_loop() {
  while (true) {
    while (!ended_ && (!may_finish() || (now() < finish_after_ && !hurried_))) {
      const SteadyTime until = may_finish() ? finish_after_ : SteadyTime::max();
      (void)co_await finish_signal_.wait_until(until);
    }
    if (pending_.empty()) co_return;
    std::vector<Pending> batch = take_pending();
    std::vector<RunPtr> unsuccessful;
    std::vector<Completion> completions;
    completions.reserve(batch.size());
    for (const Pending& pending : batch) {
      // A copy stays here, should the store not answer.
      completions.push_back(pending.completion);
      if (!std::holds_alternative<Succeed>(pending.completion.outcome)) {
        unsuccessful.push_back(pending.run);
      }
    }
    Result<void> cursors;
    if (!unsuccessful.empty()) cursors = co_await write_cursors(std::move(unsuccessful));
    PerItem<JobState> answers(Error(Errc::unavailable, "not asked"));
    if (cursors) {
      auto finish = store_->finish(std::move(completions));
      answers = co_await with_deadline(std::move(finish), now() + options_.lease);
    } else {
      answers = cursors.error();
    }
    if (!answers) {
      // Both batches that a broken connection takes along are one failure.
      if (now() >= finish_after_) ++finish_failures_;
      log_.warn("completions not written, will be tried again",
                {{"jobs", batch.size()}, {"error", answers.error()}});
      if (give_up(batch)) continue;
      put_back(std::move(batch));
      finish_after_ = std::max(finish_after_, now() + pause_after(finish_failures_));
      continue;
    }
    const bool was_away = std::exchange(finish_failures_, 0) > 0;
    finish_after_ = SteadyTime();
    // The other loop need not wait for its pause to end.
    if (was_away) finish_signal_.notify_all();
    metrics_.finish_batch(batch.size());
    finished(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) settle(std::move(batch[i]), (*answers)[i]);
    if (was_away) log_.info("completions are written again");
    if (claim_size() > 0) claim_signal_.notify_all();
    if (suspect_) pump();
    drain_signal_.notify_all();
  }
}

Awaitable<Result<void>> WorkerLoop::write_cursors(std::vector<RunPtr> runs) {
  std::vector<RunPtr> updated;
  std::vector<ProgressUpdate> updates;
  for (const RunPtr& run : runs) {
    auto update = run->take_progress();
    if (!update) continue;
    updated.push_back(run);
    updates.push_back(std::move(*update));
  }
  if (updates.empty()) co_return Result<void>();
  auto kept = updates;
  auto call = store_->progress(std::move(updates));
  auto answers = co_await with_deadline(std::move(call), now() + kProgressLimit);
  if (!answers) {
    for (std::size_t i = 0; i < kept.size(); ++i) updated[i]->restore_progress(std::move(kept[i]));
    co_return answers.error().with_context("saving cursors");
  }
  for (std::size_t i = 0; i < updated.size(); ++i) {
    const auto& answer = (*answers)[i];
    if (answer || is_stale(answer.error())) continue;  // The completion itself will tell.
    log_.warn("progress refused",
              {{"job_id", updated[i]->id().to_string()}, {"error", answer.error()}});
  }
  co_return Result<void>();
}

void WorkerLoop::settle(Pending done, Result<JobState> answer) {
  Run& run = *done.run;
  const RunOutcome& outcome = done.completion.outcome;
  if (answer) {
    if (std::holds_alternative<Succeed>(outcome)) {
      succeeded_.fetch_add(1, std::memory_order_relaxed);
    } else if (is_failure(outcome)) {
      failed_.fetch_add(1, std::memory_order_relaxed);
    }
    metrics_.finished(run, outcome, *answer);
    if (*answer == JobState::failed) {
      // The code alone: a handler's words may hold what no log should. They stand in the job.
      const auto* fail = std::get_if<Fail>(&outcome);
      const auto* retry = std::get_if<Retry>(&outcome);
      const auto* crashed = std::get_if<Crashed>(&outcome);
      const Errc code = fail != nullptr      ? fail->error.code()
                        : retry != nullptr   ? retry->error.code()
                        : crashed != nullptr ? crashed->error.code()
                                             : Errc::internal;
      log_.warn("job failed for good", {{"job_id", run.id().to_string()},
                                        {"kind", run.job().kind},
                                        {"attempt", run.job().attempt},
                                        {"code", to_string(code)}});
    }
    if (setup_->spans && run.began_at() && !run.control.with_handlers) {
      run.export_spans(outcome_name(outcome), is_failure(outcome));
    }
    forget(run);
    return;
  }
  const Error error = answer.error();
  if (rewrite(done, error)) {
    pending_.push_back(std::move(done));
    return;
  }
  refused_.fetch_add(1, std::memory_order_relaxed);
  metrics_.refused();
  log_.warn("completion refused", {{"job_id", run.id().to_string()},
                                   {"kind", run.job().kind},
                                   {"outcome", outcome_name(outcome)},
                                   {"error", error}});
  forget(run);
}

/// Makes of a completion that was refused for what it carries one that can be accepted; false when
/// there is none.
bool WorkerLoop::rewrite(Pending& done, const Error& error) {
  Completion& completion = done.completion;
  if (error.retryable()) return true;  // The item alone met a passing trouble: as it was.
  if (done.run->control.rewritten++ > 1) return false;
  if (error.code() == Errc::invalid_argument) {
    completion.outcome = Fail{.error = error.with_context("what the run ended with was refused")};
    completion.children.clear();
    return true;
  }
  if (error.code() == Errc::conflict && !completion.children.empty()) {
    // A stale run, or a child that is known with another payload: without children it shows.
    completion.outcome = Fail{.error = error.with_context("a child job was refused")};
    completion.children.clear();
    return true;
  }
  return false;
}

bool WorkerLoop::give_up(const std::vector<Pending>& batch) {
  if (!stopping_) return false;
  // What a lapsed lease frees is run again elsewhere; until then the store may come back.
  const SteadyTime time = now();
  const bool may_hold = std::any_of(batch.begin(), batch.end(), [time](const Pending& pending) {
    return time < pending.run->control.lease_until;
  });
  if (may_hold && !hurried_) return false;
  for (const Pending& pending : batch) {
    log_.error("completion lost: the store did not answer before the worker's end",
               {{"job_id", pending.run->id().to_string()},
                {"kind", pending.run->job().kind},
                {"outcome", outcome_name(pending.completion.outcome)}});
    forget(*pending.run);
  }
  finished(batch.size());
  drain_signal_.notify_all();
  return true;
}

void WorkerLoop::progress_arrived() {
  auto runs = progress_mail_->take();
  for (RunPtr& run : runs) progress_.push_back(std::move(run));
  progress_signal_.notify_all();
}

Awaitable<void> WorkerLoop::progress_loop() {
  SteadyTime next{};
  while (!ended_) {
    if (progress_.empty()) {
      (void)co_await progress_signal_.wait_until(SteadyTime::max());
      continue;
    }
    const bool urgent = std::any_of(progress_.begin(), progress_.end(),
                                    [](const RunPtr& run) { return run->has_new_cursor(); });
    if (!urgent && now() < next) {
      (void)co_await progress_signal_.wait_until(next);
      continue;
    }
    std::vector<RunPtr> candidates = std::exchange(progress_, {});
    std::vector<RunPtr> runs;
    std::vector<ProgressUpdate> updates;
    for (RunPtr& run : candidates) {
      // What is past its handler's end is written with the completion, or not at all.
      if (run->control.phase != RunPhase::dispatched) continue;
      auto update = run->take_progress();
      if (!update) continue;
      runs.push_back(std::move(run));
      updates.push_back(std::move(*update));
    }
    if (updates.empty()) continue;
    auto kept = updates;
    auto call = store_->progress(std::move(updates));
    auto answers = co_await with_deadline(std::move(call), now() + kProgressLimit);
    next = now() + kProgressEvery;
    if (!answers) {
      log_.warn("progress not written", {{"jobs", runs.size()}, {"error", answers.error()}});
      for (std::size_t i = 0; i < runs.size(); ++i) {
        runs[i]->restore_progress(std::move(kept[i]));
        progress_.push_back(runs[i]);
      }
      while (now() < next + kProgressEvery * 4 && !ended_) {
        (void)co_await progress_signal_.wait_until(next + kProgressEvery * 4);
      }
      continue;
    }
    for (std::size_t i = 0; i < runs.size(); ++i) apply(runs[i], (*answers)[i]);
    pump();
  }
}

}  // namespace rwp::jobs
