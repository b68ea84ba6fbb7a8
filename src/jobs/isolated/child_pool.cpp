#include "jobs/isolated/child_pool.hpp"

#include <algorithm>
#include <utility>

namespace rwp::jobs::isolation {
namespace {

/// How often a pool with children in it looks whether its handler is gone.
constexpr std::chrono::milliseconds kLook{100};

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

Result<PooledChild> ChildPool::start(const boost::asio::any_io_executor& executor) const {
  ChildCommand command = options_.command;
  // The limit cannot be raised once it is set, so it holds for all jobs; each gets its share.
  command.limits.max_cpu_time *= static_cast<int>(options_.max_jobs_per_child);
  auto process = ChildProcess::start(executor, std::move(command));
  if (!process) {
    return Error(Errc::unavailable, "the isolated handler's program cannot be started")
        .with_cause(process.error());
  }
  PooledChild child;
  child.process = std::move(*process);
  return child;
}

Result<PooledChild> ChildPool::take(const boost::asio::any_io_executor& executor) {
  while (!idle_.empty()) {
    PooledChild child = std::move(idle_.back());
    idle_.pop_back();
    if (!child.process->has_ended()) return child;
  }
  return start(executor);
}

void ChildPool::give_back(const boost::asio::any_io_executor& executor, PooledChild child) {
  if (child.process->has_ended() || child.jobs >= options_.max_jobs_per_child) return;
  child.idle_since = now();
  idle_.push_back(std::move(child));
  if (std::exchange(lets_go_, true)) return;
  spawn(executor, let_go(shared_from_this()));
}

/// Drops those that have waited too long; when the next one will have.
SteadyTime ChildPool::drop_idle() {
  SteadyTime next = SteadyTime::max();
  const SteadyTime time = now();
  std::erase_if(idle_, [this, time, &next](const PooledChild& child) {
    const SteadyTime until = child.idle_since + options_.max_idle;
    if (until <= time) return true;
    next = std::min(next, until);
    return false;
  });
  return next;
}

boost::asio::awaitable<void> ChildPool::let_go(std::shared_ptr<ChildPool> pool) {
  // Also when the frame goes with its runtime, which the children must not outlive.
  const auto clear = [](ChildPool* held) {
    held->idle_.clear();
    held->lets_go_ = false;
  };
  const std::unique_ptr<ChildPool, decltype(clear)> guard(pool.get(), clear);
  while (!pool->closed_.load(std::memory_order_acquire)) {
    const SteadyTime next = pool->drop_idle();
    if (next == SteadyTime::max()) co_return;
    (void)co_await sleep_until(std::min(next, now() + kLook));
  }
}

}  // namespace rwp::jobs::isolation
