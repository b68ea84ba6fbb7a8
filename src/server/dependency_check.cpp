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
  /// When those who wait give up, though the probe may not heed that it was cancelled.
  SteadyTime give_up_at{};
  std::optional<DependencyState> found{};
  Signal ended{};
};

namespace {

/// For a probe that is cancelled at its time limit to end.
constexpr std::chrono::milliseconds kForTheEnd{50};

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
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    if (known_ && steady_clock::now() < known_until_) co_return *known_;
    is_first = !in_flight_;
    if (is_first) {
      in_flight_ = std::make_shared<Probe>();
      in_flight_->executor = executor;
      in_flight_->give_up_at = steady_clock::now() + timeout_ + kForTheEnd;
    }
    probe = in_flight_;
  }
  // On its own, so that it outlives whoever asks first and goes away; and here, as its first part
  // runs at once.
  if (is_first) spawn(executor, run(probe));
  auto waiting = wait_for(probe);
  if (probe->executor == executor) co_return co_await std::move(waiting);
  co_return co_await on(probe->executor, std::move(waiting));
}

boost::asio::awaitable<DependencyState> DependencyCheck::wait_for(std::shared_ptr<Probe> probe) {
  const auto self = shared_from_this();
  while (!probe->found && steady_clock::now() < probe->give_up_at) {
    const Wake wake = co_await probe->ended.wait_until(probe->give_up_at);
    if (wake == Wake::cancelled) break;
  }
  if (probe->found) co_return *probe->found;
  DependencyState state;
  state.name = dependency_.name;
  state.required = dependency_.required;
  state.seconds = std::chrono::duration<double>(timeout_).count();
  state.error = no_answer();
  co_return state;
}

std::string DependencyCheck::no_answer() const {
  return "no answer within " + std::to_string(timeout_.count()) + " ms";
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
      state.error = answer.error().code() == Errc::deadline_exceeded ? no_answer()
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
