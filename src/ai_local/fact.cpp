#include "ai_local/fact.hpp"

#include <utility>

namespace rwp::ai_local {

const Fact* Fact::member(std::string_view name) const noexcept {
  for (const auto& [known, fact] : members) {
    if (known == name) return &fact;
  }
  return nullptr;
}

MaybeFact of_text(const std::string& text) {
  if (text.empty()) return std::nullopt;
  Fact fact;
  fact.text = text;
  return fact;
}

MaybeFact of_number(std::optional<double> number) {
  if (!number) return std::nullopt;
  Fact fact;
  fact.number = number;
  return fact;
}

MaybeFact of_list(std::vector<Fact> list) {
  Fact fact;
  fact.list = std::move(list);
  return fact;
}

MaybeFact of_texts(const std::vector<std::string>& texts) {
  std::vector<Fact> list;
  for (const auto& text : texts) {
    if (auto fact = of_text(text)) list.push_back(std::move(*fact));
  }
  return of_list(std::move(list));
}

void add_member(Fact& fact, std::string_view name, MaybeFact member) {
  if (member) fact.members.emplace_back(name, std::move(*member));
}

}  // namespace rwp::ai_local
