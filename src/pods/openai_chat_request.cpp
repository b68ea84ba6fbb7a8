#include "pods/openai_body.hpp"
#include "pods/openai_request.hpp"
#include "pods/openai_schema.hpp"
#include <rwp/core/json_writer.hpp>

#include <utility>

namespace rwp::pods {
namespace {

constexpr std::size_t kMostMessages = 1'000;
constexpr std::size_t kMostContentBytes = std::size_t{4} << 20U;
constexpr std::size_t kMostModelBytes = 256;
constexpr std::size_t kMostHintBytes = 512;
constexpr std::size_t kMostSchemaNameBytes = 64;
constexpr std::int64_t kMostTokens = 10'000'000;

std::string place(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

class ChatReader {
 public:
  ChatReader(JsonView root, ChatCall& call, RequestFault& fault)
      : fields_(root, "", fault), call_(call), fault_(fault) {}

  void read() {
    if (const auto model = fields_.text("model", kMostModelBytes)) {
      call_.request.model = *model;
      if (model->empty()) fields_.invalid("model", "it is empty");
    } else {
      fields_.missing("model");
    }
    read_messages();
    read_output();
    read_stream();
    read_hints();
    read_defaults();
    fields_.close();
  }

 private:
  void read_messages() {
    const auto list = fields_.array("messages");
    if (!list) return fields_.missing("messages");
    if (list->size() == 0) return fields_.invalid("messages", "expected at least one message");
    if (list->size() > kMostMessages) {
      return fields_.invalid("messages", "expected at most 1000 messages");
    }
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < list->size() && !fault_; ++i) {
      const auto item = list->at(i);
      if (item.kind() != JsonKind::object) {
        return fields_.wrong_type(place("messages", i), "an object", item);
      }
      read_message(item, place("messages", i));
      if (!fault_) bytes += call_.request.messages.back().content.size();
      if (bytes > kMostContentBytes) {
        return fields_.invalid("messages", "their contents are longer than 4194304 bytes in all");
      }
    }
  }

  void read_message(JsonView item, const std::string& path) {
    RequestFields fields(item, path, fault_);
    ai::Message message;
    // As messages of an answer are handed back, with the members that say nothing.
    const auto role = fields.choice("role", {"system", "developer", "user", "assistant"});
    if (!role) return fields.missing("role");
    const auto content = fields.any("content");
    if (*role == "user") {
      message.role = ai::Role::user;
    } else if (*role == "assistant") {
      message.role = ai::Role::assistant;
      read_assistant(fields, message);
    } else {
      message.role = ai::Role::system;
    }
    if (content) message.content = read_content(*content, fields, path);
    if (message.content.empty()) fields.invalid("content", "it is empty");
    fields.unsupported("name");
    fields.close();
    call_.request.messages.push_back(std::move(message));
  }

  static void read_assistant(RequestFields& fields, ai::Message& message) {
    if (const auto refusal = fields.text("refusal")) message.content = *refusal;
    fields.unsupported("tool_calls");
    fields.unsupported("function_call");
    fields.unsupported("audio");
    const auto annotations = fields.array("annotations");
    if (annotations && annotations->size() > 0) {
      fields.invalid("annotations", "not supported with this model");
    }
  }

  std::string read_content(JsonView content, RequestFields& fields, const std::string& path) {
    if (const auto text = content.as_string()) return std::string(*text);
    std::string joined;
    if (content.kind() != JsonKind::array) {
      fields.wrong_type("content", "a string or an array of objects", content);
      return joined;
    }
    for (std::size_t i = 0; i < content.size() && !fault_; ++i) {
      const std::string where = place("content", i);
      if (content.at(i).kind() != JsonKind::object) {
        fields.wrong_type(where, "an object", content.at(i));
        break;
      }
      std::string inside = path;
      inside.append(".").append(where);
      RequestFields part(content.at(i), inside, fault_);
      // Pictures, sound and files: no Model here takes them.
      if (!part.choice("type", {"text"})) part.missing("type");
      if (const auto text = part.text("text")) {
        joined += *text;
      } else {
        part.missing("text");
      }
      part.close();
    }
    return joined;
  }

  void read_output() {
    call_.request.temperature = fields_.number("temperature", 0.0, 2.0);
    const auto most = fields_.integer("max_completion_tokens", 1, kMostTokens);
    const auto old_most = fields_.integer("max_tokens", 1, kMostTokens);
    if (most && old_most) fields_.invalid("max_tokens", "max_completion_tokens is given, too");
    call_.request.max_output_tokens = most ? *most : old_most.value_or(0);
    const auto format = fields_.object("response_format");
    if (!format) return;
    RequestFields fields(*format, "response_format", fault_);
    const auto type = fields.choice("type", {"text", "json_object", "json_schema"});
    if (!type) return fields.missing("type");
    if (*type == "json_object") {
      ai::OutputSchema any_object;
      any_object.name = "json_object";
      any_object.schema = JsonText::trusted(R"({"type":"object"})");
      call_.request.output_schema = std::move(any_object);
    } else if (*type == "json_schema") {
      if (const auto schema = fields.object("json_schema")) {
        read_schema(*schema);
      } else {
        fields.missing("json_schema");
      }
    }
    fields.close();
  }

  void read_schema(JsonView json) {
    RequestFields fields(json, "response_format.json_schema", fault_);
    ai::OutputSchema wanted;
    if (const auto name = fields.text("name", kMostSchemaNameBytes)) {
      wanted.name = *name;
      if (name->empty() || name->find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
                                                   "VWXYZ0123456789_-") != std::string_view::npos) {
        fields.invalid("name", "expected letters, digits, _ and -");
      }
    } else {
      fields.missing("name");
    }
    // What the schema is for is told by its name and its own descriptions; every answer is held
    // to it, whether strict or not.
    fields.text("description", kMostHintBytes);
    fields.flag("strict");
    if (const auto schema = fields.object("schema")) {
      if (auto checked = check_client_schema(*schema); !checked) {
        fault_.refuse("response_format",
                      "Invalid schema for response_format '" + wanted.name +
                          "': " + checked.error().message() + ".",
                      "invalid_json_schema");
      }
      wanted.schema = schema->text();
    } else {
      fields.missing("schema");
    }
    fields.close();
    call_.request.output_schema = std::move(wanted);
  }

  void read_stream() {
    call_.stream = fields_.flag("stream").value_or(false);
    const auto options = fields_.object("stream_options");
    if (!options) return;
    if (!call_.stream) {
      return fault_.refuse("stream_options",
                           "The 'stream_options' parameter is only allowed when 'stream' is "
                           "enabled.",
                           "invalid_value");
    }
    RequestFields fields(*options, "stream_options", fault_);
    call_.include_usage = fields.flag("include_usage").value_or(false);
    // Padding is never added here.
    fields.flag("include_obfuscation");
    fields.close();
  }

  /// They change no answer.
  void read_hints() {
    for (const auto* const name : {"user", "safety_identifier", "prompt_cache_key"}) {
      fields_.text(name, kMostHintBytes);
    }
    fields_.choice("prompt_cache_retention", {"in_memory", "in-memory", "24h"});
    const auto metadata = fields_.object("metadata");
    if (!metadata) return;
    constexpr std::size_t kMostPairs = 16;
    if (metadata->size() > kMostPairs) fields_.invalid("metadata", "expected at most 16 pairs");
    RequestFields fields(*metadata, "metadata", fault_);
    metadata->each_member([&](std::string_view name, JsonView) {
      if (name.size() > 4 * 64) fields_.invalid("metadata", "a key is longer than 64 characters");
      fields.text(name, 4 * 512);
      return !fault_;
    });
  }

  /// Known parameters that may only say what is so without them.
  void read_defaults() {
    fields_.integer("n", 1, 1);
    fields_.number("top_p", 1.0, 1.0);
    fields_.number("frequency_penalty", 0.0, 0.0);
    fields_.number("presence_penalty", 0.0, 0.0);
    for (const auto* const name : {"logprobs", "store"}) {
      if (fields_.flag(name) == true) fields_.invalid(name, "only false is supported");
    }
    fields_.choice("service_tier", {"auto", "default"});
    if (const auto modalities = fields_.array("modalities")) {
      for (std::size_t i = 0; i < modalities->size(); ++i) {
        if (modalities->at(i).as_string() != "text") {
          fields_.invalid("modalities", "only 'text' is supported");
        }
      }
    }
    for (const auto* const name :
         {"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "audio",
          "logit_bias", "moderation", "prediction", "prompt_cache_options", "reasoning_effort",
          "seed", "stop", "top_logprobs", "verbosity", "web_search_options"}) {
      fields_.unsupported(name);
    }
  }

  RequestFields fields_;
  ChatCall& call_;
  RequestFault& fault_;
};

}  // namespace

void read_chat_root(JsonView root, ChatCall& call, RequestFault& fault) {
  ChatReader(root, call, fault).read();
}

std::variant<ChatCall, OpenAiError> read_chat_request(std::string body) {
  RequestFault fault;
  ChatCall call;
  if (const auto document = read_openai_body(std::move(body), fault)) {
    read_chat_root(document->root(), call, fault);
  }
  if (fault) return *fault.error();
  return call;
}

}  // namespace rwp::pods
