#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/requests.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

/// What a worker and a child say to each other, as docs/isolation.md tells it.
namespace rwp::jobs::isolation {

struct ResumeMessage {
  std::string key;
  std::optional<JsonText> value;
  static constexpr auto describe() {
    return std::tuple{field("key", &ResumeMessage::key), field("value", &ResumeMessage::value)};
  }
};

/// To the child: "job" or "stop".
struct WorkerMessage {
  std::string type;
  std::string reason;
  std::string id;
  std::uint64_t run_token = 0;
  std::string kind;
  int version = 1;
  std::string queue;
  JsonText payload;
  int attempt = 0;
  int max_attempts = 20;
  std::string tenant;
  std::string traceparent;
  std::optional<JsonText> cursor;
  std::optional<ResumeMessage> resume;
  /// From now; unset: none.
  std::optional<std::int64_t> deadline_ms;

  static constexpr auto describe() {
    constexpr FieldRules kOptional{.may_be_absent = true};
    using M = WorkerMessage;
    return std::tuple{field("type", &M::type),
                      field("reason", &M::reason, kOptional),
                      field("id", &M::id, kOptional),
                      field("run_token", &M::run_token, kOptional),
                      field("kind", &M::kind, kOptional),
                      field("version", &M::version, kOptional),
                      field("queue", &M::queue, kOptional),
                      field("payload", &M::payload, kOptional),
                      field("attempt", &M::attempt, kOptional),
                      field("max_attempts", &M::max_attempts, kOptional),
                      field("tenant", &M::tenant, kOptional),
                      field("traceparent", &M::traceparent, kOptional),
                      field("cursor", &M::cursor),
                      field("resume", &M::resume),
                      field("deadline_ms", &M::deadline_ms)};
  }
};

/// A job to be submitted with the run's completion.
struct SubmitMessage {
  std::string id;
  std::string kind;
  int version = 1;
  std::string queue = "default";
  JsonText payload;
  std::int64_t delay_ms = 0;
  int max_attempts = 20;
  std::int64_t timeout_ms = 0;
  std::string idempotency_key;
  std::string unique_key;
  std::vector<std::string> tags;
  std::string tenant;

  static constexpr auto describe() {
    constexpr FieldRules kOptional{.may_be_absent = true};
    using M = SubmitMessage;
    return std::tuple{field("id", &M::id, kOptional),
                      field("kind", &M::kind),
                      field("version", &M::version, kOptional),
                      field("queue", &M::queue, kOptional),
                      field("payload", &M::payload, kOptional),
                      field("delay_ms", &M::delay_ms, kOptional),
                      field("max_attempts", &M::max_attempts, kOptional),
                      field("timeout_ms", &M::timeout_ms, kOptional),
                      field("idempotency_key", &M::idempotency_key, kOptional),
                      field("unique_key", &M::unique_key, kOptional),
                      field("tags", &M::tags, kOptional),
                      field("tenant", &M::tenant, kOptional)};
  }
};

/// From the child; the type says which members count.
struct ChildMessage {
  std::string type;
  // "result"
  JsonText result;
  // "error"
  std::string code;
  std::string message;
  std::optional<bool> retryable;
  std::optional<std::int64_t> retry_after_ms;
  // "snooze", "park"; "hand_back" has none.
  std::int64_t delay_ms = 0;
  std::string key;
  std::int64_t timeout_ms = 0;
  // "progress"
  double fraction = 0;
  std::string note;
  // "cursor"
  JsonText cursor;
  // "log"
  std::string level;
  std::string event;
  // "submit"
  std::optional<SubmitMessage> job;
  // "emit"
  std::string id;
  std::string topic;
  JsonText body;

  static constexpr auto describe() {
    constexpr FieldRules kOptional{.may_be_absent = true};
    using M = ChildMessage;
    return std::tuple{field("type", &M::type),
                      field("result", &M::result, kOptional),
                      field("code", &M::code, kOptional),
                      field("message", &M::message, kOptional),
                      field("retryable", &M::retryable),
                      field("retry_after_ms", &M::retry_after_ms),
                      field("delay_ms", &M::delay_ms, kOptional),
                      field("key", &M::key, kOptional),
                      field("timeout_ms", &M::timeout_ms, kOptional),
                      field("fraction", &M::fraction, kOptional),
                      field("note", &M::note, kOptional),
                      field("cursor", &M::cursor, kOptional),
                      field("level", &M::level, kOptional),
                      field("event", &M::event, kOptional),
                      field("job", &M::job),
                      field("id", &M::id, kOptional),
                      field("topic", &M::topic, kOptional),
                      field("body", &M::body, kOptional)};
  }
};

std::string_view to_string(StopReason reason) noexcept;
StopReason stop_reason_from(std::string_view name) noexcept;

/// The message that begins a run.
std::string job_message(const ClaimedJob& job, std::chrono::steady_clock::time_point deadline);
std::string stop_message(StopReason reason);
/// `Errc::corrupt`: no message of that side.
Result<WorkerMessage> read_worker_message(std::string text);
Result<ChildMessage> read_child_message(std::string text);

/// `Errc::corrupt`: an id that is none.
Result<ClaimedJob> to_claimed_job(const WorkerMessage& message);
Result<NewJob> to_new_job(const SubmitMessage& message);
SubmitMessage to_submit_message(const NewJob& job);

}  // namespace rwp::jobs::isolation
