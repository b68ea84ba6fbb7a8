#include "ai/schema_judge.hpp"

#include <utility>

namespace rwp::ai {

std::string_view without_fence(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto trim = [&](std::string_view part) {
    const auto first = part.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return std::string_view();
    return part.substr(first, part.find_last_not_of(kSpace) - first + 1);
  };
  text = trim(text);
  if (!text.starts_with("```") || !text.ends_with("```") || text.size() < 6) return text;
  const auto line_end = text.find('\n');
  if (line_end == std::string_view::npos || line_end + 3 > text.size()) return text;
  return trim(text.substr(line_end + 1, text.size() - line_end - 4));
}

Result<void> SchemaJudge::judge(const OutputSchema* wanted, std::string_view content) {
  if (wanted == nullptr) return {};
  auto document = JsonText::parse(std::string(without_fence(content)));
  if (!document) return document.error();
  auto found = compiled_.find(wanted->schema.str());
  if (found == compiled_.end()) {
    if (compiled_.size() >= kMostKept) compiled_.clear();
    found = compiled_.emplace(wanted->schema.str(), JsonSchema::compile(wanted->schema)).first;
  }
  if (!found->second) return found->second.error();
  return found->second->validate(*document);
}

}  // namespace rwp::ai
