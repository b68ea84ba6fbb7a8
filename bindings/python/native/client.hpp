#pragma once

#include "process.hpp"
#include "waiting.hpp"
#include <rwp/jobs/job_store.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace rwp::python {

/// rwp.Client: the blocking way to jobs. The library's own blocking facade cannot be interrupted,
/// so this one stands on the store itself.
class Client final : public Closable {
 public:
  Client(const std::string& url, std::chrono::milliseconds call_timeout);

  void close() noexcept { store_.reset(); }
  void close_at_exit() noexcept override { close(); }

  /// The open store; rwp.Conflict when this is closed, rwp.Unsupported after a fork.
  std::shared_ptr<OpenStore> store() const;
  std::chrono::milliseconds call_timeout() const { return call_timeout_; }

  /// Runs an operation of the store, at most the call timeout and `longer`.
  template <class Operation>
  auto call(Operation operation, std::chrono::milliseconds longer = {}) const {
    const auto store = this->store();
    const SteadyTime deadline = std::chrono::steady_clock::now() + call_timeout_ + longer;
    auto result = wait_released(store->runtime, with_deadline(operation(*store->part), deadline));
    return result;
  }

 private:
  const Process process_;
  const std::chrono::milliseconds call_timeout_;
  std::shared_ptr<OpenStore> store_;
};

/// Opens a job store on a runtime of its own.
std::shared_ptr<OpenStore> open_store(const std::string& url);

void bind_client(py::module_& module, std::shared_ptr<OpenThings> open_things);

}  // namespace rwp::python
