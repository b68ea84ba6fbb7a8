#include "errors.hpp"

#include "convert.hpp"
#include "imported.hpp"
#include "waiting.hpp"

namespace rwp::python {
namespace {

Imported classes_by_code("rwp._errors", "BY_CODE");

}  // namespace

py::object to_exception(const Error& error) {
  const py::object classes = classes_by_code.get();
  const std::string code(to_string(error.code() == Errc::none ? Errc::internal : error.code()));
  std::string message = error.message();
  for (const Error* cause = error.cause(); cause != nullptr; cause = cause->cause()) {
    message += "; because " + cause->message();
  }
  py::object retry_after = py::none();
  if (const auto wait = error.retry_after()) retry_after = to_timedelta(*wait);
  py::dict keywords;
  keywords["retryable"] = error.retryable();
  keywords["retry_after"] = retry_after;
  return called(classes[py::str(code)], py::make_tuple(to_str(message)), keywords);
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
