#pragma once

#include "jobs/isolated/child_pool.hpp"
#include "jobs/isolated/frame.hpp"
#include "jobs/isolated/messages.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs/job_context.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace rwp::jobs::isolation {

/// One run in one child. Confined to the handlers' I/O thread.
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// Lifetime: `context` until run() has ended.
  Session(PooledChild child, JobContext& context, const IsolatedOptions& options)
      : child_(std::move(child)), context_(&context), options_(options) {}

  /// Gives the child the job and follows it to its end.
  boost::asio::awaitable<Result<JsonText>> run();

  /// After run(): the child had been used before and ended by itself, without a word about this
  /// job: another one may be asked.
  bool was_left() const noexcept { return was_left_; }
  /// After run(): whether the child may be given another job.
  bool is_healthy() const noexcept { return healthy_; }
  PooledChild take_child() { return std::move(child_); }

 private:
  static boost::asio::awaitable<void> watch(std::shared_ptr<Session> self);
  boost::asio::awaitable<Result<JsonText>> follow();
  boost::asio::awaitable<Result<JsonText>> judge_end();
  /// The run's end, when the message is one.
  std::optional<Result<JsonText>> take(const ChildMessage& message);
  std::optional<Result<JsonText>> take_note(const ChildMessage& message);
  void tell_stop(StopReason reason);
  /// Kills a child whose time is over.
  bool kill_if_due();
  Error crashed(Errc code, std::string message);

  PooledChild child_;
  JobContext* context_;
  const IsolatedOptions& options_;
  FrameReader frames_{kMaxFrameToWorker};
  Signal wake_;
  SteadyTime kill_at_ = SteadyTime::max();
  bool told_ = false;
  std::chrono::microseconds max_cpu_time_ = std::chrono::microseconds::max();
  bool hung_ = false;
  bool out_of_cpu_ = false;
  bool closed_ = false;
  bool heard_ = false;
  bool done_ = false;
  bool healthy_ = false;
  bool was_left_ = false;
};

}  // namespace rwp::jobs::isolation
