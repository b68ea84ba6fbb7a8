#pragma once

#include <rwp/core/json_text.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// What is said to a model: texts, images, and tools that it may ask to have called.
namespace rwp::ai {

enum class Role : std::uint8_t {
  system,
  user,
  assistant,
  tool,  ///< What a tool answered; `Message::tool_call_id` says to which call.
};

/// A picture within a user's message: by its address, or as bytes.
struct Image {
  /// http:, https: or `data:image/…`; empty: `bytes`.
  std::string url{};
  /// The file itself; `media_type` says of which kind ("image/png").
  std::string bytes{};
  std::string media_type{};
  /// "auto", "low" or "high"; empty: the provider's choice. It decides what the picture costs.
  std::string detail{};
};

/// A function that the caller can run, as the model is told of it.
struct Tool {
  /// 1 to 64 letters, digits, - and _.
  std::string name{};
  std::string description{};
  /// JSON Schema of the arguments, an object; null: it takes none.
  JsonText parameters{};
  /// The arguments keep the schema by the rules of strict mode, where the schema allows that.
  bool strict = false;
};

/// What the model asks to have called.
struct ToolCall {
  /// To be repeated in Message::tool_call_id of its answer.
  std::string id{};
  std::string name{};
  /// Meant to be JSON that the tool's schema accepts; nobody promises that: judge it.
  std::string arguments{};

  friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

struct Message {
  Role role = Role::user;
  /// May be empty beside images or tool calls, and for what a tool answered.
  std::string content{};
  /// Of a user's message alone.
  std::vector<Image> images{};
  /// Of an assistant's message alone: what it asked for, handed back.
  std::vector<ToolCall> tool_calls{};
  /// Of a tool's message, and needed there.
  std::string tool_call_id{};
};

}  // namespace rwp::ai
