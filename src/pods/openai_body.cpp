#include "pods/openai_body.hpp"

#include "pods/json_slice.hpp"
#include <rwp/core/json_text.hpp>

#include <string_view>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::size_t kMostValues = 100'000;

/// About the number of values in a JSON text, from its punctuation.
std::size_t count_values(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      i = string_end(text, i) - 1;
    } else if (c == ',' || c == '[' || c == '{') {
      ++count;
    }
  }
  return count;
}

}  // namespace

std::optional<JsonDocument> read_openai_body(std::string body, RequestFault& fault) {
  if (count_values(body) > kMostValues) {
    fault.refuse("", "The JSON body of your request has more than 100000 values.",
                 "request_too_large");
    return std::nullopt;
  }
  auto text = JsonText::parse(std::move(body));
  if (!text) {
    fault.refuse(
        "", "We could not parse the JSON body of your request: " + text.error().message() + ".",
        "invalid_json");
    return std::nullopt;
  }
  if (const auto twice = duplicate_name(*text)) {
    fault.refuse(*twice, "Duplicate parameter: '" + *twice + "' stands twice.",
                 "duplicate_parameter");
    return std::nullopt;
  }
  JsonDocument document(*text);
  if (document.root().kind() != JsonKind::object) {
    fault.refuse("",
                 "The JSON body of your request is " +
                     std::string(describe_kind(document.root().kind())) + ", not an object.",
                 "invalid_type");
    return std::nullopt;
  }
  return document;
}

}  // namespace rwp::pods
