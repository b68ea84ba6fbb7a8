#pragma once

#include <memory>

namespace rwp::python {

/// Holds the GIL on a thread that Python did not start while it lives; the thread keeps its Python
/// state between two of them, so that threading.local values stay.
std::shared_ptr<void> hold_interpreter();

}  // namespace rwp::python
