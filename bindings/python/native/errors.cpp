#include "errors.hpp"

#include "convert.hpp"

namespace rwp::python {

py::object to_exception(const Error& error) {
  const py::object classes = py::module_::import("rwp._errors").attr("BY_CODE");
  const std::string code(to_string(error.code() == Errc::none ? Errc::internal : error.code()));
  std::string message = error.message();
  for (const Error* cause = error.cause(); cause != nullptr; cause = cause->cause()) {
    message += "; because " + cause->message();
  }
  py::object retry_after = py::none();
  if (const auto wait = error.retry_after()) retry_after = to_timedelta(*wait);
  return classes[py::str(code)](to_str(message), py::arg("retryable") = error.retryable(),
                                py::arg("retry_after") = retry_after);
}

void raise(const py::object& exception) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
  throw py::error_already_set();
}

void raise(const Error& error) { raise(to_exception(error)); }

void raise_invalid(std::string_view field, std::string_view rule) {
  raise(Error(Errc::invalid_argument, std::string(field) + ": " + std::string(rule)));
}

}  // namespace rwp::python
