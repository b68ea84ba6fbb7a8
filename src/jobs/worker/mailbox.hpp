#pragma once

#include <rwp/core/async.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace rwp::jobs {

/// Carries items from any thread to one executor, many with one post: the reader is called once
/// for all that has gathered since it last took.
///
/// Threads: put and close from any. Lifetime: after close() nothing is posted any more, so the
/// executor may end.
template <class T>
class Mailbox : public std::enable_shared_from_this<Mailbox<T>> {
 public:
  Mailbox(boost::asio::any_io_executor reader, std::function<void()> on_mail)
      : reader_(std::move(reader)), on_mail_(std::move(on_mail)) {}

  void put(T item) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    items_.push_back(std::move(item));
    announce();
  }

  /// Takes all of `items` and leaves it empty.
  void put_all(std::vector<T>& items) {
    const std::lock_guard lock(mutex_);
    if (!closed_ && !items.empty()) {
      if (items_.empty()) {
        items_.swap(items);
      } else {
        for (T& item : items) items_.push_back(std::move(item));
      }
      announce();
    }
    items.clear();
  }

  std::vector<T> take() {
    const std::lock_guard lock(mutex_);
    announced_ = false;
    return std::exchange(items_, {});
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    items_.clear();
  }

 private:
  /// Posts under the lock, so that nothing is posted after close() has returned.
  void announce() {
    if (announced_) return;
    announced_ = true;
    post(reader_, [self = this->shared_from_this()] { self->deliver(); });
  }

  void deliver() {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
    }
    on_mail_();
  }

  const boost::asio::any_io_executor reader_;
  const std::function<void()> on_mail_;
  std::mutex mutex_;
  std::vector<T> items_;
  bool announced_ = false;
  bool closed_ = false;
};

}  // namespace rwp::jobs
