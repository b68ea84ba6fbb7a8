#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <pybind11/pybind11.h>
#include <utility>

/// Waits that let other Python threads run, and that Ctrl-C ends.
namespace rwp::python {

namespace py = pybind11;

/// Gives the GIL away while it lives. A thread that would take it back from an interpreter that has
/// ended sleeps instead, until the process is gone.
class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  ~GilReleased();
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* const state_;
};

/// Takes the GIL back with `state`; see GilReleased.
void take_gil(PyThreadState* state);
/// Takes it on a thread that Python does not know yet; PyGILState_Release() ends that.
void take_first_gil();
/// Calls `function` with a tuple of arguments and a dict of keywords, or null; null: it raised. As
/// take_gil() where it gives the GIL away.
PyObject* call_function(PyObject* function, PyObject* arguments, PyObject* keywords = nullptr);
/// As call_function(); what it raised is thrown.
py::object called(const py::object& function, const py::tuple& arguments,
                  const py::dict& keywords = py::dict());

/// Runs `operation` on the executor and waits for it without the GIL. In Python's main thread a
/// signal whose handler raises (KeyboardInterrupt) cancels the operation, and is thrown once that
/// has ended. Otherwise what the operation threw, as an Error.
std::optional<Error> wait_released(const boost::asio::any_io_executor& executor,
                                   boost::asio::awaitable<void> operation);

/// As above, with the operation's result.
template <class T>
Result<T> wait_released(Runtime& runtime, boost::asio::awaitable<Result<T>> operation) {
  std::optional<Result<T>> result;
  auto kept = detail::keep_result(std::move(operation), &result);
  if (auto failed = wait_released(runtime.executor(), std::move(kept))) return *failed;
  return std::move(*result);
}

/// Calls `wait_until` without the GIL, again and again with a deadline that is near in Python's
/// main thread, until it answers true or `deadline` has come. A signal whose handler raises is
/// thrown.
bool poll_released(const std::function<bool(SteadyTime deadline)>& wait_until, SteadyTime deadline);

}  // namespace rwp::python
