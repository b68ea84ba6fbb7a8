#pragma once

#include <rwp/core/json_text.hpp>
#include <rwp/core/uuid.hpp>

#include <chrono>
#include <pybind11/pybind11.h>
#include <string>
#include <string_view>

/// Values on their way between Python and the library. All need the GIL; what does not fit is
/// rwp.InvalidArgument with the field's name.
namespace rwp::python {

namespace py = pybind11;

/// Bytes that are not UTF-8 become U+FFFD.
py::str to_str(std::string_view text);
/// Of a `str`.
std::string to_text(std::string_view field, py::handle text);

/// From a `str` of 36 characters or a `uuid.UUID`.
Uuid to_id(std::string_view field, py::handle id);

/// From a timedelta or a number of seconds, not negative; rounded up, so that what is not zero
/// stays so.
std::chrono::milliseconds to_milliseconds(std::string_view field, py::handle duration);
py::object to_timedelta(std::chrono::milliseconds duration);

/// From a datetime that has a time zone.
std::chrono::system_clock::time_point to_time_point(std::string_view field, py::handle time);
/// In UTC.
py::object to_datetime(std::chrono::system_clock::time_point time);

/// From dict (with keys of `str`), list, tuple, str, int (64 bits), float (finite), bool and None,
/// nested at most JsonText::kMaxDepth deep. The error names the place: "payload.items[3]: …".
JsonText to_json_text(std::string_view field, py::handle value);
py::object from_json_text(const JsonText& text);

}  // namespace rwp::python
