#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/json_writer.hpp>

namespace rwp::ai_openai {

/// One entry of `messages`.
void write_message(JsonWriter& out, const ai::Message& message);

/// `tools`, `tool_choice` and `parallel_tool_calls`.
void write_tools(JsonWriter& out, const ai::ChatRequest& request, bool avoid_strict);

}  // namespace rwp::ai_openai
