#include "interpreter_lock.hpp"

#include "waiting.hpp"

#include <pybind11/pybind11.h>

namespace rwp::python {
namespace {

/// What Python knows of a thread of the handlers' pool; goes with the thread.
class PoolThread {
 public:
  PoolThread() = default;
  ~PoolThread() {
    if (state_ == nullptr) return;
    take_gil(state_);
    PyGILState_Release(PyGILState_UNLOCKED);  // The last: the state goes.
  }
  PoolThread(const PoolThread&) = delete;
  PoolThread& operator=(const PoolThread&) = delete;

  void enter() {
    if (state_ != nullptr) return take_gil(state_);
    take_first_gil();
    state_ = PyGILState_GetThisThreadState();
  }
  static void leave() { PyEval_SaveThread(); }

 private:
  PyThreadState* state_ = nullptr;
};

PoolThread& this_thread() {
  thread_local PoolThread thread;
  return thread;
}

}  // namespace

std::shared_ptr<void> hold_interpreter() {
  this_thread().enter();
  return {static_cast<void*>(&this_thread()), [](void*) { PoolThread::leave(); }};
}

}  // namespace rwp::python
