#include "waiting.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <cxxabi.h>
#include <memory>
#include <semaphore.h>
#include <unistd.h>

namespace rwp::python {
namespace {

/// A signal interrupts the wait at once, but for one that comes just before it begins: that one is
/// seen so much later.
constexpr std::chrono::milliseconds kSignalLook{100};

/// What the waiting thread and the operation's end share.
struct Ended {
  Ended() { sem_init(&semaphore, 0, 0); }
  ~Ended() { sem_destroy(&semaphore); }
  Ended(const Ended&) = delete;
  Ended& operator=(const Ended&) = delete;

  /// False: a signal came, or the look is due.
  bool wait(bool look_for_signals) {
    if (!look_for_signals) {
      while (sem_wait(&semaphore) != 0) {
      }
      return true;
    }
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += std::chrono::nanoseconds(kSignalLook).count();
    if (until.tv_nsec >= 1'000'000'000) {
      until.tv_nsec -= 1'000'000'000;
      ++until.tv_sec;
    }
    return sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until) == 0;
  }

  sem_t semaphore{};
  std::optional<Error> failed{};
};

/// Python runs signal handlers in its main thread only; a fork may make another one that.
bool in_main_thread() {
  static pid_t known_process = 0;  // Under the GIL, as all here.
  static unsigned long main_thread = 0;
  if (known_process != getpid()) {
    const py::object main = py::module_::import("threading").attr("main_thread")();
    main_thread = py::cast<unsigned long>(main.attr("ident"));
    known_process = getpid();
  }
  return main_thread == PyThread_get_thread_ident();
}

[[noreturn]] void sleep_for_good() {
  for (;;) pause();
}

}  // namespace

// The interpreter may have ended and want this thread gone, by unwinding it. That would run
// destructors that touch Python's objects, and end the process in a catch (...) on the way.

void take_gil(PyThreadState* state) {
  try {
    PyEval_RestoreThread(state);
  } catch (abi::__forced_unwind&) {
    sleep_for_good();
  }
}

void take_first_gil() {
  try {
    PyGILState_Ensure();
  } catch (abi::__forced_unwind&) {
    sleep_for_good();
  }
}

PyObject* call_function(PyObject* function, PyObject* arguments, PyObject* keywords) {
  try {
    return PyObject_Call(function, arguments, keywords);
  } catch (abi::__forced_unwind&) {
    sleep_for_good();
  }
}

py::object called(const py::object& function, const py::tuple& arguments,
                  const py::dict& keywords) {
  PyObject* const answer = call_function(function.ptr(), arguments.ptr(), keywords.ptr());
  if (answer == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(answer);
}

GilReleased::~GilReleased() { take_gil(state_); }

std::optional<Error> wait_released(const boost::asio::any_io_executor& executor,
                                   boost::asio::awaitable<void> operation) {
  const bool look = in_main_thread();
  const auto ended = std::make_shared<Ended>();
  auto done = [ended](std::exception_ptr thrown) {
    if (thrown) ended->failed = detail::from_exception(thrown);
    sem_post(&ended->semaphore);
  };
  std::optional<py::error_already_set> raised;
  {
    std::optional<GilReleased> released(std::in_place);
    Task task(executor, std::move(operation), std::move(done));
    while (!ended->wait(look && !raised)) {
      released.reset();
      if (PyErr_CheckSignals() != 0) {
        raised.emplace();
        task.cancel();
      }
      released.emplace();
    }
  }
  if (raised) throw std::move(*raised);
  return ended->failed;
}

bool poll_released(const std::function<bool(SteadyTime deadline)>& wait_until,
                   SteadyTime deadline) {
  const bool look = in_main_thread();
  for (;;) {
    bool done = false;
    SteadyTime until = deadline;
    {
      const GilReleased released;
      const SteadyTime now = std::chrono::steady_clock::now();
      if (look) until = std::min(deadline, now + kSignalLook);
      done = wait_until(until);
    }
    if (look && PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (done) return true;
    if (until == deadline) return false;
  }
}

}  // namespace rwp::python
