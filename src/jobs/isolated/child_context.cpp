#include "jobs/isolated/child_context.hpp"

#include "jobs/isolated/frame.hpp"
#include <rwp/jobs/outcome.hpp>

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace rwp::jobs::isolation {
namespace {

/// Lines go to the worker, whose log has the job's id on each. Fields stay: the worker cannot know
/// which of them it may keep.
class MessageLog final : public observability::LogSink {
 public:
  explicit MessageLog(std::shared_ptr<MessageWriter> writer) : writer_(std::move(writer)) {}

  bool enabled(observability::LogLevel level) const noexcept override {
    return level != observability::LogLevel::debug;
  }
  void write(observability::LogLevel level, std::string_view event,
             const std::vector<observability::LogField>& fields) override {
    (void)fields;
    ChildMessage message;
    message.type = "log";
    message.level = level == observability::LogLevel::info   ? "info"
                    : level == observability::LogLevel::warn ? "warn"
                                                             : "error";
    message.event = event;
    writer_->write(message);
  }

 private:
  const std::shared_ptr<MessageWriter> writer_;
};

observability::TraceContext trace_of(const ClaimedJob& job) {
  const auto parent = observability::TraceContext::parse(job.traceparent);
  return parent ? parent->make_child() : observability::TraceContext::make_root();
}

}  // namespace

void MessageWriter::write(const ChildMessage& message) {
  const std::string frame = to_frame(encode(message).view());
  const std::lock_guard lock(mutex_);
  std::string_view rest = frame;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) _exit(1);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

ChildContext::ChildContext(ClaimedJob job, std::chrono::steady_clock::time_point deadline,
                           std::shared_ptr<MessageWriter> writer)
    : job_(std::move(job)),
      deadline_(deadline),
      writer_(std::move(writer)),
      log_(std::make_shared<MessageLog>(writer_)),
      trace_(trace_of(job_)) {}

ChildMessage ChildContext::last_message(Result<JsonText> result) const {
  ChildMessage message;
  if (result) {
    message.type = "result";
    message.result = std::move(*result);
    return message;
  }
  const Error error = result.error();
  const std::lock_guard lock(mutex_);
  if (asked_ && error.code() == Errc::cancelled) return *asked_;
  message.type = "error";
  message.code = to_string(error.code());
  message.message = error.message();
  message.retryable = error.retryable();
  if (const auto wait = error.retry_after()) message.retry_after_ms = wait->count();
  return message;
}

void ChildContext::progress(double fraction, std::string note) {
  ChildMessage message;
  message.type = "progress";
  message.fraction = fraction;
  message.note = std::move(note);
  writer_->write(message);
}

void ChildContext::save_cursor(JsonText cursor) {
  ChildMessage message;
  message.type = "cursor";
  message.cursor = std::move(cursor);
  writer_->write(message);
}

Uuid ChildContext::submit(NewJob job) {
  if (job.id.is_nil()) job.id = Uuid::make_v7(std::chrono::system_clock::now());
  ChildMessage message;
  message.type = "submit";
  message.job = to_submit_message(job);
  writer_->write(message);
  return job.id;
}

void ChildContext::emit(OutboxMessage message) {
  ChildMessage words;
  words.type = "emit";
  if (!message.id.is_nil()) words.id = message.id.to_string();
  words.topic = std::move(message.topic);
  words.body = std::move(message.body);
  writer_->write(words);
}

Error ChildContext::ask(ChildMessage message) {
  Error error = asked_end_error(message.type);
  const std::lock_guard lock(mutex_);
  asked_ = std::move(message);
  return error;
}

Error ChildContext::snooze(std::chrono::milliseconds delay) {
  ChildMessage message;
  message.type = "snooze";
  message.delay_ms = delay.count();
  return ask(std::move(message));
}

Error ChildContext::park(std::string key, std::chrono::milliseconds timeout) {
  ChildMessage message;
  message.type = "park";
  message.key = std::move(key);
  message.timeout_ms = timeout.count();
  return ask(std::move(message));
}

Error ChildContext::hand_back() {
  ChildMessage message;
  message.type = "hand_back";
  return ask(std::move(message));
}

/// A crash is what the worker sees of this process; one that only says so has failed.
Error ChildContext::crash(Error error) { return error; }

}  // namespace rwp::jobs::isolation
