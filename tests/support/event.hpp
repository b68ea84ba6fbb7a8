#pragma once

#include "support/run.hpp"

#include <condition_variable>
#include <mutex>

namespace rwp::tests {

/// Something that happens on another thread and that a test waits for. Threads: safe to share.
class Event {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  bool is_set() const {
    const std::lock_guard lock(mutex_);
    return set_;
  }
  /// False: not within the guard.
  bool wait() const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kGuard, [this] { return set_; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool set_ = false;
};

}  // namespace rwp::tests
