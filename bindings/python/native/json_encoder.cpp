#include "convert.hpp"
#include "errors.hpp"
#include <rwp/core/json_writer.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace rwp::python {
namespace {

/// One step on the way from the document's root to the value at hand, on the stack; its text is
/// made for an error only.
struct Place {
  const Place* above = nullptr;
  std::string_view name{};  // Of the field, at the root.
  PyObject* key = nullptr;  // Of a member.
  std::size_t index = 0;    // Of an element, where there is no key.
  std::size_t depth = 0;
};

void append_place(std::string& out, const Place& place) {
  if (place.above == nullptr) {
    out += place.name;
    return;
  }
  append_place(out, *place.above);
  if (place.key == nullptr) {
    out += "[" + std::to_string(place.index) + "]";
    return;
  }
  // Keys come from the caller and go into an error: not more than is needed to find the place.
  std::string key = py::cast<std::string>(py::repr(place.key));
  if (key.size() > 80) key.resize(80);
  out += "[" + key + "]";
}

[[noreturn]] void refuse(const Place& place, std::string_view rule) {
  std::string where;
  append_place(where, place);
  raise_invalid(where, rule);
}

void append_text(std::string& out, PyObject* text, const Place& place) {
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (bytes == nullptr) {
    PyErr_Clear();
    refuse(place, "has a surrogate, which no UTF-8 has");
  }
  append_json_string(out, std::string_view(bytes, static_cast<std::size_t>(size)));
}

void append_integer(std::string& out, PyObject* number, const Place& place) {
  std::array<char, 24> digits{};
  char* const end = digits.data() + digits.size();
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (overflow == 0) {
    if (value == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
    out.append(digits.data(), std::to_chars(digits.data(), end, value).ptr);
    return;
  }
  const unsigned long long large = overflow > 0 ? PyLong_AsUnsignedLongLong(number) : 0;
  if (overflow < 0 ||
      (large == static_cast<unsigned long long>(-1) && PyErr_Occurred() != nullptr)) {
    PyErr_Clear();
    refuse(place, "is an int beyond 64 bits; give it as a str");
  }
  out.append(digits.data(), std::to_chars(digits.data(), end, large).ptr);
}

void append_real(std::string& out, double value, const Place& place) {
  if (!std::isfinite(value)) refuse(place, "is not finite, which JSON cannot say");
  std::array<char, 32> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  const std::string_view text(digits.data(), static_cast<std::size_t>(written.ptr - digits.data()));
  out += text;
  // A float stays one on the way back.
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

void append_value(std::string& out, PyObject* value, const Place& place);

void append_object(std::string& out, PyObject* members, const Place& place) {
  out += '{';
  bool first = true;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(members, &position, &key, &value) != 0) {
    if (!first) out += ',';
    first = false;
    const Place inner{.above = &place, .key = key, .depth = place.depth + 1};
    if (!PyUnicode_Check(key)) refuse(inner, "must be a key of type str");
    append_text(out, key, inner);
    out += ':';
    append_value(out, value, inner);
  }
  out += '}';
}

void append_array(std::string& out, PyObject* sequence, const Place& place) {
  out += '[';
  // Neither list nor tuple runs Python code here, so the size cannot change meanwhile.
  const auto size = static_cast<std::size_t>(PySequence_Fast_GET_SIZE(sequence));
  for (std::size_t i = 0; i < size; ++i) {
    if (i > 0) out += ',';
    const Place inner{.above = &place, .index = i, .depth = place.depth + 1};
    append_value(out, PySequence_Fast_GET_ITEM(sequence, static_cast<Py_ssize_t>(i)), inner);
  }
  out += ']';
}

void append_value(std::string& out, PyObject* value, const Place& place) {
  if (PyUnicode_Check(value)) return append_text(out, value, place);
  if (value == Py_None) {
    out += "null";
  } else if (PyBool_Check(value)) {
    out += value == Py_True ? "true" : "false";
  } else if (PyLong_Check(value)) {
    append_integer(out, value, place);
  } else if (PyFloat_Check(value)) {
    append_real(out, PyFloat_AS_DOUBLE(value), place);
  } else if (PyDict_Check(value) || PyList_Check(value) || PyTuple_Check(value)) {
    if (place.depth >= JsonText::kMaxDepth) refuse(place, "is nested too deep (64 levels at most)");
    if (PyDict_Check(value)) {
      append_object(out, value, place);
    } else {
      append_array(out, value, place);
    }
  } else {
    refuse(place, "is of type " + std::string(Py_TYPE(value)->tp_name) +
                      ", which JSON cannot hold; dict, list, tuple, str, int, float, bool and None "
                      "can be");
  }
}

}  // namespace

JsonText to_json_text(std::string_view field, py::handle value) {
  std::string out;
  append_value(out, value.ptr(), Place{.name = field});
  return JsonText::trusted(std::move(out));
}

}  // namespace rwp::python
