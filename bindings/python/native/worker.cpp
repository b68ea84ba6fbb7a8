#include "worker.hpp"

#include "client.hpp"
#include "context.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "interpreter_lock.hpp"
#include "job_types.hpp"
#include "waiting.hpp"
#include <rwp/jobs/worker.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace rwp::python {
namespace {

using std::chrono::milliseconds;

/// What an interpreter's end, or a worker that is dropped while it runs, leaves handlers for
/// coming to theirs.
constexpr milliseconds kExitGrace{5'000};
/// And then for taking note that they were told to stop.
constexpr milliseconds kLastGrace{2'000};

/// The parts with threads, in the order in which they are made.
struct Engine {
  Engine(std::shared_ptr<OpenStore> opened, RuntimeOptions runtime)
      : store(std::move(opened)), handlers(std::move(runtime)) {}

  std::shared_ptr<OpenStore> store;
  Runtime handlers;
  std::atomic<int> in_handlers = 0;
  std::optional<jobs::Worker> worker{};
};

/// What a worker is made of; kept, and dropped with the GIL, by every call that uses it.
struct Parts {
  std::vector<py::function> functions{};  // Dropped after the engine, whose threads call them.
  std::shared_ptr<Engine> engine{};
};

class Worker final : public Closable {
 public:
  Worker(std::shared_ptr<OpenStore> store, jobs::WorkerOptions options) {
    RuntimeOptions runtime;
    runtime.name = "rwp-handlers";
    runtime.blocking_threads = static_cast<unsigned>(options.concurrency);
    parts_->engine = make_threaded<Engine>(std::move(store), std::move(runtime));
    options.blocking_scope = &hold_interpreter;
    Engine& engine = *parts_->engine;
    engine.worker.emplace(engine.store->part, engine.handlers, std::move(options));
  }
  ~Worker() override { close_at_exit(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void add(const std::string& kind, py::function function, jobs::HandlerOptions options) {
    const auto parts = this->parts();
    Engine& engine = *parts->engine;
    if (started_) raise(Error(Errc::conflict, "handlers are added before the worker starts"));
    if (!kinds_.insert(kind).second) {
      raise(Error(Errc::already_exists, "kind " + kind + " has a handler already"));
    }
    // Kept by the parts for as long as a handler may run; copies of this lambda are made and
    // dropped without the GIL.
    auto handler = [called = function.ptr(), in = &engine.in_handlers](jobs::JobContext& context) {
      ++*in;
      auto result = run_handler(called, context);
      --*in;
      return result;
    };
    engine.worker->handle_blocking(kind, std::move(handler), options);
    parts->functions.push_back(std::move(function));
  }

  void start() {
    const auto parts = this->parts();
    if (kinds_.empty()) raise_invalid("worker", "needs a handler; see Worker.handler()");
    if (started_) raise(Error(Errc::conflict, "a worker starts once"));
    started_ = true;
    // It waits for nothing, and with the GIL no other call can see it half begun.
    parts->engine->worker->start();
  }

  void stop() { parts()->engine->worker->stop(); }

  bool wait_stopped(py::handle timeout) {
    SteadyTime deadline = SteadyTime::max();
    if (!timeout.is_none()) {
      deadline = std::chrono::steady_clock::now() + to_milliseconds("timeout", timeout);
    }
    const auto parts = this->parts();
    jobs::Worker& worker = *parts->engine->worker;
    return poll_released(
        [&worker](SteadyTime until) { return worker.wait_stopped(until).has_value(); }, deadline);
  }

  py::dict statistics() {
    const jobs::WorkerStatistics now = parts()->engine->worker->statistics();
    py::dict all;
    all["started"] = now.started;
    all["succeeded"] = now.succeeded;
    all["failed"] = now.failed;
    all["refused"] = now.refused;
    all["running"] = now.running;
    all["prefetched"] = now.prefetched;
    return all;
  }

  /// Stops what still runs, within some seconds. A handler that does not end even then keeps its
  /// thread, and all that this stands on, until the process is gone.
  void close_at_exit() noexcept override {
    const auto parts = parts_;
    if (!parts) return;
    if (!process_.is_this()) return forget();
    if (started_) end_engine(*parts->engine);
    if (parts_ != parts) return;  // Another thread closed it meanwhile.
    if (parts->engine->in_handlers == 0) return parts_.reset();
    forget();
    PyErr_WarnEx(PyExc_RuntimeWarning,
                 "rwp: a handler did not end when its worker was closed; its job runs again, and "
                 "its thread stays",
                 1);
    PyErr_Clear();
  }

 private:
  std::shared_ptr<Parts> parts() const {
    process_.check("this rwp.Worker");
    if (!parts_) raise(Error(Errc::conflict, "this rwp.Worker is closed"));
    return parts_;
  }

  static void end_engine(Engine& engine) {
    const GilReleased released;
    jobs::Worker& worker = *engine.worker;
    worker.stop();
    if (worker.wait_stopped(std::chrono::steady_clock::now() + kExitGrace)) return;
    worker.stop();
    const SteadyTime last = std::chrono::steady_clock::now() + kLastGrace;
    (void)worker.wait_stopped(last);
    // Given up by the worker; only its threads are waited for.
    while (engine.in_handlers > 0 && std::chrono::steady_clock::now() < last) {
      std::this_thread::sleep_for(milliseconds(5));
    }
  }

  /// Leaves everything where it is, for good: threads may use it, or it is another process's.
  void forget() {
    auto kept = std::make_unique<std::shared_ptr<Parts>>(std::move(parts_));
    (void)kept.release();
  }

  const Process process_;
  std::shared_ptr<Parts> parts_ = std::make_shared<Parts>();
  std::set<std::string> kinds_;
  bool started_ = false;
};

std::size_t to_count(std::string_view field, py::handle number, std::size_t least,
                     std::size_t most) {
  const long long value = PyLong_Check(number.ptr()) && !PyBool_Check(number.ptr())
                              ? PyLong_AsLongLong(number.ptr())
                              : -1;
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  if (value < static_cast<long long>(least) || value > static_cast<long long>(most)) {
    raise_invalid(field,
                  "must be an int of " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<std::size_t>(value);
}

observability::Logger to_logger(py::handle level) {
  if (level.is_none()) return {};
  const std::string name = to_text("log_level", level);
  observability::LogOptions options;
  if (name == "debug") {
    options.level = observability::LogLevel::debug;
  } else if (name == "info") {
    options.level = observability::LogLevel::info;
  } else if (name == "warn") {
    options.level = observability::LogLevel::warn;
  } else if (name == "error") {
    options.level = observability::LogLevel::error;
  } else {
    raise_invalid("log_level", "must be debug, info, warn, error or None");
  }
  return observability::Logger(observability::make_stderr_log_sink(options));
}

std::shared_ptr<OpenStore> to_store(py::handle store) {
  if (py::isinstance<Client>(store)) return py::cast<const Client&>(store).store();
  if (!PyUnicode_Check(store.ptr())) raise_invalid("store", "must be a URL or an rwp.Client");
  return open_store(to_text("store", store));
}

}  // namespace

void bind_worker(py::module_& module, std::shared_ptr<OpenThings> open_things) {
  bind_context(module);
  py::class_<Worker, std::shared_ptr<Worker>>(module, "Worker", "See rwp.Worker.")
      .def(py::init([open_things](py::handle store, py::handle name, py::handle queues,
                                  py::handle concurrency, py::handle max_prefetch, py::handle lease,
                                  py::handle drain_grace, py::handle stop_grace,
                                  py::handle log_level) {
             jobs::WorkerOptions options;
             options.name = to_text("name", name);
             options.queues = to_texts("queues", queues);
             options.concurrency = to_count("concurrency", concurrency, 1, 1'000);
             options.max_prefetch = to_count("max_prefetch", max_prefetch, 0, 10'000);
             options.lease = to_milliseconds("lease", lease);
             options.drain_grace = to_milliseconds("drain_grace", drain_grace);
             options.stop_grace = to_milliseconds("stop_grace", stop_grace);
             options.log = to_logger(log_level);
             auto worker = std::make_shared<Worker>(to_store(store), std::move(options));
             open_things->add(worker);
             return worker;
           }),
           py::arg("store"), py::kw_only(), py::arg("name"), py::arg("queues"),
           py::arg("concurrency"), py::arg("max_prefetch"), py::arg("lease"),
           py::arg("drain_grace"), py::arg("stop_grace"), py::arg("log_level"))
      .def(
          "add",
          [](Worker& self, py::handle kind, py::function function, py::handle min_version,
             py::handle max_version, py::handle timeout, py::handle progress_deadline,
             py::handle max_concurrent, py::handle backoff, py::handle backoff_cap) {
            jobs::HandlerOptions options;
            options.min_version =
                static_cast<int>(to_count("min_version", min_version, 1, 1'000'000));
            options.max_version =
                static_cast<int>(to_count("max_version", max_version, 1, 1'000'000));
            options.timeout = to_milliseconds("timeout", timeout);
            options.progress_deadline = to_milliseconds("progress_deadline", progress_deadline);
            options.max_concurrent = to_count("max_concurrent", max_concurrent, 0, 1'000);
            options.backoff.base = to_milliseconds("backoff", backoff);
            options.backoff.cap = to_milliseconds("backoff_cap", backoff_cap);
            self.add(to_text("kind", kind), std::move(function), options);
          },
          py::arg("kind"), py::arg("function"), py::kw_only(), py::arg("min_version"),
          py::arg("max_version"), py::arg("timeout"), py::arg("progress_deadline"),
          py::arg("max_concurrent"), py::arg("backoff"), py::arg("backoff_cap"))
      .def("start", &Worker::start)
      .def("stop", &Worker::stop)
      .def("wait_stopped", &Worker::wait_stopped, py::arg("timeout") = py::none())
      .def("statistics", &Worker::statistics)
      .def("close", &Worker::close_at_exit);
}

}  // namespace rwp::python
