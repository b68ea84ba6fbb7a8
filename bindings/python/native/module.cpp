#include "client.hpp"
#include "job_types.hpp"
#include "model.hpp"
#include "process.hpp"
#include "worker.hpp"

#include <memory>
#include <pybind11/pybind11.h>

namespace {

namespace py = pybind11;

/// Without pybind11, whose own state belongs to the main interpreter: it would wait for itself.
bool in_main_interpreter() {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return true;
  PyErr_SetString(PyExc_ImportError,
                  "rwp cannot be used in a sub-interpreter; import it in the main one, or start a "
                  "process");
  return false;
}

PyObject* refuse_other_interpreters(PyObject* /*module*/, PyObject* /*arguments*/) {
  if (!in_main_interpreter()) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef refuse_method = {"refuse_other_interpreters", &refuse_other_interpreters, METH_NOARGS,
                             "ImportError in a sub-interpreter."};

PyObject* make_module() {
  static py::module_::module_def definition;
  auto module = py::module_::create_extension_module(
      "_native", "The compiled part of rwp; use the package's own names.", &definition);
  module.attr("__version__") = RWP_VERSION;
  module.attr(refuse_method.ml_name) =
      py::reinterpret_steal<py::object>(PyCFunction_New(&refuse_method, nullptr));
  // What is used later is loaded now: a first import takes long, and the interpreter may end in it.
  for (const char* name : {"json", "threading", "uuid"}) py::module_::import(name);
  const auto open_things = std::make_shared<rwp::python::OpenThings>();
  rwp::python::bind_job_types(module);
  rwp::python::bind_client(module, open_things);
  rwp::python::bind_worker(module, open_things);
  rwp::python::bind_model(module, open_things);
  py::module_::import("atexit").attr("register")(
      py::cpp_function([open_things] { open_things->close_all(); }));
  return module.release().ptr();
}

}  // namespace

/// What PYBIND11_MODULE would make, behind a check. A later interpreter of a process that has the
/// module gets it without this call; for that one, rwp/__init__.py asks again.
extern "C" PYBIND11_EXPORT PyObject* PyInit__native() {
  if (!in_main_interpreter()) return nullptr;
  PYBIND11_CHECK_PYTHON_VERSION
  PYBIND11_ENSURE_INTERNALS_READY
  try {
    return make_module();
  }
  PYBIND11_CATCH_INIT_EXCEPTIONS
}
