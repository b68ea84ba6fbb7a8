#include "context.hpp"

#include "convert.hpp"
#include "errors.hpp"
#include "imported.hpp"
#include "job_types.hpp"
#include "waiting.hpp"
#include <rwp/core/utf8.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rwp::python {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kLongestNote = 1'024;

Imported judge("rwp._outcomes", "judge");

const char* stop_name(jobs::StopReason reason) {
  switch (reason) {
    case jobs::StopReason::none:
      return nullptr;
    case jobs::StopReason::cancelled:
      return "cancelled";
    case jobs::StopReason::timed_out:
      return "timed_out";
    case jobs::StopReason::lease_lost:
      return "lease_lost";
    case jobs::StopReason::drain:
      break;
  }
  return "drain";
}

/// The library's context while the handler runs; Python may keep this object for longer.
class Context {
 public:
  explicit Context(jobs::JobContext& run) : run_(&run) {}

  jobs::JobContext& run() const {
    if (run_ == nullptr) {
      raise(Error(Errc::conflict, "the run that this rwp.JobContext was of has ended"));
    }
    return *run_;
  }
  void end() { run_ = nullptr; }

  py::object payload() {
    if (!payload_) payload_ = from_json_text(run().job().payload);
    return payload_;
  }

 private:
  jobs::JobContext* run_;
  py::object payload_{};
};

py::object deadline_of(const Context& self) {
  const auto deadline = self.run().deadline();
  if (deadline == std::chrono::steady_clock::time_point::max()) return py::none();
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
      deadline - std::chrono::steady_clock::now());
  return to_datetime(std::chrono::system_clock::now() + left);
}

void report_progress(const Context& self, py::handle fraction, py::handle note) {
  if ((!PyFloat_Check(fraction.ptr()) && !PyLong_Check(fraction.ptr())) ||
      PyBool_Check(fraction.ptr())) {
    raise_invalid("fraction", "must be a number");
  }
  const auto value = py::cast<double>(fraction);
  if (!(value >= 0 && value <= 1)) raise_invalid("fraction", "must be 0 to 1");
  std::string text = to_text("note", note);
  if (text.size() > kLongestNote) text.resize(kLongestNote);
  while (!is_valid_utf8(text)) text.pop_back();  // Cut within a character: three bytes at most.
  self.run().progress(value, std::move(text));
}

void emit(const Context& self, py::handle topic, py::handle body, py::handle id) {
  OutboxMessage message;
  message.topic = to_text("topic", topic);
  message.body = to_json_text("body", body);
  if (!id.is_none()) message.id = to_id("id", id);
  self.run().emit(std::move(message));
}

void check(const Context& self) {
  const char* reason = stop_name(self.run().stop_reason());
  if (reason == nullptr) return;
  raise(Error(Errc::cancelled, std::string("the run was told to stop: ") + reason));
}

/// What the exception that Python has set means for the job.
Result<JsonText> judged(jobs::JobContext& context) {
  const py::error_already_set raised;
  const py::tuple arguments = py::make_tuple(raised.value(), to_str(context.job().kind),
                                             context.id().to_string(), context.attempt_number());
  const auto verdict = py::cast<py::tuple>(called(judge.get(), arguments));
  const auto action = py::cast<std::string>(verdict[0]);
  const milliseconds delay(py::cast<std::int64_t>(verdict[4]));
  if (action == "snooze") return context.snooze(delay);
  if (action == "park") return context.park(py::cast<std::string>(verdict[5]), delay);
  if (action == "hand_back") return context.hand_back();
  const Error error =
      Error(errc_from_string(py::cast<std::string>(verdict[1])), py::cast<std::string>(verdict[2]))
          .with_retryable(py::cast<bool>(verdict[3]));
  return delay.count() > 0 ? error.with_retry_after(delay) : error;
}

/// The context ends with the run, however that ends.
class Ending {
 public:
  explicit Ending(Context& context) : context_(context) {}
  ~Ending() { context_.end(); }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  Context& context_;
};

Result<JsonText> call_handler(PyObject* function, jobs::JobContext& context) {
  const py::object seen = py::cast(std::make_unique<Context>(context));
  const Ending ending(py::cast<Context&>(seen));
  const py::tuple arguments = py::make_tuple(seen);
  PyObject* const answer = call_function(function, arguments.ptr());
  if (answer == nullptr) return judged(context);
  const auto owned = py::reinterpret_steal<py::object>(answer);
  try {
    return to_json_text("result", owned);
  } catch (py::error_already_set& refused) {
    refused.restore();
    return judged(context);
  }
}

}  // namespace

Result<JsonText> run_handler(PyObject* function, jobs::JobContext& context) {
  try {
    return call_handler(function, context);
  } catch (const std::exception& failed) {
    // Only Python out of memory, or an exception that no text can be made of, comes here.
    return Error(Errc::internal, std::string("the handler's end cannot be read: ") +
                                     std::string(failed.what()).substr(0, 200));
  }
}

void bind_context(py::module_& module) {
  py::class_<Context> cls(module, "JobContext",
                          "What a handler sees of its job, and says about it; until the handler "
                          "returns, not beyond.\n\n"
                          "Safe to share between the handler's threads; no call waits.");
  cls.def_property_readonly("id", [](const Context& self) { return self.run().id().to_string(); });
  cls.def_property_readonly("kind",
                            [](const Context& self) { return to_str(self.run().job().kind); });
  cls.def_property_readonly("version",
                            [](const Context& self) { return self.run().job().version; });
  cls.def_property_readonly("queue",
                            [](const Context& self) { return to_str(self.run().job().queue); });
  cls.def_property_readonly("payload", &Context::payload);
  cls.def_property_readonly(
      "attempt", [](const Context& self) { return self.run().attempt_number(); }, "From 1.");
  cls.def_property_readonly("max_attempts",
                            [](const Context& self) { return self.run().job().max_attempts; });
  cls.def_property_readonly(
      "run_token", [](const Context& self) { return self.run().run_token(); },
      "Raised with every dispatch of the job: use it in conditions and idempotency headers, so "
      "that an older run that still lives cannot overwrite this one's effects.");
  cls.def_property_readonly("tenant", [](const Context& self) -> py::object {
    const std::string& tenant = self.run().job().tenant;
    return tenant.empty() ? py::object(py::none()) : py::object(to_str(tenant));
  });
  cls.def_property_readonly(
      "traceparent",
      [](const Context& self) { return to_str(self.run().trace().to_traceparent()); },
      "W3C traceparent of this run, to send on.");
  cls.def_property_readonly(
      "created_at", [](const Context& self) { return to_datetime(self.run().job().created_at); });
  cls.def_property_readonly("deadline", &deadline_of, "When the run is stopped; None: never.");
  cls.def_property_readonly(
      "cancelled", [](const Context& self) { return self.run().stop_requested(); },
      "Whether the run was told to stop, for whatever reason; look at it in long work.");
  cls.def_property_readonly(
      "stop_reason", [](const Context& self) { return stop_name(self.run().stop_reason()); },
      "None, 'cancelled', 'timed_out', 'lease_lost' or 'drain' (the worker is to end).");
  cls.def("check", &check, "Raises rwp.Cancelled when the run was told to stop.");
  cls.def_property_readonly(
      "cursor",
      [](const Context& self) -> py::object {
        const auto& cursor = self.run().job().cursor;
        return cursor ? from_json_text(*cursor) : py::none();
      },
      "What an earlier run saved to continue from.");
  cls.def_property_readonly(
      "resume",
      [](const Context& self) -> py::object {
        const auto& resume = self.run().job().resume;
        if (!resume) return py::none();
        // The run may end while Python reads the value: the key comes first.
        const py::str key = to_str(resume->key);
        return py::make_tuple(key, resume->value ? from_json_text(*resume->value) : py::none());
      },
      "(key, value) that a parked job was woken with; the value is None when its time was over.");
  cls.def("progress", &report_progress, py::arg("fraction"), py::arg("note") = "",
          "Says how far the work is, 0 to 1, and counts as a sign of life. Written with the next "
          "batch; the last of several wins.");
  cls.def(
      "save_cursor",
      [](const Context& self, py::handle cursor) {
        self.run().save_cursor(to_json_text("cursor", cursor));
      },
      py::arg("cursor"), "Saves what a later run of this job continues from; 64 KiB at most.");
  with_job_parameters([&cls](const auto&... parameters) {
    cls.def("submit", taking_job<const Context>([](const Context& self, jobs::NewJob job) {
              return self.run().submit(std::move(job)).to_string();
            }),
            parameters...,
            "Adds a job to be inserted with this run's completion, as one unit with it, and gives "
            "the id that it will have. See Client.submit() for the keywords.");
  });
  cls.def("emit", &emit, py::arg("topic"), py::arg("body"), py::kw_only(),
          py::arg("id") = py::none(),
          "Adds a message to be delivered after this run's completion, at least once.");
}

}  // namespace rwp::python
