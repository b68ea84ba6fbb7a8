#include "process.hpp"

#include "errors.hpp"
#include "waiting.hpp"

#include <algorithm>
#include <pybind11/pybind11.h>
#include <unistd.h>
#include <utility>

namespace rwp::python {

Process::Process() : id_(getpid()) {}

bool Process::is_this() const { return id_ == getpid(); }

void Process::check(std::string_view thing) const {
  if (is_this()) return;
  raise(Error(Errc::unsupported,
              std::string(thing) + " was made in process " + std::to_string(id_) +
                  " and cannot be used after the fork, in process " + std::to_string(getpid()) +
                  ": a fork copies none of its threads. Make it in the child, or start the child "
                  "with multiprocessing's method 'spawn'"));
}

namespace {

/// PyGILState_Check() says yes to everybody once there has been a sub-interpreter.
bool holds_gil() {
  PyThreadState* const own = PyGILState_GetThisThreadState();
  return own != nullptr && own == _PyThreadState_UncheckedGet();
}

}  // namespace

void release_threads(const Process& process, const std::function<void()>& destroy) {
  if (!process.is_this()) return;
  if (!holds_gil()) {
    destroy();
    return;
  }
  const GilReleased released;
  destroy();
}

void OpenThings::add(const std::shared_ptr<Closable>& thing) {
  std::erase_if(things_, [](const std::weak_ptr<Closable>& one) { return one.expired(); });
  things_.push_back(thing);
}

void OpenThings::close_all() noexcept {
  // Closing lets other threads run, and they may add more.
  auto things = std::exchange(things_, {});
  // What is opened last may stand on what was opened first.
  std::reverse(things.begin(), things.end());
  for (const std::weak_ptr<Closable>& one : things) {
    if (const auto thing = one.lock()) thing->close_at_exit();
  }
}

}  // namespace rwp::python
