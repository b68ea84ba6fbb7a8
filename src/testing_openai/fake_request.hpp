#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/server/message.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rwp::testing {

/// Why a request is refused, as the error object has it.
struct Refused {
  int status = 400;
  std::string message{};
  std::string param{};
  std::string code{};
  std::string type = "invalid_request_error";
};

struct ChatAsked {
  ai::ChatRequest request{};
  bool stream = false;
  bool include_usage = false;
};

struct EmbedAsked {
  ai::EmbedRequest request{};
  bool base64 = false;
};

/// Judges the body of POST /chat/completions as OpenAI does.
std::variant<ChatAsked, Refused> read_chat_request(JsonView body,
                                                   const std::vector<std::string>& refused);
std::variant<EmbedAsked, Refused> read_embed_request(JsonView body);

/// `{"error":{…}}` with its status.
server::Response error_response(const Refused& refused);
/// The error object alone.
std::string error_json(const Refused& refused);

}  // namespace rwp::testing
