#pragma once

#include "jobs/isolated/messages.hpp"
#include <rwp/jobs/job_context.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/trace.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace rwp::jobs::isolation {

/// Writes whole messages to the worker. Threads: safe to share.
class MessageWriter {
 public:
  explicit MessageWriter(int descriptor) : descriptor_(descriptor) {}
  /// Ends the process when the worker reads no more.
  void write(const ChildMessage& message);

 private:
  const int descriptor_;
  std::mutex mutex_;
};

/// What a handler in a child sees of its job; what it says goes to the worker at once.
class ChildContext final : public JobContext {
 public:
  ChildContext(ClaimedJob job, std::chrono::steady_clock::time_point deadline,
               std::shared_ptr<MessageWriter> writer);

  /// Called by the thread that hears the worker.
  void request_stop(StopReason reason) { stop_.store(reason, std::memory_order_release); }

  /// The run's last message.
  ChildMessage last_message(Result<JsonText> result) const;

  const ClaimedJob& job() const override { return job_; }
  std::chrono::steady_clock::time_point deadline() const override { return deadline_; }
  StopReason stop_reason() const override { return stop_.load(std::memory_order_acquire); }
  void progress(double fraction, std::string note) override;
  void save_cursor(JsonText cursor) override;
  using JobContext::submit;
  Uuid submit(NewJob job) override;
  void emit(OutboxMessage message) override;
  Error snooze(std::chrono::milliseconds delay) override;
  Error park(std::string key, std::chrono::milliseconds timeout) override;
  Error hand_back() override;
  Error crash(Error error) override;
  const observability::Logger& log() const override { return log_; }
  const observability::TraceContext& trace() const override { return trace_; }

 private:
  Error ask(ChildMessage message);

  const ClaimedJob job_;
  const std::chrono::steady_clock::time_point deadline_;
  const std::shared_ptr<MessageWriter> writer_;
  const observability::Logger log_;
  const observability::TraceContext trace_;
  std::atomic<StopReason> stop_{StopReason::none};
  mutable std::mutex mutex_;  // What follows.
  std::optional<ChildMessage> asked_;
};

}  // namespace rwp::jobs::isolation
