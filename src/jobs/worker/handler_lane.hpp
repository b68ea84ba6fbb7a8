#pragma once

#include "jobs/worker/mailbox.hpp"
#include "jobs/worker/run.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace rwp::jobs {

/// See WorkerOptions::blocking_scope.
using BlockingScope = std::function<std::shared_ptr<void>()>;

/// Runs handlers on the handlers runtime: coroutines on its I/O thread, blocking ones on its pool,
/// and reports each end to the worker.
///
/// A coroutine handler runs inside a runner, a coroutine that takes one job after another, so that
/// handlers which never wait cost no spawn each; a runner whose handler waits lets another one
/// begin. With a scope for blocking ones, a thread of the pool likewise takes one after another
/// within it. Threads: run_all and cancel from any. Lifetime: kept by the runs in it; the runtime
/// outlives the worker, and what is still in it then is dropped.
class HandlerLane : public std::enable_shared_from_this<HandlerLane> {
 public:
  HandlerLane(Runtime& handlers, std::size_t concurrency, BlockingScope scope,
              std::shared_ptr<Mailbox<RunPtr>> ended);

  void run_all(std::vector<RunPtr> runs);
  /// Stops the handler at its next, or present, wait, and one that has not begun at once; blocking
  /// ones see the stop reason only.
  void cancel(RunPtr run);
  /// Gives back, as stopped for a drain, what waits here for a slot; the first `keep` stay.
  void recall(std::size_t keep);

 private:
  struct Runner {
    Task task{};
    bool retired = false;
  };

  void accept(std::vector<RunPtr> runs);
  void work_off();
  static boost::asio::awaitable<void> drive(std::shared_ptr<HandlerLane> lane,
                                            std::shared_ptr<Runner> runner);
  void run_blocking(std::vector<RunPtr> runs);
  void start_scoped();
  void work_off_scoped();
  /// The next blocking run; null: none, and the calling thread is not counted any more. `help`:
  /// another thread is to come, which is counted already.
  RunPtr take_scoped(bool* help);
  void run_here(RunPtr run);
  void end_unbegun(RunPtr run);
  void report(RunPtr run);
  void flush();

  Runtime& handlers_;
  const boost::asio::any_io_executor executor_;
  const std::size_t concurrency_;
  const BlockingScope scope_;
  const std::shared_ptr<Mailbox<RunPtr>> ended_;
  // Confined to the handlers' I/O thread.
  std::deque<RunPtr> queue_;
  std::vector<RunPtr> reports_;
  std::size_t active_ = 0;
  bool in_burst_ = false;
  bool flush_posted_ = false;

  std::mutex scoped_mutex_;  // What follows: blocking runs, where there is a scope.
  std::deque<RunPtr> scoped_queue_;
  std::size_t scoped_threads_ = 0;
};

}  // namespace rwp::jobs
