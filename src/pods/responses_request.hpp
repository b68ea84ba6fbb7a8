#pragma once

#include "pods/openai_error.hpp"
#include <rwp/core/json_text.hpp>

#include <map>
#include <string>
#include <variant>

namespace rwp::pods {

/// A call of POST /v1/responses as one of POST /v1/chat/completions.
struct TranslatedResponse {
  /// The chat's body.
  std::string body{};
  bool stream = false;
  /// Members that the answer repeats, as they stand in the request.
  std::map<std::string, JsonText> echo{};
};

/// Translates the body. Told apart are text, pictures, files, function tools and their results,
/// structured output, reasoning's effort, log probabilities and what bounds the answer; what chat
/// completions do not have (tools of the service's own, earlier responses, items by reference,
/// summaries of reasoning) is refused by name, never left out.
std::variant<TranslatedResponse, OpenAiError> translate_response_request(std::string body);

/// The chat's refusal in the words of the response that was asked for: its parameters' names.
OpenAiError as_response_error(OpenAiError error);

}  // namespace rwp::pods
