#include "jobs/worker/run.hpp"

#include <rwp/jobs/outbox_job.hpp>

#include <algorithm>
#include <utility>

namespace rwp::jobs {
namespace {

bool carries_children(const RunOutcome& outcome) {
  return std::holds_alternative<Succeed>(outcome) || std::holds_alternative<Snooze>(outcome) ||
         std::holds_alternative<Park>(outcome);
}

}  // namespace

Run::Run(ClaimedJob job, const Handler* handler, std::shared_ptr<const RunSetup> setup)
    : job_(std::move(job)), handler_(handler), setup_(std::move(setup)) {}

std::chrono::milliseconds Run::timeout() const {
  return job_.timeout.count() > 0 ? job_.timeout : handler_->options.timeout;
}

bool Run::begin(SteadyTime now) {
  if (stop_requested()) return false;
  if (const auto limit = timeout(); limit.count() > 0) deadline_ = now + limit;
  alive_at_.store(now.time_since_epoch(), std::memory_order_relaxed);
  began_.store(now.time_since_epoch(), std::memory_order_release);
  return true;
}

void Run::end(Result<JsonText> result, SteadyTime now) {
  result_.emplace(std::move(result));
  ended_at_ = now;
}

std::optional<SteadyTime> Run::began_at() const {
  const auto began = began_.load(std::memory_order_acquire);
  if (began == SteadyTime::duration::zero()) return std::nullopt;
  return SteadyTime(began);
}

SteadyTime Run::last_sign_of_life() const {
  return SteadyTime(alive_at_.load(std::memory_order_relaxed));
}

std::chrono::nanoseconds Run::took() const {
  const auto began = began_at();
  return began ? ended_at_ - *began : std::chrono::nanoseconds(0);
}

bool Run::request_stop(StopReason reason) {
  StopReason standing = stop_.load(std::memory_order_acquire);
  while (true) {
    // A drain only asks; the others are facts. Without its lease, nothing else matters.
    const bool replaces = standing == StopReason::none ||
                          (standing == StopReason::drain && reason != StopReason::drain) ||
                          (reason == StopReason::lease_lost && standing != reason);
    if (!replaces) return false;
    if (stop_.compare_exchange_weak(standing, reason, std::memory_order_acq_rel)) return true;
  }
}

void Run::progress(double fraction, std::string note) {
  alive_at_.store(std::chrono::steady_clock::now().time_since_epoch(), std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  pending_.progress = fraction >= 0 && fraction <= 1 ? fraction : (fraction > 1 ? 1.0 : 0.0);
  if (note.size() > 1024) note.resize(1024);
  pending_.note = std::move(note);
  tell_progress(lock);
}

void Run::save_cursor(JsonText cursor) {
  alive_at_.store(std::chrono::steady_clock::now().time_since_epoch(), std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  pending_.cursor = std::move(cursor);
  tell_progress(lock);
}

void Run::tell_progress(std::unique_lock<std::mutex>& lock) {
  if (progress_told_ || closed_ || !setup_->on_progress) return;
  progress_told_ = true;
  lock.unlock();
  setup_->on_progress(shared_from_this());
}

/// The store's time, not this machine's: an id's age is judged by the store's clock.
TimePoint Run::store_time() const {
  const auto since = std::chrono::steady_clock::now() - made_at_;
  return job_.claimed_at + std::chrono::duration_cast<std::chrono::milliseconds>(since);
}

Uuid Run::submit(NewJob job) {
  if (job.id.is_nil()) job.id = Uuid::make_v7(store_time());
  if (job.tenant.empty()) job.tenant = job_.tenant;
  const Uuid id = job.id;
  const std::lock_guard lock(mutex_);
  if (job.traceparent.empty()) job.traceparent = trace_locked().to_traceparent();
  children_.push_back(std::move(job));
  return id;
}

void Run::emit(OutboxMessage message) {
  if (message.id.is_nil()) message.id = Uuid::make_v7(store_time());
  const std::lock_guard lock(mutex_);
  messages_.push_back(std::move(message));
}

Error Run::ask(RunOutcome outcome, std::string_view what) {
  const std::lock_guard lock(mutex_);
  asked_ = std::move(outcome);
  return asked_end_error(what);
}

Error Run::snooze(std::chrono::milliseconds delay) { return ask(Snooze{.delay = delay}, "snooze"); }

Error Run::park(std::string key, std::chrono::milliseconds timeout) {
  return ask(Park{.key = std::move(key), .timeout = timeout}, "park");
}

Error Run::hand_back() { return ask(HandBack(), "hand back"); }

Error Run::crash(Error error) { return ask(Crashed{.error = std::move(error)}, "crash"); }

const observability::Logger& Run::log() const {
  const std::lock_guard lock(mutex_);
  if (!log_) {
    log_ = setup_->log.with(
        {{"job_id", job_.run.id.to_string()}, {"kind", job_.kind}, {"attempt", job_.attempt + 1}});
  }
  return *log_;
}

const observability::TraceContext& Run::trace() const {
  const std::lock_guard lock(mutex_);
  return trace_locked();
}

/// Made when first asked for: random bytes are not free, and most runs of most worlds need none.
const observability::TraceContext& Run::trace_locked() const {
  if (trace_) return *trace_;
  const auto parent = observability::TraceContext::parse(job_.traceparent);
  if (parent) {
    parent_span_ = parent->span_id;
    if (setup_->spans && parent->sampled) claim_ = parent->make_child();
    trace_ = (claim_ ? *claim_ : *parent).make_child();
  } else {
    trace_ = observability::TraceContext::make_root();
  }
  return *trace_;
}

RunOutcome Run::take_outcome(double draw) {
  HandlerEnd end{.stop = stop_reason(), .attempt = job_.attempt};
  if (result_) end.result = std::move(*result_);
  {
    const std::lock_guard lock(mutex_);
    end.asked = std::move(asked_);
  }
  return outcome_of(std::move(end), handler_->options.backoff, draw);
}

Completion Run::completion(RunOutcome outcome) {
  Completion made{.run = job_.run, .outcome = std::move(outcome)};
  std::unique_lock lock(mutex_);
  closed_ = true;
  if (!carries_children(made.outcome)) return made;
  made.children = std::move(children_);
  if (messages_.empty()) return made;
  auto jobs = make_outbox_jobs(std::move(messages_));
  if (!jobs) {
    made.outcome = Fail{.error = jobs.error().with_context("a message emitted by the job")};
    made.children.clear();
    return made;
  }
  for (NewJob& job : *jobs) {
    job.id = Uuid::make_v7(store_time());
    job.tenant = job_.tenant;
    job.traceparent = trace_locked().to_traceparent();
    made.children.push_back(std::move(job));
  }
  return made;
}

std::optional<ProgressUpdate> Run::take_progress() {
  const std::lock_guard lock(mutex_);
  progress_told_ = false;
  if (!pending_.progress && !pending_.note && !pending_.cursor) return std::nullopt;
  ProgressUpdate update = std::exchange(pending_, ProgressUpdate());
  update.run = job_.run;
  return update;
}

bool Run::has_new_cursor() const {
  const std::lock_guard lock(mutex_);
  return pending_.cursor.has_value();
}

void Run::restore_progress(ProgressUpdate update) {
  const std::lock_guard lock(mutex_);
  if (!pending_.progress) {
    pending_.progress = update.progress;
    pending_.note = std::move(update.note);
  }
  if (!pending_.cursor) pending_.cursor = std::move(update.cursor);
}

/// From the submit, which a job that comes again has long behind it, to the claim.
observability::SpanRecord Run::span_of_claim() const {
  observability::SpanRecord span;
  span.name = "claim " + job_.kind;
  span.kind = observability::SpanKind::consumer;
  span.context = *claim_;
  span.parent_span_id = parent_span_;
  const bool comes_again = job_.attempt > 0 || job_.resume || job_.cursor;
  span.start = comes_again ? job_.claimed_at : std::min(job_.created_at, job_.claimed_at);
  span.end = job_.claimed_at;
  span.attributes = {{"rwp.job.id", job_.run.id.to_string()}, {"rwp.job.queue", job_.queue}};
  return span;
}

void Run::export_spans(std::string_view outcome, bool failed) const {
  if (!setup_->spans) return;
  observability::SpanRecord span;
  std::optional<observability::SpanRecord> claim;
  {
    const std::lock_guard lock(mutex_);
    span.context = trace_locked();
    if (!span.context.sampled) return;
    span.parent_span_id = claim_ ? claim_->span_id : parent_span_;
    if (claim_) claim = span_of_claim();
  }
  span.name = "job " + job_.kind;
  span.kind = observability::SpanKind::consumer;
  span.end = std::chrono::system_clock::now();
  span.start = span.end - std::chrono::duration_cast<std::chrono::system_clock::duration>(took());
  span.failed = failed;
  span.attributes = {{"rwp.job.id", job_.run.id.to_string()},
                     {"rwp.job.kind", job_.kind},
                     {"rwp.job.queue", job_.queue},
                     {"rwp.job.attempt", std::to_string(job_.attempt + 1)},
                     {"rwp.job.outcome", std::string(outcome)}};
  if (claim) setup_->spans->export_span(std::move(*claim));
  setup_->spans->export_span(std::move(span));
}

}  // namespace rwp::jobs
