#pragma once

#include <pybind11/pybind11.h>

namespace rwp::python {

namespace py = pybind11;

/// A name of a module, looked up once and kept until the process ends: an import runs Python's own
/// code, in which a thread may be told that the interpreter ends. Needs the GIL.
class Imported {
 public:
  constexpr Imported(const char* module, const char* name) : module_(module), name_(name) {}

  py::object get() {
    if (object_ == nullptr) {
      py::object object = py::module_::import(module_).attr(name_);
      object_ = object.release().ptr();
    }
    return py::reinterpret_borrow<py::object>(object_);
  }

 private:
  const char* module_;
  const char* name_;
  PyObject* object_ = nullptr;
};

}  // namespace rwp::python
