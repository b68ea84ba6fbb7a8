#include "server/dependency_check.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <utility>

namespace rwp::server {

using std::chrono::steady_clock;

/// One probe in flight. Its signal belongs to the thread that it runs on.
struct DependencyCheck::Probe {
  boost::asio::any_io_executor executor{};
  std::optional<DependencyState> found{};
  Signal ended{};
};

namespace {

boost::asio::awaitable<Result<void>> call(DependencyProbe probe) {
  auto operation = probe();
  co_return co_await std::move(operation);
}

}  // namespace

DependencyCheck::DependencyCheck(Dependency dependency, std::chrono::milliseconds timeout,
                                 std::chrono::milliseconds cache_for)
    : dependency_(std::move(dependency)), timeout_(timeout), cache_for_(cache_for) {}

boost::asio::awaitable<DependencyState> DependencyCheck::state() {
  auto executor = co_await boost::asio::this_coro::executor;
  std::shared_ptr<Probe> probe;
  {
    const std::lock_guard lock(mutex_);
    if (known_ && steady_clock::now() < known_until_) co_return *known_;
    if (!in_flight_) {
      in_flight_ = std::make_shared<Probe>();
      in_flight_->executor = executor;
      // On its own, so that it outlives whoever asks first and goes away.
      spawn(executor, run(in_flight_));
    }
    probe = in_flight_;
  }
  auto wait = [](std::shared_ptr<Probe> waited) -> boost::asio::awaitable<DependencyState> {
    while (!waited->found) {
      const Wake wake = co_await waited->ended.wait_until(SteadyTime::max());
      if (wake == Wake::cancelled) break;
    }
    co_return waited->found.value_or(DependencyState());
  };
  auto waiting = wait(probe);
  if (probe->executor == executor) co_return co_await std::move(waiting);
  co_return co_await on(probe->executor, std::move(waiting));
}

boost::asio::awaitable<void> DependencyCheck::run(std::shared_ptr<Probe> probe) {
  const auto self = shared_from_this();
  const auto began = steady_clock::now();
  DependencyState state;
  state.name = dependency_.name;
  state.required = dependency_.required;
  std::exception_ptr thrown;
  try {
    auto operation = with_deadline(call(dependency_.probe), began + timeout_);
    const auto answer = co_await std::move(operation);
    state.up = answer.has_value();
    if (!answer) {
      state.error = answer.error().code() == Errc::deadline_exceeded
                        ? "no answer within " + std::to_string(timeout_.count()) + " ms"
                        : answer.error().to_string();
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) state.error = rwp::detail::from_exception(thrown).to_string();
  state.seconds = std::chrono::duration<double>(steady_clock::now() - began).count();
  probe->found = state;
  {
    const std::lock_guard lock(mutex_);
    known_ = std::move(state);
    known_until_ = steady_clock::now() + cache_for_;
    in_flight_.reset();
  }
  probe->ended.notify_all();
}

}  // namespace rwp::server
