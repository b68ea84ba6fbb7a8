#include <rwp/jobs/inline_run.hpp>
#include <rwp/jobs/outcome.hpp>
#include <rwp/testing/captured_submits.hpp>

#include <mutex>
#include <utility>

namespace rwp::testing {
namespace {

jobs::ClaimedJob with_identity(jobs::ClaimedJob job) {
  const auto now = std::chrono::system_clock::now();
  if (job.run.id.is_nil()) job.run.id = Uuid::make_v7(now);
  if (job.run.token == 0) job.run.token = 1;
  if (job.kind.empty()) job.kind = "test";
  if (job.claimed_at == jobs::TimePoint()) job.claimed_at = now;
  if (job.created_at == jobs::TimePoint()) job.created_at = job.claimed_at;
  return job;
}

jobs::ClaimedJob with_payload(JsonText payload) {
  jobs::ClaimedJob job;
  job.payload = std::move(payload);
  return job;
}

}  // namespace

struct CapturedSubmits::Impl {
  explicit Impl(jobs::ClaimedJob claimed) : job(with_identity(std::move(claimed))) {}

  Error ask(jobs::RunOutcome outcome, std::string_view what) {
    const std::lock_guard lock(mutex);
    asked = std::move(outcome);
    return jobs::asked_end_error(what);
  }

  const jobs::ClaimedJob job;
  const observability::Logger log{};
  const observability::TraceContext trace = observability::TraceContext::make_root();
  mutable std::mutex mutex;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  jobs::StopReason stop = jobs::StopReason::none;
  std::vector<jobs::NewJob> submitted;
  std::vector<OutboxMessage> emitted;
  std::optional<double> fraction;
  std::string note;
  std::optional<JsonText> cursor;
  std::optional<jobs::RunOutcome> asked;
};

CapturedSubmits::CapturedSubmits(jobs::ClaimedJob job)
    : impl_(std::make_unique<Impl>(std::move(job))) {}
CapturedSubmits::CapturedSubmits(JsonText payload)
    : CapturedSubmits(with_payload(std::move(payload))) {}
CapturedSubmits::~CapturedSubmits() = default;

Result<JsonText> CapturedSubmits::run(const jobs::CoroutineHandler& handler) {
  return jobs::run_here(handler, *this);
}
Result<JsonText> CapturedSubmits::run(const jobs::BlockingHandler& handler) {
  return jobs::run_here(handler, *this);
}

jobs::RunOutcome CapturedSubmits::outcome(Result<JsonText> result) const {
  jobs::HandlerEnd end{.result = std::move(result),
                       .asked = asked(),
                       .stop = stop_reason(),
                       .attempt = impl_->job.attempt};
  return jobs::outcome_of(std::move(end), jobs::Backoff(), 1.0);
}

void CapturedSubmits::request_stop(jobs::StopReason reason) {
  const std::lock_guard lock(impl_->mutex);
  impl_->stop = reason;
}
void CapturedSubmits::set_deadline(std::chrono::steady_clock::time_point deadline) {
  const std::lock_guard lock(impl_->mutex);
  impl_->deadline = deadline;
}

std::vector<jobs::NewJob> CapturedSubmits::submitted() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->submitted;
}
std::vector<OutboxMessage> CapturedSubmits::emitted() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->emitted;
}
std::optional<double> CapturedSubmits::fraction() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->fraction;
}
std::string CapturedSubmits::note() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->note;
}
std::optional<JsonText> CapturedSubmits::cursor() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->cursor;
}
std::optional<jobs::RunOutcome> CapturedSubmits::asked() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->asked;
}

const jobs::ClaimedJob& CapturedSubmits::job() const { return impl_->job; }
std::chrono::steady_clock::time_point CapturedSubmits::deadline() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->deadline;
}
jobs::StopReason CapturedSubmits::stop_reason() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->stop;
}

void CapturedSubmits::progress(double fraction, std::string note) {
  const std::lock_guard lock(impl_->mutex);
  impl_->fraction = fraction;
  impl_->note = std::move(note);
}
void CapturedSubmits::save_cursor(JsonText cursor) {
  const std::lock_guard lock(impl_->mutex);
  impl_->cursor = std::move(cursor);
}

Uuid CapturedSubmits::submit(jobs::NewJob job) {
  const std::lock_guard lock(impl_->mutex);
  if (job.id.is_nil()) job.id = Uuid::make_v7(impl_->job.claimed_at);
  if (job.tenant.empty()) job.tenant = impl_->job.tenant;
  const Uuid id = job.id;
  impl_->submitted.push_back(std::move(job));
  return id;
}
void CapturedSubmits::emit(OutboxMessage message) {
  const std::lock_guard lock(impl_->mutex);
  if (message.id.is_nil()) message.id = Uuid::make_v7(impl_->job.claimed_at);
  impl_->emitted.push_back(std::move(message));
}

Error CapturedSubmits::snooze(std::chrono::milliseconds delay) {
  return impl_->ask(jobs::Snooze{.delay = delay}, "snooze");
}
Error CapturedSubmits::park(std::string key, std::chrono::milliseconds timeout) {
  return impl_->ask(jobs::Park{.key = std::move(key), .timeout = timeout}, "park");
}
Error CapturedSubmits::hand_back() { return impl_->ask(jobs::HandBack(), "hand back"); }
Error CapturedSubmits::crash(Error error) {
  return impl_->ask(jobs::Crashed{.error = std::move(error)}, "crash");
}

const observability::Logger& CapturedSubmits::log() const { return impl_->log; }
const observability::TraceContext& CapturedSubmits::trace() const { return impl_->trace; }

}  // namespace rwp::testing
