#include "ai_openai/request_json.hpp"

#include "ai_openai/message_json.hpp"
#include <rwp/ai_openai/strict_schema.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

namespace rwp::ai_openai {
namespace {

void write_schema(JsonWriter& out, const ai::OutputSchema& wanted, bool avoid_strict) {
  const bool strict = !avoid_strict && fits_strict_mode(JsonDocument(wanted.schema).root());
  out.key("response_format").begin_object();
  out.member("type", "json_schema");
  out.key("json_schema").begin_object();
  out.member("name", std::string_view(wanted.name));
  out.member("schema", wanted.schema);
  out.member("strict", strict);
  out.end_object();
  out.end_object();
}

/// What the call says of it, else what the options say; empty: nothing, or the model will not have
/// it.
std::string effort_of(const ai::ChatRequest& request, const ChatForm& form) {
  if (form.avoid.reasoning_effort) return {};
  if (!request.extra_fields.is_null()) {
    const JsonDocument extra(request.extra_fields);
    const auto told = extra.root().find("reasoning_effort");
    if (told && told->as_string()) return std::string(*told->as_string());
  }
  return form.reasoning_effort;
}

}  // namespace

Avoid avoid_by_name(std::string_view model) noexcept {
  // A vendor's prefix, as routers have it: "openai/o3".
  if (const auto slash = model.rfind('/'); slash != std::string_view::npos) {
    model.remove_prefix(slash + 1);
  }
  const bool o_line = model.size() >= 2 && model[0] == 'o' && model[1] >= '1' && model[1] <= '9';
  const bool chat_line = model.find("chat") != std::string_view::npos;
  Avoid avoid;
  avoid.temperature = o_line || (model.starts_with("gpt-5") && !chat_line);
  return avoid;
}

JsonText chat_json(const ai::ChatRequest& request, const ChatForm& form) {
  JsonWriter out;
  out.begin_object();
  out.member("model", std::string_view(form.model));
  out.key("messages").begin_array();
  for (const auto& message : request.messages) write_message(out, message);
  out.end_array();
  if (!request.tools.empty()) write_tools(out, request, form.avoid.strict_schema);
  if (request.top_logprobs) {
    out.member("logprobs", true);
    if (*request.top_logprobs > 0) out.member("top_logprobs", *request.top_logprobs);
  }
  if (request.output_schema) {
    write_schema(out, *request.output_schema, form.avoid.strict_schema);
  }
  if (request.temperature && !form.avoid.temperature) {
    out.member("temperature", *request.temperature);
  }
  if (request.max_output_tokens > 0) {
    out.member(form.avoid.max_completion_tokens ? "max_tokens" : "max_completion_tokens",
               request.max_output_tokens);
  }
  const std::string effort = effort_of(request, form);
  if (!effort.empty()) out.member("reasoning_effort", std::string_view(effort));
  if (form.stream) {
    out.member("stream", true);
    if (!form.avoid.stream_options) {
      out.key("stream_options").begin_object().member("include_usage", true).end_object();
    }
  }
  if (!request.extra_fields.is_null()) {
    const JsonDocument extra(request.extra_fields);
    extra.root().each_member([&](std::string_view name, JsonView value) {
      if (name != "reasoning_effort") out.member(name, value.text());
      return true;
    });
  }
  out.end_object();
  return out.finish();
}

JsonText embeddings_json(std::span<const std::string> inputs, std::string_view model,
                         std::int64_t dimensions, bool base64) {
  JsonWriter out;
  out.begin_object();
  out.member("model", model);
  out.key("input").begin_array();
  for (const auto& input : inputs) out.value(std::string_view(input));
  out.end_array();
  if (dimensions > 0) out.member("dimensions", dimensions);
  if (base64) out.member("encoding_format", "base64");
  out.end_object();
  return out.finish();
}

}  // namespace rwp::ai_openai
