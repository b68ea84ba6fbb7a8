#include "pods/responses_request.hpp"

#include "pods/openai_body.hpp"
#include "pods/openai_fields.hpp"
#include <rwp/core/json_writer.hpp>

#include <array>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

constexpr std::size_t kMostItems = 1'000;
constexpr std::size_t kMostModelBytes = 256;

std::string place(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

class Translator {
 public:
  Translator(JsonView root, TranslatedResponse& made, RequestFault& fault)
      : root_(root), fields_(root, "", fault), fault_(fault), made_(made) {}

  void run() {
    out_.begin_object();
    if (const auto model = fields_.text("model", kMostModelBytes)) {
      out_.member("model", *model);
    } else {
      fields_.missing("model");
    }
    out_.key("messages").begin_array();
    write_instructions();
    write_input();
    end_calls();
    out_.end_array();
    write_tools();
    write_text();
    write_reasoning();
    write_bounds();
    write_stream();
    read_what_says_nothing();
    refuse_the_rest();
    fields_.close();
    out_.end_object();
    if (!fault_) made_.body = out_.finish().release();
  }

 private:
  void write_instructions() {
    const auto text = fields_.text("instructions");
    if (!text || text->empty()) return;
    echo("instructions");
    out_.begin_object().member("role", "system").member("content", *text).end_object();
  }

  void write_input() {
    const auto input = fields_.any("input");
    if (!input) return fields_.missing("input");
    if (const auto text = input->as_string()) {
      out_.begin_object().member("role", "user").member("content", *text).end_object();
      return;
    }
    if (input->kind() != JsonKind::array) {
      return fields_.wrong_type("input", "a string or an array", *input);
    }
    if (input->size() == 0 || input->size() > kMostItems) {
      return fields_.invalid("input", "expected 1 to 1000 items");
    }
    for (std::size_t i = 0; i < input->size() && !fault_; ++i) {
      const auto item = input->at(i);
      const std::string path = place("input", i);
      if (item.kind() != JsonKind::object) return fields_.wrong_type(path, "an object", item);
      write_item(item, path);
    }
  }

  void write_item(JsonView item, const std::string& path) {
    const auto type = item.find("type");
    const auto name = type ? type->as_string().value_or("") : std::string_view("message");
    if (name == "function_call") return write_call(item, path);
    end_calls();
    if (name == "message") return write_message(item, path);
    if (name == "function_call_output") return write_result(item, path);
    // What a model thought is not handed back to chat completions.
    if (name == "reasoning") return;
    RequestFields fields(item, path, fault_);
    fields.invalid("type",
                   "\"" + std::string(name.substr(0, 64)) + "\" is not supported with this model");
  }

  void write_message(JsonView item, const std::string& path) {
    RequestFields fields(item, path, fault_);
    fields.text("type");
    fields.text("id");
    fields.text("status");
    fields.text("phase");
    const auto role = fields.choice("role", {"user", "system", "developer", "assistant"});
    if (!role) return fields.missing("role");
    const auto content = fields.any("content");
    if (!content) return fields.missing("content");
    out_.begin_object().member("role", *role).key("content");
    if (const auto text = content->as_string()) {
      out_.value(*text);
    } else if (content->kind() != JsonKind::array) {
      fields.wrong_type("content", "a string or an array", *content);
      out_.null();
    } else if (*role == "assistant") {
      out_.value(std::string_view(joined_text(*content, path + ".content")));
    } else {
      out_.begin_array();
      for (std::size_t i = 0; i < content->size() && !fault_; ++i) {
        write_part(content->at(i), place(path + ".content", i));
      }
      out_.end_array();
    }
    out_.end_object();
    fields.close();
  }

  std::string joined_text(JsonView parts, const std::string& path) {
    std::string joined;
    for (std::size_t i = 0; i < parts.size() && !fault_; ++i) {
      RequestFields part(parts.at(i), place(path, i), fault_);
      const auto type = part.choice("type", {"output_text", "input_text", "text", "refusal"});
      if (!type) return part.missing("type"), joined;
      const auto text = part.text(*type == "refusal" ? "refusal" : "text");
      if (!text) return part.missing("text"), joined;
      joined += *text;
      part.any("annotations");
      part.any("logprobs");
      part.close();
    }
    return joined;
  }

  void write_part(JsonView item, const std::string& path) {
    RequestFields part(item, path, fault_);
    const auto type =
        part.choice("type", {"input_text", "text", "input_image", "input_file", "input_audio"});
    if (!type) return part.missing("type");
    out_.begin_object();
    if (*type == "input_image") {
      write_image(part);
    } else if (*type == "input_file") {
      write_file(part);
    } else if (*type == "input_audio") {
      out_.member("type", "input_audio");
      if (const auto sound = part.object("input_audio")) {
        out_.member("input_audio", sound->text());
      } else {
        part.missing("input_audio");
      }
    } else {
      const auto text = part.text("text");
      if (!text) part.missing("text");
      out_.member("type", "text").member("text", text.value_or(""));
    }
    out_.end_object();
    part.close();
  }

  void write_image(RequestFields& part) {
    const auto url = part.text("image_url");
    const auto detail = part.choice("detail", {"auto", "low", "high"});
    part.unsupported("file_id");
    if (!url) part.missing("image_url");
    out_.member("type", "image_url").key("image_url").begin_object();
    out_.member("url", url.value_or(""));
    if (detail) out_.member("detail", *detail);
    out_.end_object();
  }

  void write_file(RequestFields& part) {
    out_.member("type", "file").key("file").begin_object();
    bool is_there = false;
    for (const auto* const name : {"file_id", "filename", "file_data"}) {
      const auto text = part.text(name);
      if (!text) continue;
      out_.member(name, *text);
      is_there = true;
    }
    part.unsupported("file_url");
    if (!is_there) part.missing("file_data");
    out_.end_object();
  }

  /// Calls in a row are one message's.
  void write_call(JsonView item, const std::string& path) {
    RequestFields fields(item, path, fault_);
    fields.text("type");
    fields.text("id");
    fields.text("status");
    const auto id = fields.text("call_id");
    const auto name = fields.text("name");
    const auto arguments = fields.text("arguments");
    if (!id) return fields.missing("call_id");
    if (!name) return fields.missing("name");
    if (!arguments) return fields.missing("arguments");
    if (!in_calls_) {
      out_.begin_object().member("role", "assistant").key("content").null();
      out_.key("tool_calls").begin_array();
      in_calls_ = true;
    }
    out_.begin_object().member("id", *id).member("type", "function").key("function");
    out_.begin_object().member("name", *name).member("arguments", *arguments).end_object();
    out_.end_object();
    fields.close();
  }

  void end_calls() {
    if (!std::exchange(in_calls_, false)) return;
    out_.end_array().end_object();
  }

  void write_result(JsonView item, const std::string& path) {
    RequestFields fields(item, path, fault_);
    fields.text("type");
    fields.text("id");
    fields.text("status");
    const auto id = fields.text("call_id");
    const auto output = fields.any("output");
    if (!id) return fields.missing("call_id");
    if (!output) return fields.missing("output");
    out_.begin_object().member("role", "tool").member("tool_call_id", *id).key("content");
    if (const auto text = output->as_string()) {
      out_.value(*text);
    } else if (output->kind() == JsonKind::array) {
      out_.value(std::string_view(joined_text(*output, path + ".output")));
    } else {
      fields.wrong_type("output", "a string or an array", *output);
      out_.null();
    }
    out_.end_object();
    fields.close();
  }

  void write_tools() {
    const auto tools = fields_.array("tools");
    if (tools && tools->size() > 0) {
      echo("tools");
      out_.key("tools").begin_array();
      for (std::size_t i = 0; i < tools->size() && !fault_; ++i) {
        write_tool(tools->at(i), place("tools", i));
      }
      out_.end_array();
    }
    if (const auto choice = fields_.any("tool_choice")) write_choice(*choice);
    if (const auto parallel = fields_.flag("parallel_tool_calls")) {
      echo("parallel_tool_calls");
      if (tools && tools->size() > 0) out_.member("parallel_tool_calls", *parallel);
    }
  }

  void write_tool(JsonView item, const std::string& path) {
    if (item.kind() != JsonKind::object) return fields_.wrong_type(path, "an object", item);
    RequestFields tool(item, path, fault_);
    const auto type = tool.text("type");
    if (!type) return tool.missing("type");
    if (*type != "function") {
      return tool.invalid("type", "\"" + std::string(type->substr(0, 64)) +
                                      "\" is not supported with this model, only \"function\"");
    }
    const auto name = tool.text("name");
    if (!name) return tool.missing("name");
    out_.begin_object().member("type", "function").key("function").begin_object();
    out_.member("name", *name);
    if (const auto text = tool.text("description")) out_.member("description", *text);
    if (const auto schema = tool.object("parameters")) out_.member("parameters", schema->text());
    if (const auto strict = tool.flag("strict")) out_.member("strict", *strict);
    out_.end_object().end_object();
    tool.close();
  }

  void write_choice(JsonView choice) {
    echo("tool_choice");
    if (const auto word = choice.as_string()) {
      // Without tools only these say what is so anyway.
      const auto tools = root_.find("tools");
      if ((*word == "auto" || *word == "none") && (!tools || tools->size() == 0)) return;
      out_.member("tool_choice", *word);
      return;
    }
    if (choice.kind() != JsonKind::object) {
      return fields_.wrong_type("tool_choice", "a string or an object", choice);
    }
    RequestFields fields(choice, "tool_choice", fault_);
    if (!fields.choice("type", {"function"})) return fields.missing("type");
    const auto name = fields.text("name");
    if (!name) return fields.missing("name");
    out_.key("tool_choice").begin_object().member("type", "function").key("function");
    out_.begin_object().member("name", *name).end_object().end_object();
    fields.close();
  }

  void write_text() {
    const auto text = fields_.object("text");
    if (!text) return;
    echo("text");
    RequestFields fields(*text, "text", fault_);
    if (const auto verbosity = fields.choice("verbosity", {"low", "medium", "high"})) {
      // The middle one is what is so anyway.
      if (*verbosity != "medium") out_.member("verbosity", *verbosity);
    }
    const auto format = fields.object("format");
    fields.close();
    if (!format) return;
    RequestFields inside(*format, "text.format", fault_);
    const auto type = inside.choice("type", {"text", "json_object", "json_schema"});
    if (!type) return inside.missing("type");
    if (*type == "text") return inside.close();
    out_.key("response_format").begin_object().member("type", *type);
    if (*type == "json_schema") {
      const auto name = inside.text("name");
      const auto schema = inside.object("schema");
      if (!name) inside.missing("name");
      if (!schema) inside.missing("schema");
      out_.key("json_schema").begin_object().member("name", name.value_or(""));
      if (const auto what = inside.text("description")) out_.member("description", *what);
      if (const auto strict = inside.flag("strict")) out_.member("strict", *strict);
      if (schema) out_.member("schema", schema->text());
      out_.end_object();
    }
    out_.end_object();
    inside.close();
  }

  void write_reasoning() {
    const auto reasoning = fields_.object("reasoning");
    if (!reasoning) return;
    echo("reasoning");
    RequestFields fields(*reasoning, "reasoning", fault_);
    if (const auto effort = fields.text("effort", 32)) out_.member("reasoning_effort", *effort);
    fields.unsupported("summary");
    fields.unsupported("generate_summary");
    fields.close();
  }

  void write_bounds() {
    for (const auto* const name : {"temperature", "top_p"}) {
      const auto number = fields_.number(name, 0.0, 2.0);
      if (!number) continue;
      echo(name);
      out_.member(name, *number);
    }
    if (const auto most = fields_.integer("max_output_tokens", 1, 10'000'000)) {
      echo("max_output_tokens");
      out_.member("max_completion_tokens", *most);
    }
    if (const auto most = fields_.integer("top_logprobs", 0, 20); most && *most > 0) {
      echo("top_logprobs");
      out_.member("logprobs", true).member("top_logprobs", *most);
    }
    for (const auto* const name :
         {"service_tier", "prompt_cache_key", "safety_identifier", "user"}) {
      const auto text = fields_.text(name, 512);
      if (!text) continue;
      echo(name);
      // "auto" is what is so anyway.
      if (*text != "auto") out_.member(name, *text);
    }
    if (const auto metadata = fields_.object("metadata")) {
      echo("metadata");
      if (metadata->size() > 0) out_.member("metadata", metadata->text());
    }
  }

  void write_stream() {
    made_.stream = fields_.flag("stream").value_or(false);
    if (const auto options = fields_.object("stream_options")) {
      RequestFields fields(*options, "stream_options", fault_);
      fields.flag("include_obfuscation");
      fields.close();
    }
    if (!made_.stream) return;
    out_.member("stream", true).key("stream_options").begin_object();
    out_.member("include_usage", true).end_object();
  }

  void read_what_says_nothing() {
    // Nothing is kept here, which is what an answer says; asking for it is another matter.
    if (fields_.flag("store") == true) fields_.invalid("store", "only false is supported");
    if (fields_.flag("background") == true) {
      fields_.invalid("background", "only false is supported");
    }
    fields_.choice("truncation", {"disabled"});
    if (const auto include = fields_.array("include")) {
      for (std::size_t i = 0; i < include->size(); ++i) {
        const auto what = include->at(i).as_string().value_or("");
        // Log probabilities come when they are asked for; of reasoning there is nothing to hide.
        if (what == "message.output_text.logprobs" || what == "reasoning.encrypted_content") {
          continue;
        }
        fields_.invalid(place("include", i), "not supported with this model");
      }
    }
  }

  void refuse_the_rest() {
    for (const auto* const name :
         {"previous_response_id", "conversation", "prompt", "max_tool_calls",
          "prompt_cache_options", "prompt_cache_retention", "context_management", "moderation"}) {
      fields_.unsupported(name);
    }
  }

  void echo(const std::string& name) {
    if (const auto member = root_.find(name)) made_.echo.emplace(name, member->text());
  }

  const JsonView root_;
  RequestFields fields_;
  RequestFault& fault_;
  TranslatedResponse& made_;
  JsonWriter out_;
  bool in_calls_ = false;
};

}  // namespace

std::variant<TranslatedResponse, OpenAiError> translate_response_request(std::string body) {
  RequestFault fault;
  TranslatedResponse made;
  if (const auto document = read_openai_body(std::move(body), fault)) {
    Translator(document->root(), made, fault).run();
  }
  if (fault) return *fault.error();
  return made;
}

OpenAiError as_response_error(OpenAiError error) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kNames{{
      {"messages", "input"},
      {"max_completion_tokens", "max_output_tokens"},
      {"response_format", "text.format"},
      {"reasoning_effort", "reasoning.effort"},
  }};
  for (const auto& [ours, theirs] : kNames) {
    if (!error.param.starts_with(ours)) continue;
    // Messages and items are not one to one.
    error.param = theirs;
    break;
  }
  return error;
}

}  // namespace rwp::pods
