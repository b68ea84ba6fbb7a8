#pragma once

#include "ai_local/analysis.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::ai_local {

/// Something the text says, in the forms that a schema may want: an array of objects, of strings, …
/// Whatever it has not got is empty.
struct Fact {
  std::optional<std::string> text{};
  std::optional<double> number{};
  std::optional<bool> flag{};
  std::optional<std::vector<Fact>> list{};
  std::vector<std::pair<std::string_view, Fact>> members{};

  const Fact* member(std::string_view name) const noexcept;
};

/// "keyPhrases", "Key phrases" and "key-phrases" as "key_phrases".
std::string to_snake_case(std::string_view name);

/// What the text says under a property name in snake case; none: nothing, or nothing by that name.
std::optional<Fact> find_fact(Analysis& analysis, std::string_view name);

}  // namespace rwp::ai_local
