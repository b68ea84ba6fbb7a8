#pragma once

#include "process.hpp"

#include <memory>
#include <pybind11/pybind11.h>

namespace rwp::python {

/// Binds what rwp.Worker stands on.
void bind_worker(pybind11::module_& module, std::shared_ptr<OpenThings> open_things);

}  // namespace rwp::python
