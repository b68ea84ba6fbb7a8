#pragma once

#include <rwp/core/error.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/typed_handler.hpp>
#include <rwp/jobs/worker.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::testing {

/// One run that a JobRunner made.
struct RanJob {
  Uuid id{};
  std::string kind{};
  /// What the run ended with, and what the job became.
  jobs::RunOutcome outcome{};
  jobs::JobState state = jobs::JobState::ready;
};

/// A worker for tests: runs what is ready, in the calling thread, one job after the other, and
/// comes back when nothing is.
///
///     auto clock = std::make_shared<testing::SettableClock>();   // the store's
///     testing::JobRunner runner(store);
///     runner.handle<SendMail>(&send_mail);
///     client.submit(SendMail{.to = "ada"});
///
///     EXPECT_EQ(runner.run_until_idle().value().size(), 1U);     // failed, to be retried
///     clock->advance(1h);
///     EXPECT_EQ(runner.run_until_idle().value().size(), 1U);     // the retry
///
/// As with a Worker, completions, children, messages, cursors and progress go to the store, and
/// its rules say what an end means. Unlike with one: a retry waits for the whole backoff, without
/// jitter; nothing is cut off by a timeout; no heartbeats are sent.
///
/// Threads: one at a time, not the store's I/O thread. Lifetime: keeps the store.
class JobRunner {
 public:
  explicit JobRunner(std::shared_ptr<jobs::JobStore> store);
  ~JobRunner();
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  /// As Worker::handle(): a coroutine runs on an executor of the calling thread.
  void handle(std::string kind, jobs::CoroutineHandler handler,
              jobs::HandlerOptions options = jobs::HandlerOptions());
  void handle_blocking(std::string kind, jobs::BlockingHandler handler,
                       jobs::HandlerOptions options = jobs::HandlerOptions());
  template <jobs::JobArguments T, class Function>
  void handle(Function function, jobs::HandlerOptions options = jobs::HandlerOptions()) {
    options.max_version = std::max(options.max_version, jobs::job_version_of<T>());
    handle(std::string(T::job_kind), jobs::typed_handler<T>(std::move(function)), options);
  }
  template <jobs::JobArguments T, class Function>
  void handle_blocking(Function function, jobs::HandlerOptions options = jobs::HandlerOptions()) {
    options.max_version = std::max(options.max_version, jobs::job_version_of<T>());
    handle_blocking(std::string(T::job_kind), jobs::typed_blocking_handler<T>(std::move(function)),
                    options);
  }

  /// Runs until nothing that it handles is ready, and answers the runs in their order.
  /// `Errc::internal`: `most` runs were not enough, which is a job that makes itself ready for
  /// ever. The store's own errors otherwise.
  Result<std::vector<RanJob>> run_until_idle(std::size_t most = 10'000);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rwp::testing
