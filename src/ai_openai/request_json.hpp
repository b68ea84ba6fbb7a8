#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/json_text.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace rwp::ai_openai {

/// What one model, on one server, wants to be spared; learnt from its refusals.
struct Avoid {
  bool temperature = false;
  bool max_completion_tokens = false;
  bool strict_schema = false;
  bool reasoning_effort = false;
  bool stream_options = false;
};

/// How a chat request is put.
struct ChatForm {
  std::string model{};
  bool stream = false;
  std::string reasoning_effort{};
  Avoid avoid{};
};

/// What a model's name tells: those that reason refuse a temperature.
Avoid avoid_by_name(std::string_view model) noexcept;

/// The body of POST /chat/completions.
JsonText chat_json(const ai::ChatRequest& request, const ChatForm& form);

/// The body of POST /embeddings, which asks for base64 when the server knows it.
JsonText embeddings_json(std::span<const std::string> inputs, std::string_view model,
                         std::int64_t dimensions, bool base64 = true);

}  // namespace rwp::ai_openai
