#include "analytics_ga4/ga4_validation.hpp"

#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <string_view>

namespace rwp::analytics {
namespace {

constexpr std::size_t kMostShown = 5;
constexpr std::size_t kMostText = 300;

std::string member(JsonView message, std::string_view name) {
  const auto found = message.find(name);
  const auto text = found ? found->as_string() : std::nullopt;
  return std::string(text ? text->substr(0, kMostText) : std::string_view());
}

}  // namespace

Result<void> judge_ga4_validation(const std::string& body) {
  const auto text = JsonText::parse(body);
  if (!text) return Error(Errc::unsupported, "the collector's validation is no JSON");
  const JsonDocument document(*text);
  const auto messages = document.root().find("validationMessages");
  if (!messages || messages->kind() != JsonKind::array) {
    return Error(Errc::unsupported, "the collector's validation has no validationMessages");
  }
  if (messages->size() == 0) return {};
  std::string told = "the collector refuses the events:";
  for (std::size_t i = 0; i < std::min(messages->size(), kMostShown); ++i) {
    const JsonView message = messages->at(i);
    told += (i == 0 ? " " : "; ") + member(message, "validationCode");
    if (const auto path = member(message, "fieldPath"); !path.empty()) told += " " + path;
    told += ": " + member(message, "description");
  }
  if (messages->size() > kMostShown) {
    told += " (and " + std::to_string(messages->size() - kMostShown) + " more)";
  }
  return Error(Errc::invalid_argument, told);
}

}  // namespace rwp::analytics
