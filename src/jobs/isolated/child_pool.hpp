#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/child_process.hpp>
#include <rwp/core/error.hpp>
#include <rwp/jobs/isolated.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace rwp::jobs::isolation {

/// A child between or within jobs.
struct PooledChild {
  std::unique_ptr<ChildProcess> process{};
  /// Given to it so far.
  std::size_t jobs = 0;
  SteadyTime idle_since{};
};

/// The children that wait for a job of one kind. Confined to the handlers' I/O thread.
class ChildPool : public std::enable_shared_from_this<ChildPool> {
 public:
  explicit ChildPool(IsolatedOptions options) : options_(std::move(options)) {}

  const IsolatedOptions& options() const noexcept { return options_; }

  /// One that waits, or a fresh one. `Errc::unavailable`: the program cannot be started.
  Result<PooledChild> take(const boost::asio::any_io_executor& executor);
  Result<PooledChild> start(const boost::asio::any_io_executor& executor) const;
  /// No job comes any more: those that wait are let go. Threads: any.
  void close() noexcept { closed_.store(true, std::memory_order_release); }

  /// Keeps a child that has done its job well, if it may do more.
  void give_back(const boost::asio::any_io_executor& executor, PooledChild child);

 private:
  /// Keeps the pool while children wait in it, so that they go on this thread, or with its runtime.
  static boost::asio::awaitable<void> let_go(std::shared_ptr<ChildPool> pool);
  SteadyTime drop_idle();

  const IsolatedOptions options_;
  std::vector<PooledChild> idle_;
  bool lets_go_ = false;
  std::atomic<bool> closed_{false};
};

/// The pool that a handler owns: it may be dropped on any thread, and after its runtime.
class PoolOwner {
 public:
  explicit PoolOwner(IsolatedOptions options)
      : pool_(std::make_shared<ChildPool>(std::move(options))) {}
  ~PoolOwner() { pool_->close(); }
  PoolOwner(const PoolOwner&) = delete;
  PoolOwner& operator=(const PoolOwner&) = delete;

  const std::shared_ptr<ChildPool>& pool() const noexcept { return pool_; }

 private:
  const std::shared_ptr<ChildPool> pool_;
};

}  // namespace rwp::jobs::isolation
