#pragma once

#include "pods/openai_error.hpp"
#include <rwp/ai/model.hpp>

#include <cstddef>
#include <string>
#include <variant>

namespace rwp::pods {

/// Largest body that is read: what a Model takes at most, and its escapes.
constexpr std::size_t kMaxOpenAiBodyBytes = std::size_t{8} << 20U;

struct ChatCall {
  ai::ChatRequest request{};
  bool stream = false;
  bool include_usage = false;
};

struct EmbedCall {
  ai::EmbedRequest request{};
  /// The vectors as base64 of little-endian float32.
  bool base64 = false;
};

/// Reads the body of POST /v1/chat/completions. What a Model cannot be asked for is refused, never
/// left out; only what changes no answer is taken and dropped: user, safety_identifier, metadata,
/// prompt_cache_key, prompt_cache_retention, store: false, and defaults that are spelt out.
std::variant<ChatCall, OpenAiError> read_chat_request(std::string body);

/// The same, for a service behind the pod that speaks the protocol itself: what can be told of the
/// body is, and `request.wire` has all of it (`only_so` where the other members do not). Refused is
/// only what the pod itself cannot do without: a model, messages, whether it is streamed.
std::variant<ChatCall, OpenAiError> read_wire_chat(std::string body);

/// Reads the body of POST /v1/responses for such a service. What belongs to a caller over several
/// calls (previous_response_id, conversation, background) is refused: the service's key is shared.
std::variant<ChatCall, OpenAiError> read_wire_response(std::string body);

/// Reads the body of POST /v1/embeddings.
std::variant<EmbedCall, OpenAiError> read_embed_request(std::string body);

}  // namespace rwp::pods
