#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/child_process.hpp>
#include <rwp/core/error.hpp>
#include <rwp/jobs/isolated.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
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
  /// Keeps a child that has done its job well, if it may do more.
  void give_back(const boost::asio::any_io_executor& executor, PooledChild child);

 private:
  static boost::asio::awaitable<void> let_go(std::weak_ptr<ChildPool> pool);
  SteadyTime drop_idle();

  const IsolatedOptions options_;
  std::vector<PooledChild> idle_;
  bool lets_go_ = false;
};

/// The pool that a handler owns: it may be dropped on any thread, the pool only on its own.
class PoolOwner {
 public:
  explicit PoolOwner(IsolatedOptions options)
      : pool_(std::make_shared<ChildPool>(std::move(options))) {}
  ~PoolOwner();
  PoolOwner(const PoolOwner&) = delete;
  PoolOwner& operator=(const PoolOwner&) = delete;

  /// Called by each run.
  std::shared_ptr<ChildPool> use_on(const boost::asio::any_io_executor& executor);

 private:
  std::shared_ptr<ChildPool> pool_;
  std::mutex mutex_;  // What follows.
  boost::asio::any_io_executor executor_;
};

}  // namespace rwp::jobs::isolation
