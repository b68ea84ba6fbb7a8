#pragma once

#include <atomic>
#include <cstddef>

namespace rwp::server {

/// What one request's body has of the memory that all bodies share; gives it back at its end.
class BodyShare {
 public:
  BodyShare(std::atomic<std::size_t>& used, std::size_t limit) : used_(used), limit_(limit) {}
  ~BodyShare() { used_.fetch_sub(held_, std::memory_order_relaxed); }
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;

  /// Makes it `bytes`, which never shrink; false when there is not so much left.
  bool grow_to(std::size_t bytes) noexcept {
    const std::size_t more = bytes - held_;
    if (used_.fetch_add(more, std::memory_order_relaxed) + more > limit_) {
      used_.fetch_sub(more, std::memory_order_relaxed);
      return false;
    }
    held_ = bytes;
    return true;
  }

 private:
  std::atomic<std::size_t>& used_;
  const std::size_t limit_;
  std::size_t held_ = 0;
};

}  // namespace rwp::server
