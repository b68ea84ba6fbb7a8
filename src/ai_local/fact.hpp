#pragma once

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

using MaybeFact = std::optional<Fact>;

/// None for an empty text.
MaybeFact of_text(const std::string& text);
MaybeFact of_number(std::optional<double> number);
/// A list, also when it is empty.
MaybeFact of_list(std::vector<Fact> list);
MaybeFact of_texts(const std::vector<std::string>& texts);
/// Nothing is added when there is no such fact.
void add_member(Fact& fact, std::string_view name, MaybeFact member);

}  // namespace rwp::ai_local
