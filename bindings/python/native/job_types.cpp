#include "job_types.hpp"

#include "errors.hpp"

#include <climits>

#include <array>
#include <utility>

namespace rwp::python {
namespace {

constexpr std::array<std::pair<jobs::Inserted::Outcome, const char*>, 3> kOutcomes = {{
    {jobs::Inserted::Outcome::created, "created"},
    {jobs::Inserted::Outcome::existing, "existing"},
    {jobs::Inserted::Outcome::collapsed, "collapsed"},
}};

const char* outcome_name(jobs::Inserted::Outcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)].second;
}

int to_int(std::string_view field, py::handle number) {
  if (!PyLong_Check(number.ptr()) || PyBool_Check(number.ptr()))
    raise_invalid(field, "must be an int");
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(number.ptr(), &overflow);
  if (overflow != 0 || value < INT_MIN || value > INT_MAX) raise_invalid(field, "is out of range");
  return static_cast<int>(value);
}

std::string text_or_empty(std::string_view field, py::handle text) {
  return text.is_none() ? std::string() : to_text(field, text);
}

py::object optional_time(const std::optional<jobs::TimePoint>& time) {
  return time ? to_datetime(*time) : py::none();
}

py::object optional_json(const std::optional<JsonText>& text) {
  return text ? from_json_text(*text) : py::none();
}

py::object text_or_none(const std::string& text) {
  return text.empty() ? py::object(py::none()) : py::object(to_str(text));
}

py::list str_list(const std::vector<std::string>& texts) {
  py::list list;
  for (const std::string& text : texts) list.append(to_str(text));
  return list;
}

void bind_job(py::module_& module) {
  using jobs::Job;
  py::class_<jobs::JobError>(module, "JobError", "What a failed attempt left behind.")
      .def_readonly("attempt", &jobs::JobError::attempt, "Which attempt, from 1.")
      .def_property_readonly("at", [](const jobs::JobError& self) { return to_datetime(self.at); })
      .def_property_readonly("code", [](const jobs::JobError& self) { return to_str(self.code); })
      .def_property_readonly("message",
                             [](const jobs::JobError& self) { return to_str(self.message); })
      .def("__repr__", [](const jobs::JobError& self) {
        return to_str("<rwp.JobError attempt " + std::to_string(self.attempt) + " " + self.code +
                      ": " + self.message + ">");
      });

  py::class_<Job>(module, "Job", "A job as its store showed it; it does not change.")
      .def_property_readonly("id", [](const Job& job) { return job.id.to_string(); })
      .def_property_readonly("kind", [](const Job& job) { return to_str(job.kind); })
      .def_readonly("version", &Job::version)
      .def_property_readonly("queue", [](const Job& job) { return to_str(job.queue); })
      .def_property_readonly(
          "payload", [](const Job& job) { return from_json_text(job.payload); },
          "Read anew at each access; None when it lies in a blob store.")
      .def_property_readonly("state", [](const Job& job) { return to_str(enum_name(job.state)); })
      .def_property_readonly(
          "ended", [](const Job& job) { return has_ended(job.state); },
          "Whether the state is succeeded, failed or cancelled.")
      .def_property_readonly(
          "end_reason", [](const Job& job) { return to_str(enum_name(job.end_reason)); },
          "Why it stands at its end: none, error, exhausted, crashed or cancelled.")
      .def_property_readonly("priority",
                             [](const Job& job) { return to_str(enum_name(job.priority)); })
      .def_property_readonly("created_at",
                             [](const Job& job) { return to_datetime(job.created_at); })
      .def_property_readonly(
          "run_at", [](const Job& job) { return to_datetime(job.run_at); },
          "When it became, or becomes, due.")
      .def_property_readonly(
          "started_at", [](const Job& job) { return optional_time(job.started_at); },
          "Of the latest run.")
      .def_property_readonly("finished_at",
                             [](const Job& job) { return optional_time(job.finished_at); })
      .def_readonly("attempt", &Job::attempt, "Attempts that have failed.")
      .def_readonly("max_attempts", &Job::max_attempts)
      .def_readonly("crashes", &Job::crashes)
      .def_property_readonly(
          "timeout",
          [](const Job& job) -> py::object {
            return job.timeout.count() > 0 ? to_timedelta(job.timeout) : py::none();
          },
          "Longest that one run may take; None: as the worker says.")
      .def_readonly("run_token", &Job::run_token, "Raised with every dispatch of the job.")
      .def_readonly("cancel_requested", &Job::cancel_requested)
      .def_property_readonly("idempotency_key",
                             [](const Job& job) { return text_or_none(job.idempotency_key); })
      .def_property_readonly("unique_key",
                             [](const Job& job) { return text_or_none(job.unique_key); })
      .def_property_readonly("tags", [](const Job& job) { return str_list(job.tags); })
      .def_property_readonly("tenant", [](const Job& job) { return text_or_none(job.tenant); })
      .def_property_readonly("traceparent",
                             [](const Job& job) { return text_or_none(job.traceparent); })
      .def_readonly("progress", &Job::progress, "0 to 1.")
      .def_property_readonly("progress_note",
                             [](const Job& job) { return to_str(job.progress_note); })
      .def_property_readonly(
          "cursor", [](const Job& job) { return optional_json(job.cursor); },
          "What the handler saved to continue from.")
      .def_property_readonly(
          "result", [](const Job& job) { return optional_json(job.result); },
          "What the handler answered; None while it has not succeeded.")
      .def_property_readonly(
          "errors",
          [](const Job& job) {
            py::list errors;
            for (const jobs::JobError& error : job.errors) errors.append(py::cast(error));
            return errors;
          },
          "Of the attempts that failed, the latest last.")
      .def_property_readonly(
          "park_key", [](const Job& job) { return text_or_none(job.park_key); },
          "While parked: what it waits for.")
      .def("__repr__", [](const Job& job) {
        return to_str("<rwp.Job " + job.id.to_string() + " " + job.kind + " " +
                      std::string(enum_name(job.state)) + ">");
      });
}

}  // namespace

std::vector<std::string> to_texts(std::string_view field, py::handle texts) {
  if (PyUnicode_Check(texts.ptr())) raise_invalid(field, "must be several str, not one");
  std::vector<std::string> all;
  for (const py::handle text : py::iter(texts)) {
    if (all.size() >= 10'000) raise_invalid(field, "are too many");
    all.push_back(to_text(field, text));
  }
  return all;
}

jobs::Priority to_priority(py::handle priority) {
  const auto found = enum_value<jobs::Priority>(to_text("priority", priority));
  if (!found) raise_invalid("priority", "must be urgent, high, normal or low");
  return *found;
}

jobs::StateSet to_states(std::string_view field, py::handle states) {
  std::uint8_t bits = 0;
  for (const std::string& name : to_texts(field, states)) {
    const auto state = enum_value<jobs::JobState>(name);
    if (!state) {
      raise_invalid(field,
                    "must be of scheduled, ready, running, parked, succeeded, failed, cancelled");
    }
    bits = static_cast<std::uint8_t>(bits | jobs::StateSet{*state}.bits());
  }
  return jobs::StateSet::from_bits(bits);
}

jobs::NewJob to_new_job(py::handle kind, py::handle payload, const JobFields& fields) {
  jobs::NewJob job;
  job.kind = to_text("kind", kind);
  job.payload = to_json_text("payload", payload);
  if (!fields.id.is_none()) job.id = to_id("id", fields.id);
  if (!fields.queue.is_none()) job.queue = to_text("queue", fields.queue);
  if (!fields.version.is_none()) job.version = to_int("version", fields.version);
  if (!fields.priority.is_none()) job.priority = to_priority(fields.priority);
  if (!fields.run_at.is_none()) job.run_at = to_time_point("run_at", fields.run_at);
  if (!fields.delay.is_none()) job.delay = to_milliseconds("delay", fields.delay);
  if (!fields.max_attempts.is_none())
    job.max_attempts = to_int("max_attempts", fields.max_attempts);
  if (!fields.timeout.is_none()) job.timeout = to_milliseconds("timeout", fields.timeout);
  job.idempotency_key = text_or_empty("idempotency_key", fields.idempotency_key);
  job.unique.key = text_or_empty("unique_key", fields.unique_key);
  if (!fields.unique_states.is_none()) {
    job.unique.states = to_states("unique_states", fields.unique_states);
  }
  if (!fields.unique_period.is_none()) {
    job.unique.period = to_milliseconds("unique_period", fields.unique_period);
  }
  if (!fields.tags.is_none()) job.tags = to_texts("tags", fields.tags);
  job.tenant = text_or_empty("tenant", fields.tenant);
  job.traceparent = text_or_empty("traceparent", fields.traceparent);
  return job;
}

void bind_job_types(py::module_& module) {
  bind_job(module);

  py::class_<jobs::NewJob> new_job(module, "NewJob", "A job to be, for Client.submit_many().");
  with_job_parameters([&new_job](const auto&... parameters) {
    new_job.def(py::init(taking_job([](jobs::NewJob job) { return job; })), parameters...,
                "See Client.submit() for the keywords.");
  });
  new_job.def_property_readonly("kind", [](const jobs::NewJob& self) { return to_str(self.kind); })
      .def_property_readonly("payload",
                             [](const jobs::NewJob& self) { return from_json_text(self.payload); })
      .def("__repr__",
           [](const jobs::NewJob& self) { return to_str("<rwp.NewJob " + self.kind + ">"); });

  py::class_<jobs::Inserted>(module, "Submitted", "What became of one submitted job.")
      .def_property_readonly("id", [](const jobs::Inserted& self) { return self.id.to_string(); })
      .def_property_readonly(
          "outcome", [](const jobs::Inserted& self) { return outcome_name(self.outcome); },
          "created; existing: the same submit was there already; collapsed: a unique key stands, "
          "and `id` is the job that holds it.")
      .def("__repr__", [](const jobs::Inserted& self) {
        return "<rwp.Submitted " + self.id.to_string() + " " + outcome_name(self.outcome) + ">";
      });
}

}  // namespace rwp::python
