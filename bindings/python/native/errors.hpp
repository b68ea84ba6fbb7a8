#pragma once

#include <rwp/core/error.hpp>

#include <pybind11/pybind11.h>
#include <string>
#include <string_view>
#include <utility>

/// The library's errors as Python's exceptions, which rwp/_errors.py defines.
namespace rwp::python {

namespace py = pybind11;

/// The exception object for `error`: of its code's class, with code, retryable and retry_after.
py::object to_exception(const Error& error);

/// Raises it.
[[noreturn]] void raise(const Error& error);
[[noreturn]] void raise(const py::object& exception);

/// `Errc::invalid_argument` about `field`: "run_at: must …".
[[noreturn]] void raise_invalid(std::string_view field, std::string_view rule);

template <class T>
T value_or_raise(Result<T> result) {
  if (!result) raise(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace rwp::python
