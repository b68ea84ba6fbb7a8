#include "testing_openai/fake_request.hpp"

#include "testing_openai/fake_routes.hpp"
#include <rwp/ai_openai/strict_schema.hpp>
#include <rwp/core/json_writer.hpp>

#include <utility>

namespace rwp::testing {
namespace {

Refused refuse(std::string param, std::string message, std::string code = std::string()) {
  Refused refused;
  refused.param = std::move(param);
  refused.message = std::move(message);
  refused.code = std::move(code);
  return refused;
}

std::optional<ai::Role> role_of(const std::string& name) {
  if (name == "system" || name == "developer") return ai::Role::system;
  if (name == "user") return ai::Role::user;
  if (name == "assistant") return ai::Role::assistant;
  if (name == "tool") return ai::Role::tool;
  return std::nullopt;
}

void read_part(JsonView part, ai::Message& message) {
  message.content += text_of(part, "text");
  const auto image = part.find("image_url");
  const std::string url = image ? text_of(*image, "url") : std::string();
  if (!url.empty()) message.images.push_back({.url = url});
}

std::optional<Refused> read_calls(JsonView item, const std::string& where, ai::Message& message) {
  const auto calls = item.find("tool_calls");
  for (std::size_t i = 0; calls && i < calls->size(); ++i) {
    const auto function = calls->at(i).find("function");
    ai::ToolCall call;
    call.id = text_of(calls->at(i), "id");
    if (function) call.name = text_of(*function, "name");
    if (function) call.arguments = text_of(*function, "arguments");
    if (call.id.empty() || call.name.empty()) {
      return refuse(where + ".tool_calls", "Missing id or function name in a tool call");
    }
    message.tool_calls.push_back(std::move(call));
  }
  return std::nullopt;
}

std::optional<Refused> read_message(JsonView item, const std::string& where,
                                    ai::ChatRequest& request) {
  const auto role = role_of(text_of(item, "role"));
  if (!role) return refuse(where + ".role", "Invalid value for '" + where + ".role'");
  ai::Message message;
  message.role = *role;
  const auto content = item.find("content");
  if (content && content->as_string()) {
    message.content = std::string(*content->as_string());
  } else if (content && content->kind() == JsonKind::array) {
    for (std::size_t part = 0; part < content->size(); ++part) {
      read_part(content->at(part), message);
    }
  }
  if (auto bad = read_calls(item, where, message)) return bad;
  message.tool_call_id = text_of(item, "tool_call_id");
  if (*role == ai::Role::tool) {
    // Each answer of a tool follows the call that it is for.
    bool asked = false;
    for (const auto& earlier : request.messages) {
      for (const auto& call : earlier.tool_calls) {
        asked = asked || call.id == message.tool_call_id;
      }
    }
    if (!asked) {
      return refuse(where + ".role",
                    "messages with role 'tool' must be a response to a preceding message with "
                    "'tool_calls'.");
    }
  }
  const bool may_be_empty =
      !message.images.empty() || !message.tool_calls.empty() || *role == ai::Role::tool;
  if (message.content.empty() && !may_be_empty) {
    return refuse(where + ".content", "Invalid value for '" + where + "'");
  }
  request.messages.push_back(std::move(message));
  return std::nullopt;
}

std::optional<Refused> read_messages(JsonView body, ai::ChatRequest& request) {
  const auto messages = body.find("messages");
  if (!messages || messages->kind() != JsonKind::array || messages->size() == 0) {
    return refuse("messages", "'messages' must be a list of at least one message");
  }
  for (std::size_t i = 0; i < messages->size(); ++i) {
    auto bad = read_message(messages->at(i), "messages[" + std::to_string(i) + "]", request);
    if (bad) return bad;
  }
  return std::nullopt;
}

std::optional<Refused> read_tools(JsonView body, ai::ChatRequest& request) {
  const auto tools = body.find("tools");
  for (std::size_t i = 0; tools && i < tools->size(); ++i) {
    const std::string where = "tools[" + std::to_string(i) + "].function";
    const auto function = tools->at(i).find("function");
    ai::Tool tool;
    if (function) tool.name = text_of(*function, "name");
    if (tool.name.empty()) return refuse(where + ".name", "Missing name of a function");
    tool.description = text_of(*function, "description");
    if (const auto parameters = function->find("parameters")) tool.parameters = parameters->text();
    const auto strict = function->find("strict");
    tool.strict = strict && strict->as_bool() == true;
    if (tool.strict && !ai_openai::fits_strict_mode(JsonDocument(tool.parameters).root())) {
      return refuse(where + ".parameters", "Invalid schema for function '" + tool.name + "'",
                    "invalid_function_parameters");
    }
    request.tools.push_back(std::move(tool));
  }
  const auto choice = body.find("tool_choice");
  if (!choice || choice->is_null()) return std::nullopt;
  const auto function = choice->find("function");
  request.tool_choice =
      function ? text_of(*function, "name") : std::string(choice->as_string().value_or(""));
  if (request.tools.empty()) {
    return refuse("tool_choice", "'tool_choice' is only allowed when 'tools' are specified");
  }
  return std::nullopt;
}

std::optional<Refused> read_format(JsonView body, ai::ChatRequest& request) {
  const auto format = body.find("response_format");
  if (!format || format->is_null() || text_of(*format, "type") != "json_schema") {
    return std::nullopt;
  }
  const auto wanted = format->find("json_schema");
  const auto schema = wanted ? wanted->find("schema") : std::nullopt;
  if (!schema || schema->kind() != JsonKind::object || text_of(*wanted, "name").empty()) {
    return refuse("response_format.json_schema", "Missing name or schema");
  }
  const auto strict = wanted->find("strict");
  if (strict && strict->as_bool() == true && !ai_openai::fits_strict_mode(*schema)) {
    return refuse("response_format", "Invalid schema for response_format in strict mode",
                  "invalid_json_schema");
  }
  ai::OutputSchema output;
  output.name = text_of(*wanted, "name");
  output.schema = schema->text();
  request.output_schema = std::move(output);
  return std::nullopt;
}

std::optional<Refused> read_numbers(JsonView body, ai::ChatRequest& request) {
  if (const auto temperature = body.find("temperature"); temperature && !temperature->is_null()) {
    const auto value = temperature->as_double();
    if (!value || *value < 0 || *value > 2) {
      return refuse("temperature", "'temperature' must be between 0 and 2", "invalid_value");
    }
    request.temperature = *value;
  }
  for (const char* name : {"max_completion_tokens", "max_tokens"}) {
    const auto limit = body.find(name);
    if (!limit || limit->is_null()) continue;
    const auto value = limit->as_int64();
    if (!value || *value < 1) return refuse(name, "Invalid value for the limit", "invalid_value");
    request.max_output_tokens = *value;
  }
  return std::nullopt;
}

}  // namespace

std::variant<ChatAsked, Refused> read_chat_request(JsonView body,
                                                   const std::vector<std::string>& refused) {
  ChatAsked asked;
  asked.request.model = text_of(body, "model");
  if (asked.request.model.empty()) return refuse("model", "you must provide a model parameter");
  for (const auto& name : refused) {
    if (!body.find(name)) continue;
    return refuse(name, "Unsupported parameter: '" + name + "' is not supported with this model.",
                  "unsupported_parameter");
  }
  if (auto bad = read_messages(body, asked.request)) return *bad;
  if (auto bad = read_format(body, asked.request)) return *bad;
  if (auto bad = read_numbers(body, asked.request)) return *bad;
  if (auto bad = read_tools(body, asked.request)) return *bad;
  const auto logprobs = body.find("logprobs");
  if (logprobs && logprobs->as_bool() == true) asked.request.top_logprobs = 0;
  const auto stream = body.find("stream");
  asked.stream = stream && stream->as_bool() == true;
  const auto options = body.find("stream_options");
  if (options && !options->is_null() && !asked.stream) {
    return refuse("stream_options", "'stream_options' is only allowed when 'stream' is enabled");
  }
  const auto usage = options ? options->find("include_usage") : std::nullopt;
  asked.include_usage = usage && usage->as_bool() == true;
  return asked;
}

std::variant<EmbedAsked, Refused> read_embed_request(JsonView body) {
  EmbedAsked asked;
  asked.request.model = text_of(body, "model");
  if (asked.request.model.empty()) return refuse("model", "you must provide a model parameter");
  const auto input = body.find("input");
  if (input && input->as_string()) asked.request.inputs.emplace_back(*input->as_string());
  for (std::size_t i = 0; input && input->kind() == JsonKind::array && i < input->size(); ++i) {
    const auto text = input->at(i).as_string();
    if (!text) return refuse("input", "'input' must be text here");
    asked.request.inputs.emplace_back(*text);
  }
  if (asked.request.inputs.empty()) return refuse("input", "'input' must not be empty");
  if (const auto size = body.find("dimensions"); size && !size->is_null()) {
    const auto value = size->as_int64();
    if (!value || *value < 1) return refuse("dimensions", "'dimensions' must be at least 1");
    asked.request.dimensions = *value;
  }
  asked.base64 = text_of(body, "encoding_format") == "base64";
  return asked;
}

std::string error_json(const Refused& refused) {
  JsonWriter out;
  out.begin_object().key("error").begin_object();
  out.member("message", std::string_view(refused.message));
  out.member("type", std::string_view(refused.type));
  for (const auto& [name, word] :
       {std::pair<const char*, const std::string&>("param", refused.param),
        {"code", refused.code}}) {
    out.key(name);
    if (word.empty()) {
      out.null();
    } else {
      out.value(std::string_view(word));
    }
  }
  out.end_object().end_object();
  return out.finish().release();
}

server::Response error_response(const Refused& refused) {
  return server::json_response(refused.status, error_json(refused));
}

}  // namespace rwp::testing
