#pragma once

#include <rwp/core/async.hpp>
#include <rwp/jobs/job_store.hpp>

#include <memory>
#include <set>

namespace rwp::pods {

/// Waits for jobs' ends that a drain cuts short, so that the callers are answered before it ends.
///
/// Threads: wait() is confined to the store's runtime; end_all() may be called from any thread.
/// Lifetime: shared with what it posts.
class EndWaits : public std::enable_shared_from_this<EndWaits> {
 public:
  explicit EndWaits(std::shared_ptr<jobs::JobStore> store) : store_(std::move(store)) {}

  /// The job once it has ended, or as it is at the deadline, or when end_all() was called.
  jobs::Awaitable<Result<jobs::Job>> wait(Uuid id, SteadyTime deadline);
  /// Ends the waits there are, and those to come.
  void end_all();

 private:
  struct Wait;
  jobs::Awaitable<void> follow(std::shared_ptr<Wait> wait, Uuid id, SteadyTime deadline);

  const std::shared_ptr<jobs::JobStore> store_;
  std::set<Wait*> waits_;
  bool ended_ = false;
};

}  // namespace rwp::pods
