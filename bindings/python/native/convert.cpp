#include "convert.hpp"

#include "errors.hpp"
#include "imported.hpp"
#include "waiting.hpp"

#include <cmath>
#include <cstdint>
#include <datetime.h>

namespace rwp::python {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::int64_t kDayMicroseconds = 86'400'000'000;
/// Longer ones are refused, so that no sum of times can overflow.
constexpr double kLongestSeconds = 100.0 * 366 * 86'400;

Imported json_loads("json", "loads");
Imported uuid_class("uuid", "UUID");

void need_datetime() {
  if (PyDateTimeAPI == nullptr) PyDateTime_IMPORT;
  if (PyDateTimeAPI == nullptr) throw py::error_already_set();
}

py::object stolen(PyObject* object) {
  if (object == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

std::int64_t delta_microseconds(PyObject* delta) {
  return PyDateTime_DELTA_GET_DAYS(delta) * kDayMicroseconds +
         PyDateTime_DELTA_GET_SECONDS(delta) * std::int64_t{1'000'000} +
         PyDateTime_DELTA_GET_MICROSECONDS(delta);
}

py::object epoch() {
  return stolen(PyDateTimeAPI->DateTime_FromDateAndTime(
      1970, 1, 1, 0, 0, 0, 0, PyDateTime_TimeZone_UTC, PyDateTimeAPI->DateTimeType));
}

}  // namespace

py::str to_str(std::string_view text) {
  return py::reinterpret_steal<py::str>(
      stolen(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"))
          .release());
}

std::string to_text(std::string_view field, py::handle text) {
  if (!PyUnicode_Check(text.ptr())) raise_invalid(field, "must be a str");
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (bytes == nullptr) {
    PyErr_Clear();
    raise_invalid(field, "has a surrogate, which no UTF-8 has");
  }
  return std::string(bytes, static_cast<std::size_t>(size));
}

Uuid to_id(std::string_view field, py::handle id) {
  const bool is_str = PyUnicode_Check(id.ptr()) != 0;
  if (!is_str && !py::isinstance(id, uuid_class.get())) {
    raise_invalid(field, "must be a str or a uuid.UUID");
  }
  auto parsed = Uuid::parse(is_str ? to_text(field, id) : to_text(field, py::str(id)));
  if (!parsed) raise(parsed.error().with_context(field));
  return *parsed;
}

milliseconds to_milliseconds(std::string_view field, py::handle duration) {
  need_datetime();
  double seconds = 0;
  if (PyDelta_Check(duration.ptr())) {
    seconds = static_cast<double>(delta_microseconds(duration.ptr())) / 1e6;
  } else if ((PyFloat_Check(duration.ptr()) || PyLong_Check(duration.ptr())) &&
             !PyBool_Check(duration.ptr())) {
    seconds = PyFloat_AsDouble(duration.ptr());
    if (PyErr_Occurred() != nullptr) {
      PyErr_Clear();
      seconds = std::nan("");
    }
  } else {
    raise_invalid(field, "must be a timedelta or a number of seconds");
  }
  if (!(seconds >= 0 && seconds <= kLongestSeconds)) raise_invalid(field, "must be 0 to 100 years");
  // Not by ceil alone: 0.3 s is 300.00000000000001 ms in binary.
  return milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1e3 - 1e-6)));
}

py::object to_timedelta(milliseconds duration) {
  need_datetime();
  const std::int64_t days = duration.count() / 86'400'000;
  const std::int64_t rest = duration.count() % 86'400'000;
  return stolen(PyDelta_FromDSU(static_cast<int>(days), static_cast<int>(rest / 1'000),
                                static_cast<int>(rest % 1'000 * 1'000)));
}

system_clock::time_point to_time_point(std::string_view field, py::handle time) {
  need_datetime();
  if (!PyDateTime_Check(time.ptr())) raise_invalid(field, "must be a datetime");
  if (py::handle(time).attr("utcoffset")().is_none()) {
    raise_invalid(field, "needs a time zone, such as datetime.now(timezone.utc)");
  }
  const py::object since = stolen(PyNumber_Subtract(time.ptr(), epoch().ptr()));
  return system_clock::time_point(microseconds(delta_microseconds(since.ptr())));
}

py::object to_datetime(system_clock::time_point time) {
  need_datetime();
  const auto whole = std::chrono::floor<microseconds>(time);
  const auto midnight = std::chrono::floor<std::chrono::days>(whole);
  const std::chrono::year_month_day date(midnight);
  const std::int64_t of_day = (whole - midnight).count();
  return stolen(PyDateTimeAPI->DateTime_FromDateAndTime(
      static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
      static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(of_day / 3'600'000'000),
      static_cast<int>(of_day / 60'000'000 % 60), static_cast<int>(of_day / 1'000'000 % 60),
      static_cast<int>(of_day % 1'000'000), PyDateTime_TimeZone_UTC, PyDateTimeAPI->DateTimeType));
}

py::object from_json_text(const JsonText& text) {
  if (text.is_null()) return py::none();
  const py::tuple arguments = py::make_tuple(to_str(text.view()));
  return called(json_loads.get(), arguments);
}

}  // namespace rwp::python
