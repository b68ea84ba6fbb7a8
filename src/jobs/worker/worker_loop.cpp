#include "jobs/worker/worker_loop.hpp"

#include <algorithm>
#include <utility>

namespace rwp::jobs {

WorkerLoop::WorkerLoop(std::shared_ptr<JobStore> store, Runtime& handlers, WorkerOptions options,
                       HandlerTable table)
    : store_(std::move(store)),
      options_(std::move(options)),
      control_(store_->runtime().executor()),
      handlers_(handlers),
      setup_(std::make_shared<RunSetup>()),
      metrics_(options_.metrics, table),
      log_(options_.log),
      policy_(options_.concurrency, options_.max_prefetch) {
  setup_->handlers = std::move(table);
  setup_->log = options_.log;
  setup_->spans = options_.spans;
  kinds_.resize(setup_->handlers.size());
}

void WorkerLoop::start() {
  {
    const std::lock_guard lock(stopped_mutex_);
    stopped_ = false;
  }
  const std::weak_ptr<WorkerLoop> weak = weak_from_this();
  ended_mail_ = std::make_shared<Mailbox<RunPtr>>(control_, [weak] {
    if (const auto self = weak.lock()) self->handlers_ended();
  });
  progress_mail_ = std::make_shared<Mailbox<RunPtr>>(control_, [weak] {
    if (const auto self = weak.lock()) self->progress_arrived();
  });
  setup_->on_progress = [mail = progress_mail_](RunPtr run) { mail->put(std::move(run)); };
  lane_ = std::make_shared<HandlerLane>(handlers_, options_.concurrency, options_.blocking_scope,
                                        ended_mail_);
  post(control_, [self = shared_from_this()] { self->begin(); });
}

void WorkerLoop::begin() {
  log_.info("worker started", {{"worker", options_.name},
                               {"kinds", setup_->handlers.size()},
                               {"concurrency", options_.concurrency}});
  ++live_;  // Until end().
  launch(claim_loop());
  launch(claim_loop());
  launch(mark_loop());
  launch(finish_loop());
  launch(finish_loop());
  launch(progress_loop());
  launch(heartbeat_loop());
  launch(deadline_loop());
  launch(watch_loop());
  if (options_.rescue_every.count() > 0) launch(rescue_loop());
  if (options_.prune_every.count() > 0) launch(prune_loop());
}

void WorkerLoop::launch(Awaitable<void> operation) {
  ++live_;
  spawn(control_, std::move(operation), [self = shared_from_this()](std::exception_ptr thrown) {
    if (thrown) {
      // Only memory running out comes here. What is held returns to the queue with its lease.
      self->log_.error("worker failed", {{"error", detail::from_exception(thrown)}});
      self->end();
    }
    self->left();
  });
}

void WorkerLoop::left() {
  if (--live_ > 0) return;
  ended_mail_->close();
  progress_mail_->close();
  // Runs that were dropped while they waited keep the handlers.
  held_.clear();
  buffer_.clear();
  ready_.clear();
  kinds_.clear();
  pending_.clear();
  progress_.clear();
  suspect_.reset();
  log_.info("worker stopped", {{"worker", options_.name}});
  const std::lock_guard lock(stopped_mutex_);
  stopped_ = true;
  stopped_changed_.notify_all();
}

void WorkerLoop::end() {
  if (ended_) return;
  ended_ = true;
  stopping_ = true;
  work_wait_.cancel();
  for (Signal* signal : {&claim_signal_, &mark_signal_, &finish_signal_, &progress_signal_,
                         &deadline_signal_, &heartbeat_signal_, &upkeep_signal_, &drain_signal_}) {
    signal->notify_all();
  }
  left();
}

bool WorkerLoop::wait_stopped(SteadyTime deadline) {
  std::unique_lock lock(stopped_mutex_);
  const auto stopped = [this] { return stopped_; };
  if (deadline != SteadyTime::max()) return stopped_changed_.wait_until(lock, deadline, stopped);
  stopped_changed_.wait(lock, stopped);
  return true;
}

void WorkerLoop::release_handlers() {
  setup_.reset();
  lane_.reset();
}

WorkerStatistics WorkerLoop::statistics() const {
  return {.started = started_,
          .succeeded = succeeded_,
          .failed = failed_,
          .refused = refused_,
          .running = running_,
          .prefetched = prefetched_};
}

void WorkerLoop::hold(const RunPtr& run) {
  run->control.held_place = held_.size();
  held_.push_back(run);
}

void WorkerLoop::set_phase(Run& run, RunPhase phase) {
  if (run.control.phase != RunPhase::ended) --counts_[static_cast<std::size_t>(run.control.phase)];
  run.control.phase = phase;
  if (phase != RunPhase::ended) ++counts_[static_cast<std::size_t>(phase)];
}

void WorkerLoop::forget(Run& run) {
  if (run.control.phase == RunPhase::ended) return;
  set_phase(run, RunPhase::ended);
  deadlines_.remove(&run);
  const std::size_t place = run.control.held_place;
  RunPtr keep = std::move(held_[place]);
  if (place + 1 != held_.size()) {
    held_[place] = std::move(held_.back());
    held_[place]->control.held_place = place;
  }
  held_.pop_back();
  release_suspect(run);
}

std::size_t WorkerLoop::load() const {
  // dispatched_ rather than the phase: given-up handlers still have their slots. What its kind's
  // limit holds back keeps no slot from others; claims leave that kind out meanwhile.
  return count(RunPhase::loading) + count(RunPhase::buffered) + count(RunPhase::marking) +
         count(RunPhase::ready) + dispatched_;
}

void WorkerLoop::make_ready(RunPtr run) {
  set_phase(*run, RunPhase::ready);
  ready_.push_back(std::move(run));
}

void WorkerLoop::release_suspect(const Run& run) {
  const bool over =
      run.control.phase == RunPhase::ended || run.control.phase == RunPhase::completing;
  if (suspect_.get() != &run || !over || run.control.with_handlers) return;
  suspect_.reset();
  suspect_begun_ = false;
  claim_signal_.notify_all();
}

/// Handlers that never wait are handed over beyond the slots, since the thread runs them one after
/// another in no time; the lane keeps to the slots. Blocking ones and those of a kind with a limit
/// go out only into a slot of their own, and while one of them is out nothing goes beyond.
bool WorkerLoop::has_room(const Handler& handler) const {
  if (handler.takes_slot_strictly() || strict_ > 0) return dispatched_ < options_.concurrency;
  return dispatched_ < capacity();
}

void WorkerLoop::begin_suspect() {
  if (!suspect_ || suspect_begun_ || held_.size() != 1 || dispatched_ != 0) return;
  if (claims_ > 0) return;  // What it brings would run beside the suspect.
  if (suspect_->control.phase != RunPhase::held_back) return;  // Its payload is on the way.
  suspect_begun_ = true;
  if (suspect_->job().started) {
    make_ready(suspect_);
  } else {
    set_phase(*suspect_, RunPhase::buffered);
    buffer_.push_back(suspect_);
  }
}

void WorkerLoop::pump() {
  if (stopping_) return note_holding();
  begin_suspect();
  std::vector<RunPtr> batch;
  while (!ready_.empty()) {
    RunPtr& front = ready_.front();
    if (front->control.phase != RunPhase::ready) {  // Dropped while it waited.
      ready_.pop_front();
      continue;
    }
    const Handler& handler = front->handler();
    if (!has_room(handler)) break;
    Kind& kind = kinds_[handler.index];
    const std::size_t limit = handler.options.max_concurrent;
    if (limit > 0 && kind.running >= limit) {
      set_phase(*front, RunPhase::held_back);
      kind.held_back.push_back(std::move(front));
      ready_.pop_front();
      continue;
    }
    ++kind.running;
    ++dispatched_;
    if (handler.takes_slot_strictly()) ++strict_;
    set_phase(*front, RunPhase::dispatched);
    front->control.with_handlers = true;
    metrics_.started(*front);
    watch(*front, std::chrono::steady_clock::now());
    batch.push_back(std::move(front));
    ready_.pop_front();
  }
  if (!batch.empty()) {
    started_.fetch_add(batch.size(), std::memory_order_relaxed);
    lane_->run_all(std::move(batch));
  }
  note_holding();
  if (!buffer_.empty()) mark_signal_.notify_all();
  if (claim_size() > 0) claim_signal_.notify_all();
}

void WorkerLoop::note_holding() {
  // What was handed over beyond the slots waits there.
  const std::size_t running = std::min(dispatched_, options_.concurrency);
  const std::size_t prefetched = load() - running + count(RunPhase::held_back);
  running_.store(running, std::memory_order_relaxed);
  prefetched_.store(prefetched, std::memory_order_relaxed);
  metrics_.holding(running, prefetched);
}

void WorkerLoop::handlers_ended() {
  std::vector<RunPtr> runs = ended_mail_->take();
  std::chrono::nanoseconds total{0};
  std::size_t begun = 0;
  for (const RunPtr& run : runs) {
    const Handler& handler = run->handler();
    Kind& kind = kinds_[handler.index];
    --kind.running;
    --dispatched_;
    if (handler.takes_slot_strictly()) --strict_;
    run->control.with_handlers = false;
    const bool was_held_back = !kind.held_back.empty();
    while (!kind.held_back.empty()) {
      RunPtr next = std::move(kind.held_back.front());
      kind.held_back.pop_front();
      if (next->control.phase != RunPhase::held_back) continue;  // Dropped while it waited.
      set_phase(*next, RunPhase::ready);
      ready_.push_front(std::move(next));
      break;
    }
    if (was_held_back && kind.held_back.empty()) widen_claims();
    if (run->began_at()) {
      ++begun;
      total += run->took();
      metrics_.ended(*run);
    }
    if (run->control.phase != RunPhase::dispatched) {
      log_.warn("late end of a handler dropped",
                {{"job_id", run->id().to_string()}, {"kind", run->job().kind}});
      release_suspect(*run);
      continue;
    }
    complete(run, run->take_outcome(draw()));
  }
  policy_.ran(begun, total);
  begun_since_watch_ += begun;
  pump();
  note_holding();
  drain_signal_.notify_all();
}

void WorkerLoop::complete(const RunPtr& run, RunOutcome outcome) {
  set_phase(*run, RunPhase::completing);
  deadlines_.remove(run.get());
  Pending pending{.run = run, .completion = run->completion(std::move(outcome))};
  pending_.push_back(std::move(pending));
  release_suspect(*run);
  finish_signal_.notify_all();
}

}  // namespace rwp::jobs
