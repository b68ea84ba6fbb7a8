#pragma once

#include "process.hpp"

#include <memory>
#include <pybind11/pybind11.h>

namespace rwp::python {

/// Binds what rwp.ai offers: Model and its replies.
void bind_model(pybind11::module_& module, std::shared_ptr<OpenThings> open_things);

}  // namespace rwp::python
