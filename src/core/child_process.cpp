#include "core/child_spawn.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/child_process.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <deque>
#include <fstream>
#include <optional>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace rwp {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kErrorsKept = 4'096;
/// As much as a pipe can hold.
constexpr std::size_t kMaxPipeBytes = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kMemoryWatch{50};
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

Error cancelled() { return Error(Errc::cancelled, "waiting for a child process was cancelled"); }

std::chrono::microseconds to_duration(const timeval& value) {
  return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
}

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? std::string() : " (SIG" + std::string(name) + ")";
}

std::size_t resident_bytes(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

std::string ChildEnd::describe() const {
  switch (fate) {
    case ChildFate::exited:
      return "exited with code " + std::to_string(exit_code);
    case ChildFate::signalled:
      return "died of signal " + std::to_string(signal) + signal_name(signal);
    case ChildFate::out_of_cpu:
      return "used up its processor time";
    case ChildFate::out_of_memory:
      return "was killed for its memory";
    case ChildFate::killed:
      break;
  }
  return "was killed";
}

/// Kept by the object and by the coroutines that attend to the child.
struct ChildProcess::State {
  State(const asio::any_io_executor& on_executor, SpawnedChild spawned, const ChildLimits& limits)
      : executor(on_executor),
        process(spawned.process),
        pidfd(on_executor, spawned.pidfd.release()),
        input(on_executor, asio::local::stream_protocol(), spawned.input.release()),
        output(on_executor, spawned.output.release()),
        error_output(on_executor, spawned.errors.release()),
        max_cpu_time(limits.max_cpu_time),
        max_memory_bytes(limits.max_memory_bytes) {
    output.native_non_blocking(true);
    error_output.native_non_blocking(true);
  }

  /// Blocks, but for a process that is being killed: what is left at a runtime's end.
  ~State() {
    if (end) return;
    kill_group();
    while (waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void kill_group() const noexcept {
    // Not reaped yet, so the number is still its own. The process itself too, should the group not
    // be there yet.
    if (end) return;
    ::kill(-process, SIGKILL);
    ::kill(process, SIGKILL);
  }

  void close_pipes() {
    boost::system::error_code ignored;
    input.close(ignored);
    output.close(ignored);
    error_output.close(ignored);
  }

  /// What its standard error has now; false at the end of it.
  bool hear_errors() {
    std::array<char, 4'096> bytes{};
    const ssize_t count = ::read(error_output.native_handle(), bytes.data(), bytes.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    errors.append(bytes.data(), static_cast<std::size_t>(count));
    if (errors.size() > kErrorsKept) errors.erase(0, errors.size() - kErrorsKept);
    return count > 0;
  }

  /// What the child has left in the pipe. A process that has escaped may hold it open, and write.
  std::string read_rest(std::string bytes) {
    bytes.resize(std::min(bytes.size(), rest));
    ssize_t count = 0;
    do {
      count = ::read(output.native_handle(), bytes.data(), bytes.size());
    } while (count < 0 && errno == EINTR);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    rest -= bytes.size();
    return bytes;
  }

  void reap();

  const asio::any_io_executor executor;
  const pid_t process;
  asio::posix::stream_descriptor pidfd;
  asio::local::stream_protocol::socket input;
  asio::posix::stream_descriptor output;
  asio::posix::stream_descriptor error_output;
  const std::chrono::seconds max_cpu_time;
  const std::size_t max_memory_bytes;
  std::size_t rest = kMaxPipeBytes;
  std::deque<std::string> unsent;
  bool sending = false;
  bool input_ends = false;
  bool killed = false;
  bool over_memory = false;
  std::string errors;
  std::optional<ChildEnd> end;
  Signal ended;
};

/// The first process is a zombie. What it leaves behind in its group goes with it.
void ChildProcess::State::reap() {
  kill_group();
  // Its last words: as much as a pipe holds.
  for (std::size_t heard = 0; heard < 16 && error_output.is_open(); ++heard) {
    if (!hear_errors()) break;
  }
  int status = 0;
  rusage used{};
  pid_t got = 0;
  do {
    got = wait4(process, &status, 0, &used);
  } while (got < 0 && errno == EINTR);
  ChildEnd made;
  made.cpu_time = to_duration(used.ru_utime) + to_duration(used.ru_stime);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access): how glibc declares it
  made.peak_memory_bytes = static_cast<std::size_t>(used.ru_maxrss) * 1'024;
  if (got < 0) {
    // Somebody else in this process has waited for it.
    made.fate = killed ? ChildFate::killed : ChildFate::signalled;
  } else if (WIFEXITED(status)) {
    made.exit_code = WEXITSTATUS(status);
  } else {
    made.signal = WTERMSIG(status);
    const bool cpu_spent = max_cpu_time.count() > 0 && made.cpu_time >= max_cpu_time;
    made.fate = ChildFate::signalled;
    if (made.signal == SIGXCPU || (made.signal == SIGKILL && cpu_spent)) {
      made.fate = ChildFate::out_of_cpu;
    } else if (made.signal == SIGKILL) {
      made.fate = killed && !over_memory ? ChildFate::killed : ChildFate::out_of_memory;
    }
  }
  end = made;
  ended.notify_all();
  boost::system::error_code ignored;
  output.cancel(ignored);  // read() takes what is left.
}

namespace {

template <class StatePointer>
asio::awaitable<void> attend_end(StatePointer state) {
  const auto [problem] =
      co_await state->pidfd.async_wait(asio::posix::stream_descriptor::wait_read, kTuple);
  if (!problem) state->reap();
}

template <class StatePointer>
asio::awaitable<void> attend_errors(StatePointer state) {
  // Read at one go with the keeping, so that reap() finds nothing on its way.
  while (state->error_output.is_open()) {
    const auto [problem] =
        co_await state->error_output.async_wait(asio::posix::stream_descriptor::wait_read, kTuple);
    if (problem || !state->hear_errors()) co_return;
  }
}

template <class StatePointer>
asio::awaitable<void> attend_input(StatePointer state) {
  while (!state->unsent.empty()) {
    const std::string bytes = std::move(state->unsent.front());
    state->unsent.pop_front();
    const auto [problem, count] =
        co_await asio::async_write(state->input, asio::buffer(bytes), kTuple);
    if (problem) state->unsent.clear();
  }
  state->sending = false;
  boost::system::error_code ignored;
  if (state->input_ends) state->input.shutdown(asio::socket_base::shutdown_send, ignored);
}

template <class StatePointer>
asio::awaitable<void> attend_memory(StatePointer state) {
  while (!state->end) {
    if (resident_bytes(state->process) > state->max_memory_bytes) {
      state->over_memory = true;
      state->kill_group();
      co_return;
    }
    (void)co_await state->ended.wait_until(std::chrono::steady_clock::now() + kMemoryWatch);
  }
}

}  // namespace

ChildProcess::ChildProcess(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(asio::any_io_executor executor,
                                                          ChildCommand command) {
  auto spawned = spawn_child(command);
  if (!spawned) return spawned.error();
  auto state = std::make_shared<State>(executor, std::move(*spawned), command.limits);
  spawn(executor, attend_end(state));
  spawn(executor, attend_errors(state));
  if (address_space_is_unlimited() && state->max_memory_bytes > 0) {
    spawn(executor, attend_memory(state));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(std::move(state)));
}

ChildProcess::~ChildProcess() {
  kill();
  state_->close_pipes();
}

void ChildProcess::send(std::string bytes) {
  if (bytes.empty() || state_->input_ends) return;
  state_->unsent.push_back(std::move(bytes));
  if (std::exchange(state_->sending, true)) return;
  spawn(state_->executor, attend_input(state_));
}

void ChildProcess::close_input() {
  if (std::exchange(state_->input_ends, true) || state_->sending) return;
  boost::system::error_code ignored;
  state_->input.shutdown(asio::socket_base::shutdown_send, ignored);
}

asio::awaitable<Result<std::string>> ChildProcess::read(std::size_t limit) {
  const auto state = state_;
  std::string bytes(std::min<std::size_t>(std::max<std::size_t>(limit, 1), 65'536), '\0');
  if (state->end) co_return state->read_rest(std::move(bytes));
  const auto [problem, count] = co_await state->output.async_read_some(asio::buffer(bytes), kTuple);
  if (problem == asio::error::operation_aborted) {
    if (state->end) co_return state->read_rest(std::move(bytes));
    co_return cancelled();
  }
  // Any other problem is an end, too: there is nothing more to be read.
  bytes.resize(problem ? 0 : count);
  co_return bytes;
}

asio::awaitable<Result<ChildEnd>> ChildProcess::wait() {
  const auto state = state_;
  while (!state->end) {
    const Wake wake = co_await state->ended.wait_until(SteadyTime::max());
    if (wake == Wake::cancelled) co_return cancelled();
  }
  co_return *state->end;
}

bool ChildProcess::has_ended() const noexcept { return state_->end.has_value(); }

void ChildProcess::kill() noexcept {
  if (state_->end) return;
  state_->killed = true;
  state_->kill_group();
}

std::chrono::microseconds ChildProcess::cpu_time() const noexcept {
  clockid_t clock{};
  timespec used{};
  if (state_->end || clock_getcpuclockid(state_->process, &clock) != 0 ||
      clock_gettime(clock, &used) != 0) {
    return std::chrono::microseconds(0);
  }
  return std::chrono::seconds(used.tv_sec) + std::chrono::microseconds(used.tv_nsec / 1'000);
}

void ChildProcess::allow_cpu_time(std::chrono::seconds more) noexcept {
  if (state_->end || state_->max_cpu_time.count() <= 0) return;
  const auto used = std::chrono::duration_cast<std::chrono::seconds>(cpu_time());
  rlimit limit{};
  if (prlimit(state_->process, RLIMIT_CPU, nullptr, &limit) != 0) return;
  const auto until = static_cast<rlim_t>(used.count() + 1 + more.count());
  limit.rlim_cur = std::min(until, limit.rlim_max);
  prlimit(state_->process, RLIMIT_CPU, &limit, nullptr);
}

const std::string& ChildProcess::errors() const noexcept { return state_->errors; }

int ChildProcess::process_id() const noexcept { return state_->process; }

}  // namespace rwp
