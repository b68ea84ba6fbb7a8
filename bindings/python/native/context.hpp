#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/job_context.hpp>

#include <pybind11/pybind11.h>

namespace rwp::python {

namespace py = pybind11;

/// Binds JobContext, what a handler sees of its job.
void bind_context(py::module_& module);

/// Runs the job of `context` by `function`, a Python callable that takes the context. Needs the
/// GIL. What Python raises is judged by rwp/_outcomes.py.
Result<JsonText> run_handler(PyObject* function, jobs::JobContext& context);

}  // namespace rwp::python
