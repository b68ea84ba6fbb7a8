#pragma once

#include "convert.hpp"
#include <rwp/jobs/job.hpp>
#include <rwp/jobs/requests.hpp>

#include <pybind11/pybind11.h>
#include <string>
#include <string_view>
#include <vector>

/// Jobs as Python sees them.
namespace rwp::python {

namespace py = pybind11;

/// Binds Job, JobError, NewJob and Submitted.
void bind_job_types(py::module_& module);

std::vector<std::string> to_texts(std::string_view field, py::handle texts);
jobs::Priority to_priority(py::handle priority);
jobs::StateSet to_states(std::string_view field, py::handle states);

/// The values of submit()'s keywords; None: the default.
struct JobFields {
  py::handle id, queue, version, priority, run_at, delay, max_attempts, timeout, idempotency_key;
  py::handle unique_key, unique_states, unique_period, tags, tenant, traceparent;
};
jobs::NewJob to_new_job(py::handle kind, py::handle payload, const JobFields& fields);

/// A function of Python's that takes what makes a job and calls `function(Self&…, NewJob)`.
template <class... Self, class Function>
auto taking_job(Function function) {
  return [function](Self&... self, py::handle kind, py::handle payload, py::handle id,
                    py::handle queue, py::handle version, py::handle priority, py::handle run_at,
                    py::handle delay, py::handle max_attempts, py::handle timeout,
                    py::handle idempotency_key, py::handle unique_key, py::handle unique_states,
                    py::handle unique_period, py::handle tags, py::handle tenant,
                    py::handle traceparent) {
    const JobFields fields{
        id,           queue,   version,         priority,   run_at,        delay,
        max_attempts, timeout, idempotency_key, unique_key, unique_states, unique_period,
        tags,         tenant,  traceparent};
    return function(self..., to_new_job(kind, payload, fields));
  };
}

/// Calls `define` with the names and defaults of taking_job()'s parameters.
template <class Define>
void with_job_parameters(Define define) {
  const py::none none;
  define(py::arg("kind"), py::arg("payload") = none, py::kw_only(), py::arg("id") = none,
         py::arg("queue") = none, py::arg("version") = none, py::arg("priority") = none,
         py::arg("run_at") = none, py::arg("delay") = none, py::arg("max_attempts") = none,
         py::arg("timeout") = none, py::arg("idempotency_key") = none, py::arg("unique_key") = none,
         py::arg("unique_states") = none, py::arg("unique_period") = none, py::arg("tags") = none,
         py::arg("tenant") = none, py::arg("traceparent") = none);
}

}  // namespace rwp::python
