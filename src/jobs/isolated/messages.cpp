#include "jobs/isolated/messages.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace rwp::jobs::isolation {
namespace {

constexpr std::array kStopReasons{
    std::pair{StopReason::none, std::string_view("none")},
    std::pair{StopReason::cancelled, std::string_view("cancelled")},
    std::pair{StopReason::timed_out, std::string_view("timed_out")},
    std::pair{StopReason::lease_lost, std::string_view("lease_lost")},
    std::pair{StopReason::drain, std::string_view("drain")},
};

template <class T>
Result<T> read_message(std::string text) {
  auto document = JsonText::parse(std::move(text));
  if (!document) return Error(Errc::corrupt, "no JSON: " + document.error().message());
  auto message = decode<T>(*document);
  if (!message) return Error(Errc::corrupt, message.error().message());
  return message;
}

Result<Uuid> read_id(const std::string& text) {
  if (text.empty()) return Uuid();
  auto id = Uuid::parse(text);
  if (!id) return Error(Errc::corrupt, "id: " + id.error().message());
  return id;
}

}  // namespace

std::string_view to_string(StopReason reason) noexcept {
  for (const auto& [candidate, name] : kStopReasons) {
    if (candidate == reason) return name;
  }
  return "none";
}

StopReason stop_reason_from(std::string_view name) noexcept {
  for (const auto& [reason, candidate] : kStopReasons) {
    if (candidate == name) return reason;
  }
  return StopReason::cancelled;  // One that a newer worker knows.
}

std::string job_message(const ClaimedJob& job, std::chrono::steady_clock::time_point deadline) {
  WorkerMessage message;
  message.type = "job";
  message.id = job.run.id.to_string();
  message.run_token = job.run.token;
  message.kind = job.kind;
  message.version = job.version;
  message.queue = job.queue;
  message.payload = job.payload;
  message.attempt = job.attempt;
  message.max_attempts = job.max_attempts;
  message.tenant = job.tenant;
  message.traceparent = job.traceparent;
  message.cursor = job.cursor;
  if (job.resume) {
    message.resume.emplace();
    message.resume->key = job.resume->key;
    message.resume->value = job.resume->value;
  }
  if (deadline != std::chrono::steady_clock::time_point::max()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    message.deadline_ms = std::max<std::int64_t>(left.count(), 0);
  }
  return encode(message).release();
}

std::string stop_message(StopReason reason) {
  WorkerMessage message;
  message.type = "stop";
  message.reason = to_string(reason);
  return encode(message).release();
}

Result<WorkerMessage> read_worker_message(std::string text) {
  return read_message<WorkerMessage>(std::move(text));
}

Result<ChildMessage> read_child_message(std::string text) {
  return read_message<ChildMessage>(std::move(text));
}

Result<ClaimedJob> to_claimed_job(const WorkerMessage& message) {
  auto id = read_id(message.id);
  if (!id) return id.error();
  ClaimedJob job;
  job.run.id = *id;
  job.run.token = message.run_token;
  job.kind = message.kind;
  job.version = message.version;
  job.queue = message.queue;
  job.payload = message.payload;
  job.attempt = message.attempt;
  job.max_attempts = message.max_attempts;
  job.tenant = message.tenant;
  job.traceparent = message.traceparent;
  job.cursor = message.cursor;
  if (message.resume) {
    job.resume.emplace();
    job.resume->key = message.resume->key;
    job.resume->value = message.resume->value;
  }
  job.started = true;
  job.claimed_at =
      std::chrono::time_point_cast<TimePoint::duration>(std::chrono::system_clock::now());
  return job;
}

Result<NewJob> to_new_job(const SubmitMessage& message) {
  auto id = read_id(message.id);
  if (!id) return id.error();
  NewJob job;
  job.id = *id;
  job.kind = message.kind;
  job.version = message.version;
  job.queue = message.queue;
  job.payload = message.payload;
  job.delay = std::chrono::milliseconds(message.delay_ms);
  job.max_attempts = message.max_attempts;
  job.timeout = std::chrono::milliseconds(message.timeout_ms);
  job.idempotency_key = message.idempotency_key;
  job.unique.key = message.unique_key;
  job.tags = message.tags;
  job.tenant = message.tenant;
  return job;
}

SubmitMessage to_submit_message(const NewJob& job) {
  SubmitMessage message;
  message.id = job.id.to_string();
  message.kind = job.kind;
  message.version = job.version;
  message.queue = job.queue;
  message.payload = job.payload;
  message.delay_ms = job.delay.count();
  if (job.run_at) {
    const auto wait = *job.run_at - std::chrono::system_clock::now();
    message.delay_ms += std::max<std::int64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(wait).count(), 0);
  }
  message.max_attempts = job.max_attempts;
  message.timeout_ms = job.timeout.count();
  message.idempotency_key = job.idempotency_key;
  message.unique_key = job.unique.key;
  message.tags = job.tags;
  message.tenant = job.tenant;
  return message;
}

}  // namespace rwp::jobs::isolation
