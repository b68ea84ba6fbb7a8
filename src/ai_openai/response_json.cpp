#include "ai_openai/response_json.hpp"

#include "ai_openai/json_call.hpp"
#include <rwp/core/json_writer.hpp>

#include <utility>

namespace rwp::ai_openai {
namespace {

void read_message(JsonView item, ResponseReply& reply) {
  const auto content = item.find("content");
  if (!content || content->kind() != JsonKind::array) return;
  for (std::size_t i = 0; i < content->size(); ++i) {
    const JsonView part = content->at(i);
    const std::string type = text_member(part, "type");
    if (type == "output_text") reply.text += text_member(part, "text");
    if (type == "refusal") reply.refusal += text_member(part, "refusal");
  }
}

void read_output(JsonView output, ResponseReply& reply) {
  for (std::size_t i = 0; i < output.size(); ++i) {
    const JsonView item = output.at(i);
    const std::string type = text_member(item, "type");
    if (type == "message") read_message(item, reply);
    if (type != "function_call" && type != "custom_tool_call") continue;
    ai::ToolCall call;
    call.id = text_member(item, "call_id");
    call.name = text_member(item, "name");
    call.arguments = text_member(item, type == "function_call" ? "arguments" : "input");
    reply.tool_calls.push_back(std::move(call));
  }
}

ai::TokenUsage read_usage_of(JsonView usage) {
  ai::TokenUsage read;
  read.input_tokens = count_member(usage, "input_tokens");
  read.output_tokens = count_member(usage, "output_tokens");
  if (const auto details = usage.find("input_tokens_details")) {
    read.cached_input_tokens = count_member(*details, "cached_tokens");
    read.cache_write_tokens = count_member(*details, "cache_write_tokens");
  }
  if (const auto details = usage.find("output_tokens_details")) {
    read.reasoning_tokens = count_member(*details, "reasoning_tokens");
  }
  return read;
}

}  // namespace

ReadResponse read_response(JsonView object) {
  ResponseReply reply;
  reply.id = text_member(object, "id");
  reply.status = text_member(object, "status");
  if (reply.id.empty() || reply.status.empty()) return std::string("it has no id or no status");
  const auto error = object.find("error");
  if (reply.status == "failed" || (error && error->kind() == JsonKind::object)) {
    ServerError said;
    if (error && error->kind() == JsonKind::object) {
      said.message = text_member(*error, "message");
      said.code = text_member(*error, "code");
    }
    // The kinds of failure that a response knows are codes here, and types elsewhere.
    said.type = said.code == "rate_limit_exceeded"                 ? "rate_limit_error"
                : said.code.empty() || said.code == "server_error" ? "server_error"
                                                                   : "invalid_request_error";
    return said;
  }
  reply.model = text_member(object, "model");
  const auto output = object.find("output");
  if (output && output->kind() == JsonKind::array) read_output(*output, reply);
  if (reply.status == "completed" && (!output || output->size() == 0)) {
    return std::string("it is completed and has no output");
  }
  if (const auto usage = object.find("usage"); usage && usage->kind() == JsonKind::object) {
    reply.usage = read_usage_of(*usage);
  }
  if (const auto details = object.find("incomplete_details")) {
    reply.incomplete_reason = text_member(*details, "reason");
  }
  reply.document = object.text();
  return reply;
}

Result<JsonText> response_body(const JsonText& body, const std::string& model, bool stream) {
  const JsonDocument document(body);
  if (document.root().kind() != JsonKind::object) {
    return Error(Errc::invalid_argument, "body: must be an object");
  }
  JsonWriter out;
  out.begin_object();
  if (!document.root().find("model") && !model.empty()) {
    out.member("model", std::string_view(model));
  }
  document.root().each_member([&](std::string_view name, JsonView value) {
    if (name != "stream") out.member(name, value.text());
    return true;
  });
  if (stream) out.member("stream", true);
  out.end_object();
  return out.finish();
}

}  // namespace rwp::ai_openai
