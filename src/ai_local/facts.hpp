#pragma once

#include "ai_local/analysis.hpp"
#include "ai_local/fact.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace rwp::ai_local {

/// "keyPhrases", "Key phrases" and "key-phrases" as "key_phrases".
std::string to_snake_case(std::string_view name);

/// What the text says under a property name in snake case; none: nothing, or nothing by that name.
std::optional<Fact> find_fact(Analysis& analysis, std::string_view name);

}  // namespace rwp::ai_local
