#pragma once

#include <rwp/core/json_view.hpp>

namespace rwp::ai_openai {

/// Whether a schema keeps the rules of strict structured output, so that the server can promise it:
/// the root is an object, every object closes itself and requires all its properties, and only
/// keywords are used that strict mode takes. At most 5,000 properties and 10 levels.
bool fits_strict_mode(JsonView schema);

}  // namespace rwp::ai_openai
