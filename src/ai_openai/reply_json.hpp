#pragma once

#include "ai_openai/server_error.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/ai_openai/model_info.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_view.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rwp::ai_openai {

/// Why a body of status 200 is no answer: the server said an error, or what is wrong with it.
using Wrong = std::variant<ServerError, std::string>;

/// An answer, or why it is none.
template <class T>
using Read = std::variant<T, Wrong>;

/// The body of a chat completion: the first choice. Usage stays 0 when the server tells none.
Read<ai::ChatReply> read_chat(std::string body);

/// The calls that a message asks for; none: one is no call, or they are more than 128.
std::optional<std::vector<ai::ToolCall>> read_tool_calls(JsonView message);

/// The vectors of an embedding's answer in the order of the inputs, each of length 1. Every input
/// has one, all of the same size, and of `dimensions` when that is not 0.
Read<ai::EmbedReply> read_embeddings(std::string body, std::size_t inputs, std::int64_t dimensions);

/// The list of models, at most 10,000.
Read<std::vector<ModelInfo>> read_models(std::string body);

/// `usage` of a chat completion or an embedding; none when absent or null.
std::optional<ai::TokenUsage> read_usage(JsonView document);

/// What a finish_reason says; none for null and "". Names that are not OpenAI's count as a stop.
std::optional<ai::FinishReason> read_finish_reason(JsonView choice);

/// A token for each four bytes, as the messages and the answer have them.
ai::TokenUsage estimate_usage(std::size_t input_bytes, std::size_t output_bytes) noexcept;

/// Base64 (standard alphabet, padded) of little-endian 32 bit floats; none for anything else.
std::optional<std::vector<float>> decode_floats(std::string_view base64);

}  // namespace rwp::ai_openai
