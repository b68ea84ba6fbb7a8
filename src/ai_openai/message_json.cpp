#include "ai_openai/message_json.hpp"

#include "ai_openai/base64.hpp"
#include <rwp/ai_openai/strict_schema.hpp>
#include <rwp/core/json_view.hpp>

#include <string>
#include <string_view>

namespace rwp::ai_openai {
namespace {

std::string_view role_name(ai::Role role) {
  switch (role) {
    case ai::Role::system:
      return "system";
    case ai::Role::assistant:
      return "assistant";
    case ai::Role::tool:
      return "tool";
    case ai::Role::user:
      break;
  }
  return "user";
}

void write_image(JsonWriter& out, const ai::Image& image) {
  out.begin_object().member("type", "image_url").key("image_url").begin_object();
  if (image.url.empty()) {
    out.member("url", std::string_view("data:" + image.media_type + ";base64," +
                                       encode_base64(image.bytes)));
  } else {
    out.member("url", std::string_view(image.url));
  }
  if (!image.detail.empty()) out.member("detail", std::string_view(image.detail));
  out.end_object().end_object();
}

void write_parts(JsonWriter& out, const ai::Message& message) {
  out.begin_array();
  if (!message.content.empty()) {
    out.begin_object().member("type", "text");
    out.member("text", std::string_view(message.content)).end_object();
  }
  for (const auto& image : message.images) write_image(out, image);
  out.end_array();
}

void write_calls(JsonWriter& out, const ai::Message& message) {
  out.key("tool_calls").begin_array();
  for (const auto& call : message.tool_calls) {
    out.begin_object().member("id", std::string_view(call.id)).member("type", "function");
    out.key("function").begin_object().member("name", std::string_view(call.name));
    out.member("arguments", std::string_view(call.arguments)).end_object().end_object();
  }
  out.end_array();
}

void write_tool(JsonWriter& out, const ai::Tool& tool, bool avoid_strict) {
  out.begin_object().member("type", "function").key("function").begin_object();
  out.member("name", std::string_view(tool.name));
  if (!tool.description.empty()) out.member("description", std::string_view(tool.description));
  if (!tool.parameters.is_null()) out.member("parameters", tool.parameters);
  const bool strict = tool.strict && !avoid_strict && !tool.parameters.is_null() &&
                      fits_strict_mode(JsonDocument(tool.parameters).root());
  if (strict) out.member("strict", true);
  out.end_object().end_object();
}

void write_choice(JsonWriter& out, const std::string& choice) {
  if (choice.empty()) return;
  out.key("tool_choice");
  if (choice == "none" || choice == "auto" || choice == "required") {
    out.value(std::string_view(choice));
    return;
  }
  out.begin_object().member("type", "function").key("function").begin_object();
  out.member("name", std::string_view(choice)).end_object().end_object();
}

}  // namespace

void write_message(JsonWriter& out, const ai::Message& message) {
  out.begin_object().member("role", role_name(message.role));
  if (message.role == ai::Role::tool) {
    out.member("tool_call_id", std::string_view(message.tool_call_id));
  }
  out.key("content");
  if (!message.images.empty()) {
    write_parts(out, message);
  } else if (message.content.empty() && !message.tool_calls.empty()) {
    out.null();
  } else {
    out.value(std::string_view(message.content));
  }
  if (!message.tool_calls.empty()) write_calls(out, message);
  out.end_object();
}

void write_tools(JsonWriter& out, const ai::ChatRequest& request, bool avoid_strict) {
  out.key("tools").begin_array();
  for (const auto& tool : request.tools) write_tool(out, tool, avoid_strict);
  out.end_array();
  write_choice(out, request.tool_choice);
  if (request.parallel_tool_calls) {
    out.member("parallel_tool_calls", *request.parallel_tool_calls);
  }
}

}  // namespace rwp::ai_openai
