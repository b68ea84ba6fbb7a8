#include "jobs/worker/handler_lane.hpp"

#include <utility>

namespace rwp::jobs {
namespace {

/// Ends are handed over in groups of this size at most, so that completions are written while a
/// long burst of handlers goes on.
constexpr std::size_t kReportsAtOnce = 128;

SteadyTime now() { return std::chrono::steady_clock::now(); }

Error not_begun() { return Error(Errc::cancelled, "stopped before the handler began"); }

}  // namespace

HandlerLane::HandlerLane(Runtime& handlers, std::size_t concurrency, BlockingScope scope,
                         std::shared_ptr<Mailbox<RunPtr>> ended)
    : handlers_(handlers),
      executor_(handlers.executor()),
      concurrency_(concurrency),
      scope_(std::move(scope)),
      ended_(std::move(ended)) {}

void HandlerLane::run_all(std::vector<RunPtr> runs) {
  std::vector<RunPtr> coroutines;
  std::vector<RunPtr> blocking;
  for (RunPtr& run : runs) {
    (run->handler().coroutine ? coroutines : blocking).push_back(std::move(run));
  }
  if (!blocking.empty()) run_blocking(std::move(blocking));
  if (coroutines.empty()) return;
  post(executor_, [self = shared_from_this(), batch = std::move(coroutines)]() mutable {
    self->accept(std::move(batch));
  });
}

void HandlerLane::cancel(RunPtr run) {
  if (!run->handler().coroutine) return;
  post(executor_, [self = shared_from_this(), run = std::move(run)] {
    auto* runner = static_cast<Runner*>(run->runner);
    if (runner == nullptr) {
      if (std::erase(self->queue_, run) > 0) self->end_unbegun(run);
      return;
    }
    // The cancellation may arrive when this handler has ended: no other may begin in its place.
    runner->retired = true;
    runner->task.cancel();
  });
}

void HandlerLane::recall(std::size_t keep) {
  post(executor_, [self = shared_from_this(), keep] {
    while (self->queue_.size() > keep) {
      RunPtr run = std::move(self->queue_.back());
      self->queue_.pop_back();
      run->request_stop(StopReason::drain);
      self->end_unbegun(std::move(run));
    }
  });
}

void HandlerLane::end_unbegun(RunPtr run) {
  run->end(not_begun(), now());
  report(std::move(run));
}

void HandlerLane::accept(std::vector<RunPtr> runs) {
  for (RunPtr& run : runs) queue_.push_back(std::move(run));
  work_off();
}

void HandlerLane::work_off() {
  in_burst_ = true;
  while (!queue_.empty() && active_ < concurrency_) {
    auto runner = std::make_shared<Runner>();
    ++active_;
    // Begins at once, within this call, and comes back when its handler first waits.
    auto driven = drive(shared_from_this(), runner);
    auto done = [self = shared_from_this()](std::exception_ptr) {
      --self->active_;
      // Left behind by a runner that was retired.
      if (!self->queue_.empty()) self->work_off();
    };
    runner->task = Task(executor_, std::move(driven), std::move(done));
  }
  in_burst_ = false;
  flush();
}

boost::asio::awaitable<void> HandlerLane::drive(std::shared_ptr<HandlerLane> lane,
                                                std::shared_ptr<Runner> runner) {
  SteadyTime clock = now();
  while (!runner->retired && !lane->queue_.empty()) {
    RunPtr run = std::move(lane->queue_.front());
    lane->queue_.pop_front();
    if (!run->begin(clock)) {
      lane->end_unbegun(std::move(run));
      continue;
    }
    run->runner = runner.get();
    Result<JsonText> result;
    try {
      auto operation = run->handler().coroutine(*run);
      result = co_await std::move(operation);
    } catch (...) {
      result = thrown_error();
    }
    run->runner = nullptr;
    clock = now();
    run->end(std::move(result), clock);
    lane->report(std::move(run));
  }
}

void HandlerLane::run_blocking(std::vector<RunPtr> runs) {
  if (!scope_) {
    // One by one, so that what else the pool is for gets its turn between them.
    for (RunPtr& run : runs) {
      post(handlers_.blocking(), [self = shared_from_this(), run = std::move(run)]() mutable {
        self->run_here(std::move(run));
      });
    }
    return;
  }
  {
    const std::lock_guard lock(scoped_mutex_);
    for (RunPtr& run : runs) scoped_queue_.push_back(std::move(run));
    // Several threads would only wait for each other's scope: one begins, and calls another when
    // it leaves work behind.
    if (scoped_threads_ >= concurrency_) return;
    ++scoped_threads_;
  }
  start_scoped();
}

void HandlerLane::start_scoped() {
  post(handlers_.blocking(), [self = shared_from_this()] { self->work_off_scoped(); });
}

void HandlerLane::work_off_scoped() {
  const std::shared_ptr<void> scope = scope_();
  bool help = false;
  while (RunPtr run = take_scoped(&help)) {
    if (help) start_scoped();
    run_here(std::move(run));
  }
}

RunPtr HandlerLane::take_scoped(bool* help) {
  const std::lock_guard lock(scoped_mutex_);
  *help = false;
  if (scoped_queue_.empty()) {
    --scoped_threads_;
    return nullptr;
  }
  RunPtr run = std::move(scoped_queue_.front());
  scoped_queue_.pop_front();
  if (!scoped_queue_.empty() && scoped_threads_ < concurrency_) {
    ++scoped_threads_;
    *help = true;
  }
  return run;
}

void HandlerLane::run_here(RunPtr run) {
  const SteadyTime begin = now();
  if (!run->begin(begin)) {
    run->end(not_begun(), begin);
  } else {
    Result<JsonText> result;
    try {
      result = run->handler().blocking(*run);
    } catch (...) {
      result = thrown_error();
    }
    run->end(std::move(result), now());
  }
  ended_->put(std::move(run));
}

void HandlerLane::report(RunPtr run) {
  reports_.push_back(std::move(run));
  if (in_burst_) {
    if (reports_.size() >= kReportsAtOnce) flush();
    return;
  }
  // Together with what else ends in this turn of the thread.
  if (flush_posted_) return;
  flush_posted_ = true;
  post(executor_, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void HandlerLane::flush() { ended_->put_all(reports_); }

}  // namespace rwp::jobs
