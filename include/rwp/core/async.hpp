#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <utility>

/// The few operations on coroutines that everything else awaits, so that Asio's own are
/// instantiated in one source and not in every file.
namespace rwp {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Runs `operation` on `executor` on its own. `done` gets what it threw (null: nothing) on that
/// executor. An operation that was cancelled ends with boost::system::system_error.
void spawn(boost::asio::any_io_executor executor, boost::asio::awaitable<void> operation,
           std::function<void(std::exception_ptr)> done);

/// As above; what is thrown ends the program, as from a thread.
void spawn(boost::asio::any_io_executor executor, boost::asio::awaitable<void> operation);

/// Calls `work` on the executor, soon.
void post(const boost::asio::any_io_executor& executor, std::function<void()> work);

/// A spawned operation that can be cancelled. Threads: `cancel` from any thread.
class Task {
 public:
  Task() = default;

  /// Starts `operation`; `done` as in spawn().
  Task(boost::asio::any_io_executor executor, boost::asio::awaitable<void> operation,
       std::function<void(std::exception_ptr)> done);

  /// Asks the operation to stop at its next, or present, wait. Harmless when it has ended.
  void cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Waits. `Errc::cancelled` when the coroutine is cancelled meanwhile.
boost::asio::awaitable<Result<void>> sleep_until(SteadyTime time);
boost::asio::awaitable<Result<void>> sleep_for(std::chrono::nanoseconds duration);

enum class Wake : std::uint8_t { notified, timed_out, cancelled };

/// Lets coroutines of one I/O thread wait until another changes something: test the condition,
/// wait, test again. Threads: confined to one runtime's I/O thread. Lifetime: outlives its waiters.
class Signal {
 public:
  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  /// Wakes all who wait now.
  void notify_all();
  bool has_waiters() const noexcept { return !waiters_.empty(); }

  boost::asio::awaitable<Wake> wait_until(SteadyTime deadline);

 private:
  struct Waiter;
  std::list<Waiter*> waiters_;
};

namespace detail {

boost::asio::awaitable<void> run_on(boost::asio::any_io_executor executor,
                                    boost::asio::awaitable<void> operation);
/// Whether `operation` ended by `deadline`; otherwise it has been cancelled, and has ended.
boost::asio::awaitable<bool> run_until(boost::asio::awaitable<void> operation, SteadyTime deadline);
/// What the operation threw, as an Error; none when it threw nothing.
std::optional<Error> block_on(const boost::asio::any_io_executor& executor,
                              boost::asio::awaitable<void> operation);
Error from_exception(std::exception_ptr thrown);

template <class T>
boost::asio::awaitable<void> keep_result(boost::asio::awaitable<T> operation,
                                         std::optional<T>* result) {
  result->emplace(co_await std::move(operation));
}

}  // namespace detail

/// Runs `operation` on another executor (another runtime, the blocking pool) and comes back with
/// its result. Cancellation follows it there.
template <class T>
boost::asio::awaitable<T> on(boost::asio::any_io_executor executor,
                             boost::asio::awaitable<T> operation) {
  std::optional<T> result;
  auto kept = detail::keep_result(std::move(operation), &result);
  co_await detail::run_on(std::move(executor), std::move(kept));
  co_return std::move(*result);
}

/// As above, for an operation without a result.
boost::asio::awaitable<void> on(boost::asio::any_io_executor executor,
                                boost::asio::awaitable<void> operation);

/// `operation`, cancelled and answered with `Errc::deadline_exceeded` at `deadline`. What it had
/// begun may have taken effect. What it throws is thrown here.
template <class T>
boost::asio::awaitable<Result<T>> with_deadline(boost::asio::awaitable<Result<T>> operation,
                                                SteadyTime deadline) {
  std::optional<Result<T>> result;
  auto kept = detail::keep_result(std::move(operation), &result);
  const bool in_time = co_await detail::run_until(std::move(kept), deadline);
  if (!in_time || !result) {
    co_return Error(Errc::deadline_exceeded, "deadline passed; the outcome is unknown");
  }
  co_return std::move(*result);
}

/// Runs a blocking function, given by value, on the executor (a pool) and comes back with its
/// result.
template <class Function>
auto run_blocking(boost::asio::any_io_executor executor, Function function)
    -> boost::asio::awaitable<std::invoke_result_t<Function&>> {
  using T = std::invoke_result_t<Function&>;
  auto call = [](Function* work) -> boost::asio::awaitable<T> { co_return (*work)(); };
  auto operation = call(&function);
  co_return co_await on(std::move(executor), std::move(operation));
}

/// Blocks the calling thread, which must not be an I/O thread, until `operation` has run on the
/// runtime's. A thrown exception becomes an Error. `Errc::cancelled`: the runtime ended first.
template <class T>
Result<T> block_on(Runtime& runtime, boost::asio::awaitable<Result<T>> operation) {
  std::optional<Result<T>> result;
  auto kept = detail::keep_result(std::move(operation), &result);
  if (auto failed = detail::block_on(runtime.executor(), std::move(kept))) return *failed;
  return std::move(*result);
}

}  // namespace rwp
