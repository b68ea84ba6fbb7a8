#pragma once

#include "ai_openai/server_error.hpp"
#include <rwp/ai_openai/responses.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <optional>
#include <string>
#include <variant>

namespace rwp::ai_openai {

/// A response, or why it is none: what the server says went wrong, or what is wrong with it.
using ReadResponse = std::variant<ResponseReply, ServerError, std::string>;
ReadResponse read_response(JsonView object);

/// The body as it is sent: with a model, and with or without `stream`.
Result<JsonText> response_body(const JsonText& body, const std::string& model, bool stream);

}  // namespace rwp::ai_openai
