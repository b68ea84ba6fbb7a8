#include "testing_openai/fake_request.hpp"

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

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

std::optional<ai::Role> role_of(const std::string& name) {
  if (name == "system" || name == "developer") return ai::Role::system;
  if (name == "user") return ai::Role::user;
  if (name == "assistant") return ai::Role::assistant;
  return std::nullopt;
}

std::optional<Refused> read_messages(JsonView body, ai::ChatRequest& request) {
  const auto messages = body.find("messages");
  if (!messages || messages->kind() != JsonKind::array || messages->size() == 0) {
    return refuse("messages", "'messages' must be a list of at least one message");
  }
  for (std::size_t i = 0; i < messages->size(); ++i) {
    const std::string where = "messages[" + std::to_string(i) + "]";
    const auto role = role_of(text_of(messages->at(i), "role"));
    if (!role) return refuse(where + ".role", "Invalid value for '" + where + ".role'");
    const auto content = messages->at(i).find("content");
    std::string text;
    if (content && content->as_string()) {
      text = std::string(*content->as_string());
    } else if (content && content->kind() == JsonKind::array) {
      for (std::size_t part = 0; part < content->size(); ++part) {
        text += text_of(content->at(part), "text");
      }
    }
    if (text.empty()) return refuse(where + ".content", "Invalid value for '" + where + "'");
    request.messages.push_back({*role, std::move(text)});
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
