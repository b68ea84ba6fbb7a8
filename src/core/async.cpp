#include <rwp/core/async.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/system_error.hpp>

#include <future>
#include <memory>
#include <utility>

namespace rwp {

namespace asio = boost::asio;

void spawn(asio::any_io_executor executor, asio::awaitable<void> operation,
           std::function<void(std::exception_ptr)> done) {
  asio::co_spawn(executor, std::move(operation), std::move(done));
}

void spawn(asio::any_io_executor executor, asio::awaitable<void> operation) {
  spawn(std::move(executor), std::move(operation), [](std::exception_ptr thrown) {
    if (thrown) std::terminate();
  });
}

void post(const asio::any_io_executor& executor, std::function<void()> work) {
  asio::post(executor, std::move(work));
}

struct Task::State {
  explicit State(asio::any_io_executor on_executor) : executor(std::move(on_executor)) {}
  asio::any_io_executor executor;
  asio::cancellation_signal signal;
};

Task::Task(asio::any_io_executor executor, asio::awaitable<void> operation,
           std::function<void(std::exception_ptr)> done)
    : state_(std::make_shared<State>(executor)) {
  // The state is kept by the completion: the slot must outlive the operation.
  auto finished = [state = state_, done = std::move(done)](std::exception_ptr thrown) {
    done(thrown);
  };
  std::function<void(std::exception_ptr)> handler = std::move(finished);
  asio::co_spawn(executor, std::move(operation),
                 asio::bind_cancellation_slot(state_->signal.slot(), std::move(handler)));
}

void Task::cancel() {
  if (!state_) return;
  asio::post(state_->executor,
             [state = state_] { state->signal.emit(asio::cancellation_type::terminal); });
}

asio::awaitable<Result<void>> sleep_until(SteadyTime time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  const auto [problem] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (problem) co_return Error(Errc::cancelled, "the wait was cancelled");
  co_return Result<void>();
}

asio::awaitable<Result<void>> sleep_for(std::chrono::nanoseconds duration) {
  return sleep_until(std::chrono::steady_clock::now() + duration);
}

struct Signal::Waiter {
  asio::steady_timer timer;
  bool notified = false;
};

void Signal::notify_all() {
  for (Waiter* waiter : waiters_) {
    waiter->notified = true;
    waiter->timer.cancel();
  }
}

asio::awaitable<Wake> Signal::wait_until(SteadyTime deadline) {
  Waiter waiter{asio::steady_timer(co_await asio::this_coro::executor, deadline)};
  const auto place = waiters_.insert(waiters_.end(), &waiter);
  // Also when the frame is destroyed while it waits, at a runtime's end.
  const auto leave = [this, place](void*) { waiters_.erase(place); };
  const std::unique_ptr<void, decltype(leave)> guard(&waiter, leave);
  const auto [problem] = co_await waiter.timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (waiter.notified) co_return Wake::notified;
  co_return problem ? Wake::cancelled : Wake::timed_out;
}

asio::awaitable<void> on(asio::any_io_executor executor, asio::awaitable<void> operation) {
  return detail::run_on(std::move(executor), std::move(operation));
}

namespace detail {

namespace {

/// An operation on another I/O thread, and how it is told there of a cancellation here.
struct Crossing {
  explicit Crossing(asio::any_io_executor on) : executor(std::move(on)) {}
  asio::any_io_executor executor;
  asio::cancellation_signal signal;
};

/// co_spawn() itself would, in Asio 1.81, send a bare pointer to the other thread, which may get it
/// when the operation has ended and what it points to is gone. Here the message owns the signal.
template <class Handler>
void cross(const asio::any_io_executor& executor, asio::awaitable<void> operation,
           Handler handler) {
  auto crossing = std::make_shared<Crossing>(executor);
  if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
    slot.assign([crossing](asio::cancellation_type type) {
      asio::post(crossing->executor, [crossing, type] { crossing->signal.emit(type); });
    });
  }
  const auto home = asio::get_associated_executor(handler);
  auto finished = [crossing, handler = std::move(handler)](std::exception_ptr thrown) mutable {
    std::move(handler)(thrown);
  };
  asio::co_spawn(executor, std::move(operation),
                 asio::bind_cancellation_slot(crossing->signal.slot(),
                                              asio::bind_executor(home, std::move(finished))));
}

}  // namespace

asio::awaitable<void> run_on(asio::any_io_executor executor, asio::awaitable<void> operation) {
  if (executor == co_await asio::this_coro::executor) {
    co_await std::move(operation);
    co_return;
  }
  if (executor.target<asio::io_context::executor_type>() != nullptr) {
    auto initiate = [](auto handler, asio::any_io_executor other, asio::awaitable<void> work) {
      cross(other, std::move(work), std::move(handler));
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
        initiate, asio::use_awaitable, executor, std::move(operation));
    co_return;
  }
  // On a pool another thread would tell of the cancellation, with nothing to order the two; and
  // Asio 1.81 throws out of the thread that runs an operation which ends cancelled, but has not
  // waited for anything: so it is not told, and ends as it would.
  auto unmoved = asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable);
  co_await asio::co_spawn(executor, std::move(operation), std::move(unmoved));
}

namespace {

/// An operation and its time limit.
struct Race {
  Race(const asio::any_io_executor& executor, SteadyTime deadline) : timer(executor, deadline) {}
  asio::steady_timer timer;
  asio::cancellation_signal stop;
  bool ended = false;
  bool late = false;
};

/// Calls the handler once the operation has ended, by itself or as the time was up. Until then the
/// operation owns the handler, and so the coroutine that waits: what the operation has refers to
/// that one's variables, and goes before them at a runtime's end too.
template <class Handler>
void race(std::shared_ptr<Race> race, asio::awaitable<void> operation, Handler handler) {
  // Not an owner: at a runtime's end the slot may stay behind, with a Task, and what uses the
  // runtime's timers must not. What runs here may also go with what it stops.
  const auto stop = [weak = std::weak_ptr<Race>(race)](asio::cancellation_type type) {
    if (const auto kept = weak.lock(); kept && !kept->ended) kept->stop.emit(type);
  };
  if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
    slot.assign(stop);
  }
  race->timer.async_wait([race, stop](const boost::system::error_code& problem) {
    if (problem || race->ended) return;
    race->late = true;
    stop(asio::cancellation_type::terminal);
  });
  const auto home = asio::get_associated_executor(handler);
  auto finished = [race, handler = std::move(handler)](std::exception_ptr thrown) mutable {
    race->ended = true;
    race->timer.cancel();
    // What is late has no answer, whatever it threw as it was cancelled.
    std::move(handler)(race->late ? nullptr : thrown);
  };
  asio::co_spawn(home, std::move(operation),
                 asio::bind_cancellation_slot(race->stop.slot(),
                                              asio::bind_executor(home, std::move(finished))));
}

}  // namespace

// Asio's `||` does the same for three times the work, and throws where the operation is in time.
asio::awaitable<bool> run_until(asio::awaitable<void> operation, SteadyTime deadline) {
  const auto racing = std::make_shared<Race>(co_await asio::this_coro::executor, deadline);
  auto initiate = [](auto handler, std::shared_ptr<Race> of, asio::awaitable<void> work) {
    race(std::move(of), std::move(work), std::move(handler));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      initiate, asio::use_awaitable, racing, std::move(operation));
  co_return !racing->late;
}

std::optional<Error> block_on(const asio::any_io_executor& executor,
                              asio::awaitable<void> operation) {
  // Owned by the handler alone: a runtime that ends drops it, and so breaks the promise.
  auto ended = std::make_shared<std::promise<std::optional<Error>>>();
  auto waiting = ended->get_future();
  // The exception stays on the thread that threw it; an Error crosses.
  auto finish = [ended = std::move(ended)](std::exception_ptr thrown) {
    ended->set_value(thrown ? std::optional<Error>(from_exception(thrown)) : std::nullopt);
  };
  spawn(executor, std::move(operation), std::move(finish));
  try {
    return waiting.get();
  } catch (const std::future_error&) {
    return Error(Errc::cancelled, "the runtime ended before the operation");
  }
}

Error from_exception(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& problem) {
    if (problem.code() == asio::error::operation_aborted) {
      return Error(Errc::cancelled, "the operation was cancelled");
    }
    return Error(Errc::internal, problem.what());
  } catch (const ErrorException& problem) {
    return problem.error();
  } catch (const std::exception& problem) {
    return Error(Errc::internal, problem.what());
  } catch (...) {
    return Error(Errc::internal, "an exception of unknown type");
  }
}

}  // namespace detail
}  // namespace rwp
