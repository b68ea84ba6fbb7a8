#include "process.hpp"

#include "errors.hpp"
#include "waiting.hpp"

#include <pybind11/pybind11.h>
#include <unistd.h>

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

void release_threads(const Process& process, const std::function<void()>& destroy) {
  if (!process.is_this()) return;
  if (PyGILState_Check() == 0) {
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
  // What is opened last may stand on what was opened first.
  for (auto place = things_.rbegin(); place != things_.rend(); ++place) {
    if (const auto thing = place->lock()) thing->close_at_exit();
  }
  things_.clear();
}

}  // namespace rwp::python
