#include "jobs/worker/worker_loop.hpp"

#include <algorithm>
#include <utility>

namespace rwp::jobs {
namespace {

constexpr std::size_t kMostClaimed = 10'000;
constexpr std::size_t kLeastMarkGroup = 256;
/// Smaller claims cost more than their being two saves.
constexpr std::size_t kLeastHalf = 256;
/// How long a worker relies on being told of work.
constexpr std::chrono::seconds kLongestWait{30};
constexpr std::chrono::minutes kLoadLimit{5};
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5'000};

SteadyTime now() { return std::chrono::steady_clock::now(); }

std::chrono::milliseconds pause_after(int failures) {
  return std::min(kLongestPause, kFirstPause * (1 << std::clamp(failures - 1, 0, 10)));
}

}  // namespace

/// How many jobs to ask for now; 0: none. Asks when slots are empty, else in lots of half of what
/// is to be held, so that quick handlers do not make a claim each. While claims are answered in
/// full there are two at a time, each of a half: the store works at one while the other's jobs run.
std::size_t WorkerLoop::claim_size() const {
  if (stopping_ || suspect_ || finish_failures_ > 0) return 0;
  // Handlers that outrun the store's writes must not pile up completions.
  if (pending_.size() + finishing_ > 3 * options_.completion_batch + options_.concurrency) return 0;
  const std::size_t most = capacity() + policy_.prefetch();
  const std::size_t held = load() + asked_;
  if (held >= most) return 0;
  const std::size_t lot = most - held;
  const std::size_t half = (most - options_.concurrency) / 2;
  if (held >= options_.concurrency && lot < half) return 0;
  if (claims_ > 0 && (!found_enough_ || lot < kLeastHalf)) return 0;
  return std::min({lot, kMostClaimed, found_enough_ ? std::max(half, kLeastHalf) : lot});
}

ClaimRequest WorkerLoop::claim_request(std::size_t limit) const {
  ClaimRequest request{
      .worker = options_.name, .queues = options_.queues, .limit = limit, .lease = options_.lease};
  for (const auto& [name, handler] : setup_->handlers) {
    // More of a kind that waits for itself would only keep others out.
    if (!kinds_[handler.index].held_back.empty()) continue;
    request.kinds.push_back({.kind = name,
                             .min_version = handler.options.min_version,
                             .max_version = handler.options.max_version});
  }
  const std::size_t on_their_way = load() + asked_;
  request.start = on_their_way < capacity() ? std::min(limit, capacity() - on_their_way) : 0;
  return request;
}

/// Two of these run.
Awaitable<void> WorkerLoop::claim_loop() {
  while (!ended_) {
    const std::size_t limit = claim_size();
    if (limit == 0) {
      (void)co_await claim_signal_.wait_until(SteadyTime::max());
      continue;
    }
    if (now() < claim_after_) {
      (void)co_await claim_signal_.wait_until(claim_after_);
      continue;
    }
    if (nothing_there_) {
      if (!waiting_for_work_) wait_for_work();
      (void)co_await claim_signal_.wait_until(SteadyTime::max());
      continue;
    }
    ClaimRequest request = claim_request(limit);
    if (request.kinds.empty()) {
      (void)co_await claim_signal_.wait_until(SteadyTime::max());
      continue;
    }
    ++claims_;
    asked_ += limit;
    claim_signal_.notify_all();  // There may be a second half to ask for.
    const SteadyTime asked_at = now();
    auto claim = store_->claim(std::move(request));
    auto jobs = co_await with_deadline(std::move(claim), asked_at + options_.lease);
    --claims_;
    asked_ -= limit;
    if (!jobs) {
      claim_after_ = now() + pause_after(++claim_failures_);
      log_.warn("claim failed", {{"worker", options_.name}, {"error", jobs.error()}});
      pump();  // A suspect may have waited for this answer.
      drain_signal_.notify_all();
      continue;
    }
    claim_failures_ = 0;
    const auto took = now() - asked_at;
    metrics_.claimed(took);
    if (!jobs->empty()) policy_.claimed(took);
    nothing_there_ = jobs->size() < limit;
    found_enough_ = !nothing_there_;
    take(std::move(*jobs), asked_at);
    drain_signal_.notify_all();
  }
}

/// Beside the claim loop, so that a stop can cancel it without losing a claim's answer.
void WorkerLoop::wait_for_work() {
  waiting_for_work_ = true;
  ++live_;
  auto wait = [](std::shared_ptr<WorkerLoop> self, ClaimRequest request) -> Awaitable<void> {
    const auto waited =
        co_await self->store_->wait_for_work(std::move(request), now() + kLongestWait);
    if (!waited && waited.error().code() != Errc::cancelled) {
      self->claim_after_ = now() + pause_after(++self->claim_failures_);
      self->log_.warn("waiting for work failed", {{"error", waited.error()}});
    }
  };
  auto done = [self = shared_from_this()](std::exception_ptr) {
    self->waiting_for_work_ = false;
    self->nothing_there_ = false;
    self->claim_signal_.notify_all();
    self->left();
  };
  auto operation = wait(shared_from_this(), claim_request(1));
  work_wait_ = Task(control_, std::move(operation), std::move(done));
}

void WorkerLoop::widen_claims() {
  nothing_there_ = false;
  // What waits does so for the kinds of then.
  if (waiting_for_work_) work_wait_.cancel();
}

void WorkerLoop::take(std::vector<ClaimedJob> jobs, SteadyTime asked_at) {
  const SteadyTime lease_until = asked_at + options_.lease;
  for (ClaimedJob& job : jobs) {
    const auto found = setup_->handlers.find(job.kind);
    if (found == setup_->handlers.end()) {
      log_.error("claimed a job of a kind not asked for", {{"kind", job.kind}});
      continue;  // Nobody begins it; its lease ends.
    }
    const bool alone = job.alone;
    const bool started = job.started;
    const bool must_load = !job.payload_blob.empty();
    auto run = std::make_shared<Run>(std::move(job), &found->second, setup_);
    run->control.lease_until = lease_until;
    hold(run);
    if (alone && suspect_) {
      complete(run, HandBack());  // Of a claim that was under way beside the first's.
      continue;
    }
    if (alone) {
      suspect_ = run;
      log_.warn("a suspect waits to run alone",
                {{"job_id", run->id().to_string()}, {"kind", run->job().kind}});
    }
    if (stopping_) {
      complete(run, HandBack());
    } else if (must_load) {
      set_phase(*run, RunPhase::loading);
      launch(load(run));
    } else if (alone) {
      set_phase(*run, RunPhase::held_back);
    } else if (started) {
      make_ready(std::move(run));
    } else {
      set_phase(*run, RunPhase::buffered);
      buffer_.push_back(std::move(run));
    }
  }
  pump();
}

Awaitable<void> WorkerLoop::load(RunPtr run) {
  auto reading = store_->load_payload(run->job().payload, run->job().payload_blob);
  auto payload = co_await with_deadline(std::move(reading), now() + kLoadLimit);
  if (run->control.phase != RunPhase::loading) co_return;  // Handed back or lost meanwhile.
  if (!payload) {
    Error error = payload.error();
    const auto delay = retry_delay(run->handler().options.backoff, run->job().attempt + 1, draw(),
                                   error.retry_after());
    complete(run, Retry{.error = std::move(error), .delay = delay});
    co_return;
  }
  run->set_payload(std::move(*payload));
  if (suspect_ == run) {
    set_phase(*run, RunPhase::held_back);
  } else if (run->job().started) {
    make_ready(run);
  } else {
    set_phase(*run, RunPhase::buffered);
    buffer_.push_back(run);
  }
  pump();
}

/// The next of the buffer that could begin soon, one group for one call.
std::vector<RunPtr> WorkerLoop::take_for_marking() {
  std::vector<RunPtr> group;
  const std::size_t on_their_way = dispatched_ + count(RunPhase::ready);
  if (stopping_ || on_their_way >= capacity()) return group;
  const std::size_t most =
      std::min(capacity() - on_their_way, std::max(options_.concurrency, kLeastMarkGroup));
  while (!buffer_.empty() && group.size() < most) {
    RunPtr run = std::move(buffer_.front());
    buffer_.pop_front();
    if (run->control.phase != RunPhase::buffered) continue;  // Dropped while it waited.
    set_phase(*run, RunPhase::marking);
    group.push_back(std::move(run));
  }
  return group;
}

Awaitable<void> WorkerLoop::mark_loop() {
  while (!ended_) {
    if (now() < mark_after_ && !stopping_) {
      (void)co_await mark_signal_.wait_until(mark_after_);
      continue;
    }
    std::vector<RunPtr> group = take_for_marking();
    if (group.empty()) {
      (void)co_await mark_signal_.wait_until(SteadyTime::max());
      continue;
    }
    std::vector<RunRef> refs;
    refs.reserve(group.size());
    for (const RunPtr& run : group) refs.push_back(run->job().run);
    auto mark = store_->mark_started(std::move(refs));
    auto answers = co_await with_deadline(std::move(mark), now() + options_.lease / 3);
    marked(std::move(group), std::move(answers));
  }
}

void WorkerLoop::marked(std::vector<RunPtr> runs, PerItem<LeaseState> answers) {
  if (!answers) {
    mark_after_ = now() + pause_after(++mark_failures_);
    log_.warn("recording starts failed", {{"jobs", runs.size()}, {"error", answers.error()}});
  } else {
    mark_failures_ = 0;
  }
  const SteadyTime time = now();
  // From the back, so that what returns to the buffer's front keeps its order.
  for (std::size_t i = runs.size(); i-- > 0;) {
    const RunPtr& run = runs[i];
    if (run->control.phase != RunPhase::marking) continue;
    if (stopping_) {
      complete(run, HandBack());
    } else if (!answers) {
      set_phase(*run, RunPhase::buffered);
      buffer_.push_front(run);
    } else if ((*answers)[i] && (*answers)[i]->cancel_requested) {
      complete(run, Cancelled());
    } else if (!(*answers)[i] || time >= run->control.lease_until) {
      lose(run);  // By our own clock, too, another worker may have it by now.
    }
  }
  for (RunPtr& run : runs) {
    if (run->control.phase == RunPhase::marking) make_ready(std::move(run));
  }
  pump();
  drain_signal_.notify_all();
}

}  // namespace rwp::jobs
