#pragma once

#include "ai_local/analysis.hpp"
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

namespace rwp::ai_local {

/// A value for a JSON Schema, filled by property name and type with what the text says; null, empty
/// or the first value allowed where it says nothing.
///
/// The value keeps the keywords that shape values (type, enum, const, properties, items, bounds,
/// $ref, anyOf, oneOf, allOf); the caller has it validated. `Errc::unsupported` names the spot for
/// which there is no value.
Result<JsonText> fill_schema(JsonView schema, Analysis& analysis);

}  // namespace rwp::ai_local
