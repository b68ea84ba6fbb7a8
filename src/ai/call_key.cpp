#include <rwp/ai/call_key.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/sha256.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rwp::ai {
namespace {

/// Raised when what is hashed changes, so that old keys fit nothing.
constexpr int kVersion = 4;

/// Without the white space between its parts; the order of members is the model's to follow.
std::string without_space(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!in_text && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) continue;
    out += c;
    if (in_text && c == '\\' && i + 1 < json.size()) {
      out += json[++i];
    } else if (c == '"') {
      in_text = !in_text;
    }
  }
  return out;
}

void write_message(JsonWriter& out, const Message& message) {
  out.begin_array();
  out.value(static_cast<std::int64_t>(message.role));
  out.value(std::string_view(message.content));
  for (const auto& image : message.images) {
    out.begin_object().member("url", std::string_view(image.url));
    if (!image.bytes.empty()) {
      const std::string digest = to_hex(sha256(image.bytes));
      out.member("bytes", std::string_view(digest));
      out.member("type", std::string_view(image.media_type));
    }
    out.member("detail", std::string_view(image.detail)).end_object();
  }
  for (const auto& call : message.tool_calls) {
    out.begin_object().member("id", std::string_view(call.id));
    out.member("name", std::string_view(call.name));
    out.member("arguments", std::string_view(call.arguments)).end_object();
  }
  if (!message.tool_call_id.empty()) out.value(std::string_view(message.tool_call_id));
  out.end_array();
}

void write_tools(JsonWriter& out, const ChatRequest& request) {
  out.key("tools").begin_array();
  for (const auto& tool : request.tools) {
    out.begin_object().member("name", std::string_view(tool.name));
    out.member("description", std::string_view(tool.description));
    out.member("parameters", tool.parameters).member("strict", tool.strict).end_object();
  }
  out.end_array();
  out.member("tool_choice", std::string_view(request.tool_choice));
  if (request.parallel_tool_calls) out.member("parallel", *request.parallel_tool_calls);
}

JsonWriter begin(const char* operation, std::string_view model, std::string_view scope) {
  JsonWriter out;
  out.begin_object();
  out.member("version", kVersion);
  out.member("operation", operation);
  out.member("scope", scope);
  out.member("model", model);
  return out;
}

std::string digest(JsonWriter& out) {
  out.end_object();
  return to_hex(sha256(out.finish().view()));
}

}  // namespace

std::string call_key(const ChatRequest& request, std::string_view model, std::string_view scope) {
  JsonWriter out = begin("chat", model, scope);
  if (request.wire) {
    out.member("api", static_cast<std::int64_t>(request.wire->api));
    out.member("streamed", request.wire->streamed);
    out.member("wants_usage", request.wire->wants_usage);
    out.member("wire", JsonText::trusted(canonical_wire(*request.wire)));
    out.member("max_output_tokens", request.max_output_tokens);
    return digest(out);
  }
  out.key("messages").begin_array();
  for (const auto& message : request.messages) write_message(out, message);
  out.end_array();
  if (request.output_schema) {
    out.member("schema_name", std::string_view(request.output_schema->name));
    out.member("schema", std::string_view(without_space(request.output_schema->schema.view())));
  }
  if (request.temperature) out.member("temperature", *request.temperature);
  out.member("max_output_tokens", request.max_output_tokens);
  if (!request.tools.empty()) write_tools(out, request);
  if (request.top_logprobs) out.member("top_logprobs", *request.top_logprobs);
  if (!request.extra_fields.is_null()) out.member("extra_fields", request.extra_fields);
  return digest(out);
}

std::string call_key(const EmbedRequest& request, std::string_view model, std::string_view scope) {
  JsonWriter out = begin("embed", model, scope);
  out.key("inputs").begin_array();
  for (const auto& input : request.inputs) out.value(std::string_view(input));
  out.end_array();
  out.member("dimensions", request.dimensions);
  return digest(out);
}

}  // namespace rwp::ai
