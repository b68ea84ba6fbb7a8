#include "pods/openai_body.hpp"
#include "pods/openai_request.hpp"
#include <rwp/ai/wire.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::size_t kMostMessages = 1'000;
constexpr std::size_t kMostModelBytes = 256;
constexpr std::int64_t kMostTokens = 10'000'000;
constexpr std::int64_t kMostChoices = 128;
/// What a picture costs; the dearest known is some 37,000 tokens.
constexpr std::int64_t kPartTokens = 1'000;
constexpr std::int64_t kMostPartTokens = 40'000;
/// A file may hold what fills the context; the longest of the price list's models have so much.
constexpr std::int64_t kFileTokens = 10'000;
constexpr std::int64_t kWholeContext = 1'050'000;
/// Sound is some ten tokens a second, which at eight kbit/s are 1,333 characters of base64.
constexpr std::int64_t kSoundCharactersPerToken = 100;
/// What a tool that the service runs itself may bring back: a search's context is 128,000 tokens.
constexpr std::int64_t kHostedToolTokens = 8'000;
constexpr std::int64_t kMostHostedToolTokens = 128'000;

std::string_view text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? member->as_string().value_or(std::string_view()) : std::string_view();
}

ai::Role role_of(std::string_view role) {
  if (role == "assistant") return ai::Role::assistant;
  return role == "system" || role == "developer" ? ai::Role::system : ai::Role::user;
}

/// Reads what the pod needs of a call, and leaves the rest to the service.
class WireReader {
 public:
  WireReader(JsonView root, ChatCall& call, ai::WireCall& wire, RequestFault& fault)
      : root_(root), call_(call), wire_(wire), fields_(root, "", fault) {}

  void read() {
    if (const auto model = fields_.text("model", kMostModelBytes)) {
      wire_.model = *model;
      call_.request.model = *model;
      if (model->empty()) fields_.invalid("model", "it is empty");
    } else {
      fields_.missing("model");
    }
    if (wire_.api == ai::WireApi::responses) {
      read_input();
    } else {
      read_messages();
    }
    // What it is told of besides its messages costs input as well.
    for (const auto* const name : {"tools", "functions", "instructions", "text"}) {
      const auto member = root_.find(name);
      if (member && !member->is_null()) add(ai::Role::system, member->text().release());
    }
    if (call_.request.messages.empty()) add(ai::Role::user, " ");
    count_hosted_tools();
    read_stream();
    read_bounds();
  }

 private:
  void add(ai::Role role, std::string text) {
    if (text.empty()) return;
    // One more than a Model takes are told together: they count the same.
    if (call_.request.messages.size() >= kMostMessages) {
      call_.request.messages.back().content += text;
      return;
    }
    ai::Message message;
    message.role = role;
    message.content = std::move(text);
    call_.request.messages.push_back(std::move(message));
  }

  void read_messages() {
    const auto list = fields_.array("messages");
    if (!list) return fields_.missing("messages");
    if (list->size() == 0) return fields_.invalid("messages", "expected at least one message");
    if (list->size() > kMostMessages) {
      return fields_.invalid("messages", "expected at most 1000 messages");
    }
    for (std::size_t i = 0; i < list->size(); ++i) read_item(list->at(i));
  }

  void read_input() {
    const auto input = fields_.any("input");
    if (!input) return fields_.missing("input");
    if (const auto text = input->as_string()) {
      return add(ai::Role::user, std::string(*text));
    }
    if (input->kind() != JsonKind::array) {
      return fields_.wrong_type("input", "a string or an array", *input);
    }
    if (input->size() > kMostMessages) {
      return fields_.invalid("input", "expected at most 1000 items");
    }
    for (std::size_t i = 0; i < input->size(); ++i) read_item(input->at(i));
  }

  /// A message, or another item of an input.
  void read_item(JsonView item) {
    const ai::Role role = role_of(text_of(item, "role"));
    const auto content = item.find("content");
    if (!content || content->is_null()) {
      return add(role, item.kind() == JsonKind::object ? item.text().release() : std::string());
    }
    std::string joined(content->as_string().value_or(std::string_view()));
    for (std::size_t i = 0; content->kind() == JsonKind::array && i < content->size(); ++i) {
      const JsonView part = content->at(i);
      const auto text = text_of(part, "text");
      joined += text;
      if (text.empty()) count_part(part);
    }
    if (const auto calls = item.find("tool_calls"); calls && !calls->is_null()) {
      joined += calls->text().str();
    }
    add(role, std::move(joined));
  }

  void count_part(JsonView part) {
    const auto type = text_of(part, "type");
    if (type == "file" || type == "input_file") return count(kFileTokens, kWholeContext);
    std::int64_t most = kMostPartTokens;
    if (const auto sound = part.find("input_audio")) {
      const auto characters = static_cast<std::int64_t>(text_of(*sound, "data").size());
      most = std::max(most, characters / kSoundCharactersPerToken);
    }
    count(kPartTokens, most);
  }

  /// Tools that the service runs itself: what they find is read, and paid for.
  void count_hosted_tools() {
    const auto tools = root_.find("tools");
    for (std::size_t i = 0; tools && tools->kind() == JsonKind::array && i < tools->size(); ++i) {
      const auto type = text_of(tools->at(i), "type");
      if (type == "function" || type == "custom") continue;
      count(kHostedToolTokens, kMostHostedToolTokens);
    }
    if (const auto search = root_.find("web_search_options"); search && !search->is_null()) {
      count(kHostedToolTokens, kMostHostedToolTokens);
    }
  }

  /// However much is asked for, no model reads more than its context.
  void count(std::int64_t expected, std::int64_t most) {
    auto& sum = wire_.other_input_tokens;
    auto& at_most = wire_.other_input_tokens_at_most;
    sum = std::min(sum + expected, kWholeContext);
    at_most = std::min(at_most + most, kWholeContext);
  }

  void read_stream() {
    call_.stream = fields_.flag("stream").value_or(false);
    wire_.streamed = call_.stream;
    const auto options = root_.find("stream_options");
    wire_.has_stream_options = options.has_value();
    const auto usage = options ? options->find("include_usage") : std::nullopt;
    wire_.wants_usage = usage && usage->as_bool().value_or(false);
  }

  /// Refused here is what some service takes as no bound at all (-1): budgets count on them.
  void read_bounds() {
    for (const auto* const name : {"max_completion_tokens", "max_tokens", "max_output_tokens"}) {
      const auto number = fields_.integer(name, 1, kMostTokens);
      if (!number) {
        wire_.has_null_bound = wire_.has_null_bound || root_.find(name).has_value();
        continue;
      }
      wire_.bounds_output = true;
      call_.request.max_output_tokens = std::max(call_.request.max_output_tokens, *number);
    }
    wire_.service_tier = fields_.text("service_tier", kMostModelBytes).value_or("");
    wire_.choices = fields_.integer("n", 1, kMostChoices).value_or(1);
    const auto temperature = root_.find("temperature");
    const auto number = temperature ? temperature->as_double() : std::nullopt;
    if (number && *number >= 0 && *number <= 2) call_.request.temperature = *number;
  }

  const JsonView root_;
  ChatCall& call_;
  ai::WireCall& wire_;
  RequestFields fields_;
};

std::variant<ChatCall, OpenAiError> read_wire(std::string body, ai::WireApi api) {
  RequestFault fault;
  auto wire = std::make_shared<ai::WireCall>();
  wire->api = api;
  std::string copy = body;
  const auto document = read_openai_body(std::move(body), fault);
  if (!document) return *fault.error();
  const JsonView root = document->root();
  wire->body = JsonText::trusted(std::move(copy));
  ChatCall call;
  WireReader(root, call, *wire, fault).read();
  if (fault) return *fault.error();
  if (api == ai::WireApi::responses) {
    RequestFields fields(root, "", fault);
    for (const auto* const name : {"previous_response_id", "conversation"}) {
      fields.unsupported(name);
    }
    if (fields.flag("background") == true) fields.invalid("background", "only false is supported");
    if (fault) return *fault.error();
    wire->only_so = true;
  } else {
    // As a Model takes it, where that says all: then one that does not speak the protocol can help.
    RequestFault unsaid;
    ChatCall typed;
    read_chat_root(root, typed, unsaid);
    wire->only_so = static_cast<bool>(unsaid);
    if (!unsaid) call = std::move(typed);
  }
  call.request.wire = std::move(wire);
  return call;
}

}  // namespace

std::variant<ChatCall, OpenAiError> read_wire_chat(std::string body) {
  return read_wire(std::move(body), ai::WireApi::chat_completions);
}

std::variant<ChatCall, OpenAiError> read_wire_response(std::string body) {
  return read_wire(std::move(body), ai::WireApi::responses);
}

}  // namespace rwp::pods
