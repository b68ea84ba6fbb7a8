#include "client.hpp"

#include "convert.hpp"
#include "errors.hpp"
#include "imported.hpp"
#include "job_iterator.hpp"
#include "job_types.hpp"
#include <rwp/builtin_schemes.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace rwp::python {
namespace {

using std::chrono::milliseconds;

/// Jobs of one transaction; longer submits are cut into such.
constexpr std::size_t kSubmitLot = 1'000;
/// Beyond this a wait is as good as for ever, and adding it to a clock cannot overflow.
constexpr milliseconds kLongestWait{std::chrono::hours(24 * 3650)};

Imported invalid_argument("rwp._errors", "InvalidArgument");

/// The one answer to a call about one item.
template <class T>
T single(jobs::PerItem<T> answers) {
  return value_or_raise(std::move(value_or_raise(std::move(answers)).front()));
}

milliseconds wait_or_ever(py::handle timeout) {
  if (timeout.is_none()) return kLongestWait;
  return std::min(to_milliseconds("timeout", timeout), kLongestWait);
}

jobs::NewJob to_new_job(py::handle item) {
  if (py::isinstance<jobs::NewJob>(item)) return py::cast<const jobs::NewJob&>(item);
  if (PyTuple_Check(item.ptr()) && PyTuple_GET_SIZE(item.ptr()) == 2) {
    jobs::NewJob job;
    job.kind = to_text("kind", PyTuple_GET_ITEM(item.ptr(), 0));
    job.payload = to_json_text("payload", PyTuple_GET_ITEM(item.ptr(), 1));
    return job;
  }
  PyErr_SetString(PyExc_TypeError, "jobs: must be NewJob or (kind, payload)");
  throw py::error_already_set();
}

/// The jobs of one submit_many(), a lot at a time.
class Lots {
 public:
  explicit Lots(const Client& client) : client_(client) { jobs_.reserve(kSubmitLot); }

  void add(py::handle item) {
    try {
      jobs_.push_back(to_new_job(item));
    } catch (const py::error_already_set& raised) {
      // A payload that JSON cannot hold fails alone, like any other field.
      if (!raised.matches(invalid_argument_)) throw;
      answers_.append(raised.value());
      return;
    }
    places_.push_back(answers_.size());
    answers_.append(py::none());
    if (jobs_.size() == kSubmitLot) send();
  }

  py::list finish() {
    if (!jobs_.empty()) send();
    return answers_;
  }

 private:
  void send() {
    auto result = client_.call([jobs = std::exchange(jobs_, {})](jobs::JobStore& store) mutable {
      return store.insert(std::move(jobs));
    });
    if (!result) {
      const py::object exception = to_exception(result.error());
      exception.attr("answers") = answers_;
      raise(exception);
    }
    for (std::size_t i = 0; i < result->size(); ++i) {
      Result<jobs::Inserted>& answer = (*result)[i];
      answers_[places_[i]] = answer ? py::cast(*answer) : to_exception(answer.error());
    }
    places_.clear();
    jobs_.reserve(kSubmitLot);
  }

  const Client& client_;
  const py::object invalid_argument_ = invalid_argument.get();
  py::list answers_{};
  std::vector<jobs::NewJob> jobs_{};
  /// Where in the answers those of `jobs_` belong.
  std::vector<std::size_t> places_{};
};

py::list submit_many(const Client& client, const py::iterable& items) {
  Lots lots(client);
  for (const py::handle item : items) lots.add(item);
  return lots.finish();
}

std::vector<Uuid> to_ids(const py::iterable& ids) {
  std::vector<Uuid> all;
  for (const py::handle id : ids) all.push_back(to_id("ids", id));
  return all;
}

jobs::Job wait_for(const Client& client, py::handle id, py::handle timeout) {
  const milliseconds longest = wait_or_ever(timeout);
  const std::vector<Uuid> ids{to_id("id", id)};
  // The store keeps the deadline itself; the call's own limit is for the look that it then takes.
  const SteadyTime deadline = std::chrono::steady_clock::now() + longest;
  jobs::Job job = single(client.call(
      [&](jobs::JobStore& store) { return store.wait_for_end(ids, deadline); }, longest));
  if (has_ended(job.state)) return job;
  raise(Error(Errc::deadline_exceeded, "job " + job.id.to_string() +
                                           " has not ended in time; it is " +
                                           std::string(enum_name(job.state))));
}

py::object result_of(const Client& client, py::handle id, py::handle timeout) {
  const jobs::Job job = wait_for(client, id, timeout);
  if (job.state == jobs::JobState::succeeded)
    return from_json_text(job.result.value_or(JsonText()));
  const std::string name = "job " + job.id.to_string();
  if (job.state == jobs::JobState::cancelled)
    raise(Error(Errc::cancelled, name + " was cancelled"));
  // Asking again cannot help, whatever the attempt's own error said: the job has ended.
  if (job.errors.empty()) raise(Error(Errc::internal, name + " failed").with_retryable(false));
  const jobs::JobError& last = job.errors.back();
  raise(Error(errc_from_string(last.code), last.message).with_retryable(false).with_context(name));
}

py::list wait_all(const Client& client, const py::iterable& ids, py::handle timeout) {
  const milliseconds longest = wait_or_ever(timeout);
  const std::vector<Uuid> wanted = to_ids(ids);
  const SteadyTime deadline = std::chrono::steady_clock::now() + longest;
  auto jobs = value_or_raise(client.call(
      [&](jobs::JobStore& store) { return store.wait_for_end(wanted, deadline); }, longest));
  py::list all;
  for (auto& job : jobs) all.append(job ? py::cast(std::move(*job)) : to_exception(job.error()));
  return all;
}

const char* cancel_name(jobs::CancelOutcome outcome) {
  switch (outcome) {
    case jobs::CancelOutcome::cancelled:
      return "cancelled";
    case jobs::CancelOutcome::requested:
      return "requested";
    case jobs::CancelOutcome::already_ended:
      break;
  }
  return "already_ended";
}

/// A function of Python's that takes a filter's keywords and calls `function(Client&, JobFilter)`.
template <class Function>
auto taking_filter(Function function) {
  return [function](const std::shared_ptr<Client>& self, py::handle states, py::handle queue,
                    py::handle kind, py::handle tag, py::handle tenant, py::handle created_from,
                    py::handle created_before) {
    jobs::JobFilter filter;
    if (!states.is_none()) filter.states = to_states("states", states);
    if (!queue.is_none()) filter.queue = to_text("queue", queue);
    if (!kind.is_none()) filter.kind = to_text("kind", kind);
    if (!tag.is_none()) filter.tag = to_text("tag", tag);
    if (!tenant.is_none()) filter.tenant = to_text("tenant", tenant);
    if (!created_from.is_none()) filter.created_from = to_time_point("created_from", created_from);
    if (!created_before.is_none()) {
      filter.created_before = to_time_point("created_before", created_before);
    }
    return function(self, std::move(filter));
  };
}

template <class Class, class Function>
void def_with_filter(Class& cls, const char* name, Function function, const char* documentation) {
  const py::none none;
  cls.def(name, taking_filter(function), py::kw_only(), py::arg("states") = none,
          py::arg("queue") = none, py::arg("kind") = none, py::arg("tag") = none,
          py::arg("tenant") = none, py::arg("created_from") = none,
          py::arg("created_before") = none, documentation);
}

void bind_operators_calls(py::class_<Client, std::shared_ptr<Client>>& cls) {
  cls.def(
      "cancel",
      [](const Client& self, py::handle id) {
        const Uuid wanted = to_id("id", id);
        return cancel_name(
            single(self.call([&](jobs::JobStore& store) { return store.cancel({wanted}); })));
      },
      py::arg("id"),
      "'cancelled': it will not start; 'requested': it runs, and its handler is told; "
      "'already_ended'.");
  cls.def(
      "retry",
      [](const Client& self, py::handle id) {
        const Uuid wanted = to_id("id", id);
        return to_str(enum_name(
            single(self.call([&](jobs::JobStore& store) { return store.retry({wanted}); }))));
      },
      py::arg("id"),
      "Puts a failed or cancelled job back to ready, its attempts at zero; answers its state.");
  cls.def(
      "set_priority",
      [](const Client& self, py::handle id, py::handle priority) {
        const Uuid wanted = to_id("id", id);
        const jobs::Priority level = to_priority(priority);
        return to_str(enum_name(single(self.call(
            [&](jobs::JobStore& store) { return store.set_priority({wanted}, level); }))));
      },
      py::arg("id"), py::arg("priority"), "Of a job that waits; answers its state.");
  cls.def(
      "unpark",
      [](const Client& self, py::handle id, py::handle key, py::handle value) {
        const std::vector<jobs::UnparkRequest> requests{{.id = to_id("id", id),
                                                         .key = to_text("key", key),
                                                         .value = to_json_text("value", value)}};
        return to_str(enum_name(
            single(self.call([&](jobs::JobStore& store) { return store.unpark(requests); }))));
      },
      py::arg("id"), py::arg("key"), py::arg("value") = py::none(),
      "Resumes a parked job, once, whoever wins; answers its state.");
  def_with_filter(
      cls, "cancel_where",
      [](const std::shared_ptr<Client>& self, jobs::JobFilter filter) {
        return value_or_raise(self->call(
            [&](jobs::JobStore& store) { return store.cancel_where(std::move(filter)); }));
      },
      "Cancels the open jobs that match; answers how many.");
  def_with_filter(
      cls, "retry_where",
      [](const std::shared_ptr<Client>& self, jobs::JobFilter filter) {
        return value_or_raise(self->call(
            [&](jobs::JobStore& store) { return store.retry_where(std::move(filter)); }));
      },
      "As retry(), for the failed and cancelled jobs that match; answers how many.");
  cls.def(
      "pause",
      [](const Client& self, py::handle queue) {
        const std::string name = to_text("queue", queue);
        value_or_raise(self.call([&](jobs::JobStore& store) { return store.pause(name); }));
      },
      py::arg("queue"), "Nothing new starts from a paused queue; what runs goes on.");
  cls.def(
      "resume",
      [](const Client& self, py::handle queue) {
        const std::string name = to_text("queue", queue);
        value_or_raise(self.call([&](jobs::JobStore& store) { return store.resume(name); }));
      },
      py::arg("queue"));
  cls.def(
      "counts",
      [](const Client& self) {
        const auto queues =
            value_or_raise(self.call([](jobs::JobStore& store) { return store.counts(); }));
        py::dict all;
        for (const jobs::QueueCounts& queue : queues) {
          py::dict states;
          for (std::size_t i = 0; i < queue.states.size(); ++i) {
            states[to_str(enum_name(static_cast<jobs::JobState>(i)))] = queue.states[i];
          }
          all[to_str(queue.queue)] = states;
        }
        return all;
      },
      "{queue: {state: number of jobs}}, of every queue that has had a job.");
}

}  // namespace

std::shared_ptr<OpenStore> open_store(const std::string& url) {
  RuntimeOptions options;
  options.name = "rwp-python";
  auto opened = make_threaded<OpenStore>(std::move(options));
  auto store = [&] {
    const GilReleased released;
    return builtin_schemes().open<jobs::JobStore>(url, opened->runtime);
  }();
  opened->part = value_or_raise(std::move(store));
  return opened;
}

Client::Client(const std::string& url, milliseconds call_timeout)
    : call_timeout_(call_timeout), store_(open_store(url)) {}

std::shared_ptr<OpenStore> Client::store() const {
  process_.check("this rwp.Client");
  if (!store_) raise(Error(Errc::conflict, "this rwp.Client is closed"));
  return store_;
}

void bind_client(py::module_& module, std::shared_ptr<OpenThings> open_things) {
  bind_job_iterator(module);
  py::class_<Client, std::shared_ptr<Client>> cls(
      module, "Client",
      "Submits jobs to a store, looks at them, waits for them, steers them.\n\n"
      "Safe to share between threads; calls from several share transactions. Every call gives the\n"
      "GIL away while it waits, and Ctrl-C ends it. After rwp.DeadlineExceeded the outcome is\n"
      "unknown; repeating a submit with the same id is safe.");
  cls.def(py::init([open_things](py::handle url, py::handle call_timeout) {
            auto client = std::make_shared<Client>(to_text("url", url),
                                                   to_milliseconds("call_timeout", call_timeout));
            open_things->add(client);
            return client;
          }),
          py::arg("url"), py::kw_only(), py::arg("call_timeout") = 30.0,
          "Opens a store, such as 'sqlite:jobs.db' or 'memory:'. `call_timeout`: longest that a "
          "call takes, but for what it waits for.");
  cls.def("close", &Client::close, "Ends its threads; done by `with`, and when it is collected.");
  cls.def("__enter__", [](const std::shared_ptr<Client>& self) { return self; });
  cls.def("__exit__", [](Client& self, const py::args&) { self.close(); });
  with_job_parameters([&cls](const auto&... parameters) {
    cls.def(
        "submit", taking_job<const Client>([](const Client& self, jobs::NewJob job) {
          std::vector<jobs::NewJob> one;
          one.push_back(std::move(job));
          return single(
              self.call([&one](jobs::JobStore& store) { return store.insert(std::move(one)); }));
        }),
        parameters...,
        "Answers once the job is durable.\n\n"
        "`kind` names the handler, `payload` is what JSON can hold. `id`: made by the caller, so\n"
        "that repeating the submit is safe. `run_at` (a datetime with a time zone), `delay`: not\n"
        "before. `max_attempts`: that may fail (20). `timeout`: longest that one run may take.\n"
        "`idempotency_key`: the same key and payload answer the same job. `unique_key`: while a\n"
        "job with it stands in `unique_states` and is not older than `unique_period`, that one\n"
        "is answered. Durations are timedelta or seconds.");
  });
  cls.def("submit_many", &submit_many, py::arg("jobs"),
          "Submits NewJob or (kind, payload), in lots of 1,000. One answer a job, in their order: "
          "Submitted, or an rwp.Error that was not raised; one bad job fails alone. A store that "
          "cannot answer raises; the exception's `answers` has those of the lots before, and None "
          "for the jobs whose outcome is unknown.");
  cls.def(
      "get",
      [](const Client& self, py::handle id) {
        const Uuid wanted = to_id("id", id);
        return single(self.call([&](jobs::JobStore& store) { return store.get({wanted}); }));
      },
      py::arg("id"), "The job as it is now; rwp.NotFound.");
  cls.def(
      "progress",
      [](const Client& self, py::handle id) {
        const Uuid wanted = to_id("id", id);
        const jobs::Job job =
            single(self.call([&](jobs::JobStore& store) { return store.get({wanted}); }));
        return py::make_tuple(job.progress, to_str(job.progress_note));
      },
      py::arg("id"), "How far it is, 0 to 1, and what its handler says of that.");
  cls.def("wait", &wait_for, py::arg("id"), py::arg("timeout") = py::none(),
          "The job once it has ended; rwp.DeadlineExceeded when it has not within `timeout`.");
  cls.def("wait_all", &wait_all, py::arg("ids"), py::arg("timeout") = py::none(),
          "All of them, as they are when all have ended or `timeout` has passed.");
  cls.def("result", &result_of, py::arg("id"), py::arg("timeout") = py::none(),
          "What its handler answered, once it has succeeded; raises the job's last error when it "
          "failed.");
  def_with_filter(
      cls, "list",
      [](const std::shared_ptr<Client>& self, jobs::JobFilter filter) {
        return JobIterator(self, std::move(filter));
      },
      "The jobs that match, newest first, read a page at a time.");
  bind_operators_calls(cls);
}

}  // namespace rwp::python
