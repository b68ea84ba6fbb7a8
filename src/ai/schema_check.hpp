#pragma once

#include <rwp/core/error.hpp>

#include <nlohmann/json.hpp>

namespace rwp::ai {

/// What a schema needs beyond its syntax, found in one walk.
struct SchemaFacts {
  bool has_patterns = false;
};

/// Looks at what the validator itself does not bound: references to other documents, references
/// that lead back to themselves without consuming the document, broken or unsupported patterns,
/// depth. Errors as JsonSchema::compile.
Result<SchemaFacts> check_schema(const nlohmann::json& schema);

}  // namespace rwp::ai
