#include "ai/check_chat.hpp"

#include <rwp/core/json_view.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>

namespace rwp::ai {
namespace {

constexpr std::size_t kMaxMessages = 1'000;
constexpr std::size_t kMaxContentBytes = std::size_t{4} << 20U;
constexpr std::size_t kMaxImages = 16;
constexpr std::size_t kMaxImageBytes = std::size_t{20} << 20U;
constexpr std::size_t kMaxImagesBytes = std::size_t{48} << 20U;
constexpr std::size_t kMaxTools = 128;
constexpr std::size_t kMaxToolCalls = 128;
constexpr std::size_t kMaxSchemaBytes = std::size_t{256} << 10U;
constexpr std::size_t kMaxExtraBytes = std::size_t{64} << 10U;
constexpr std::size_t kMaxWordBytes = 64;
constexpr std::size_t kMaxIdBytes = 256;
constexpr std::int64_t kMaxOutputTokens = 10'000'000;
constexpr int kMaxTopLogprobs = 20;

/// Members of a request that extra_fields must not name: what has a member of its own, and what
/// would bring answers of another shape.
constexpr std::array<std::string_view, 20> kTaken{"audio",
                                                  "function_call",
                                                  "functions",
                                                  "logprobs",
                                                  "max_tokens",
                                                  "max_completion_tokens",
                                                  "messages",
                                                  "modalities",
                                                  "model",
                                                  "n",
                                                  "parallel_tool_calls",
                                                  "response_format",
                                                  "stream",
                                                  "stream_options",
                                                  "temperature",
                                                  "tool_choice",
                                                  "tools",
                                                  "top_logprobs",
                                                  "input",
                                                  "suffix"};

Error invalid(std::string message) { return {Errc::invalid_argument, std::move(message)}; }

std::string place(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

/// 1 to 64 letters, digits, - and _.
bool is_word(std::string_view name) {
  return !name.empty() && name.size() <= kMaxWordBytes &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

bool is_object(const JsonText& text) {
  const auto first = text.view().find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text.view()[first] == '{';
}

/// Sums of what a request holds, against their limits.
struct Sizes {
  std::size_t text = 0;
  std::size_t images = 0;
  std::size_t image_bytes = 0;
};

Result<void> add_text(Sizes& sizes, const std::string& where, std::string_view text) {
  sizes.text += text.size();
  if (sizes.text > kMaxContentBytes) {
    return invalid("messages hold more than " + std::to_string(kMaxContentBytes) + " bytes");
  }
  if (!is_valid_utf8(text)) return invalid(where + " is not valid UTF-8");
  return {};
}

Result<void> check_image(const std::string& where, const Image& image, Sizes& sizes) {
  if (++sizes.images > kMaxImages) return invalid("messages hold more than 16 images");
  if (image.url.empty() == image.bytes.empty()) {
    return invalid(where + " needs a url or bytes, and not both");
  }
  const std::string_view url = image.url;
  if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://") &&
      !url.starts_with("data:image/")) {
    return invalid(where + ".url is not http:, https: or data:image/");
  }
  if (!is_valid_utf8(url)) return invalid(where + ".url is not valid UTF-8");
  if (!image.bytes.empty()) {
    constexpr std::string_view kKind = "image/";
    const std::string_view type = image.media_type;
    if (!type.starts_with(kKind) || !is_word(type.substr(kKind.size()))) {
      return invalid(where + R"(.media_type is not of the form "image/png")");
    }
  }
  const std::string_view detail = image.detail;
  if (!detail.empty() && detail != "auto" && detail != "low" && detail != "high") {
    return invalid(where + ".detail is not auto, low or high");
  }
  const std::size_t bytes = image.url.size() + image.bytes.size();
  sizes.image_bytes += bytes;
  if (bytes > kMaxImageBytes) return invalid(where + " is larger than 20 MiB");
  if (sizes.image_bytes > kMaxImagesBytes)
    return invalid("messages hold more than 48 MiB of images");
  return {};
}

Result<void> check_calls(const std::string& where, const Message& message, Sizes& sizes) {
  if (message.tool_calls.size() > kMaxToolCalls) {
    return invalid(where + ".tool_calls has more than 128 entries");
  }
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    const auto& call = message.tool_calls[i];
    const std::string inside = where + "." + place("tool_calls", i);
    if (call.id.empty() || call.id.size() > kMaxIdBytes || !is_valid_utf8(call.id)) {
      return invalid(inside + ".id is not 1 to 256 bytes of UTF-8");
    }
    if (!is_word(call.name)) {
      return invalid(inside + ".name is not 1 to 64 letters, digits, - and _");
    }
    if (auto added = add_text(sizes, inside + ".arguments", call.arguments); !added) return added;
  }
  return {};
}

Result<void> check_message(const std::string& where, const Message& message, Sizes& sizes) {
  if (!message.images.empty() && message.role != Role::user) {
    return invalid(where + ".images: only a user's message has some");
  }
  if (!message.tool_calls.empty() && message.role != Role::assistant) {
    return invalid(where + ".tool_calls: only an assistant's message has some");
  }
  if ((message.role == Role::tool) == message.tool_call_id.empty()) {
    return invalid(where + ".tool_call_id: a tool's message, and no other, needs one");
  }
  if (message.tool_call_id.size() > kMaxIdBytes || !is_valid_utf8(message.tool_call_id)) {
    return invalid(where + ".tool_call_id is not 1 to 256 bytes of UTF-8");
  }
  const bool may_be_empty =
      message.role == Role::tool || !message.images.empty() || !message.tool_calls.empty();
  if (message.content.empty() && !may_be_empty) return invalid(where + ".content is empty");
  if (auto added = add_text(sizes, where + ".content", message.content); !added) return added;
  for (std::size_t i = 0; i < message.images.size(); ++i) {
    const std::string inside = where + "." + place("images", i);
    if (auto checked = check_image(inside, message.images[i], sizes); !checked) return checked;
  }
  return check_calls(where, message, sizes);
}

Result<void> check_messages(const std::vector<Message>& messages) {
  if (messages.empty()) return invalid("messages is empty; at least one is needed");
  if (messages.size() > kMaxMessages) {
    return invalid("messages has more than " + std::to_string(kMaxMessages) + " entries");
  }
  Sizes sizes;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto checked = check_message(place("messages", i), messages[i], sizes);
    if (!checked) return checked;
  }
  return {};
}

Result<void> check_schema(const OutputSchema& wanted) {
  if (!is_word(wanted.name)) {
    return invalid("output_schema.name is not 1 to 64 letters, digits, - and _");
  }
  if (wanted.schema.size() > kMaxSchemaBytes) {
    return invalid("output_schema.schema is larger than " + std::to_string(kMaxSchemaBytes) +
                   " bytes");
  }
  if (!is_object(wanted.schema)) return invalid("output_schema.schema is not a JSON object");
  return {};
}

Result<void> check_tools(const ChatRequest& request) {
  if (request.tools.size() > kMaxTools) return invalid("tools has more than 128 entries");
  std::size_t bytes = 0;
  bool chosen = request.tool_choice.empty() || request.tool_choice == "none" ||
                request.tool_choice == "auto" || request.tool_choice == "required";
  for (std::size_t i = 0; i < request.tools.size(); ++i) {
    const auto& tool = request.tools[i];
    const std::string where = place("tools", i);
    if (!is_word(tool.name)) {
      return invalid(where + ".name is not 1 to 64 letters, digits, - and _");
    }
    if (!is_valid_utf8(tool.description)) return invalid(where + ".description is not valid UTF-8");
    if (!tool.parameters.is_null() && !is_object(tool.parameters)) {
      return invalid(where + ".parameters is not a JSON object");
    }
    bytes += tool.description.size() + tool.parameters.size();
    if (bytes > kMaxSchemaBytes) return invalid("tools hold more than 256 KiB");
    chosen = chosen || tool.name == request.tool_choice;
  }
  if (!chosen) return invalid("tool_choice is not none, auto, required or the name of a tool");
  if (request.tools.empty() && !request.tool_choice.empty()) {
    return invalid("tool_choice is given without tools");
  }
  return {};
}

Result<void> check_extra_fields(const JsonText& extra) {
  if (extra.is_null()) return {};
  if (extra.size() > kMaxExtraBytes) return invalid("extra_fields is larger than 64 KiB");
  if (!is_object(extra)) return invalid("extra_fields is not a JSON object");
  const JsonDocument document(extra);
  for (const auto name : kTaken) {
    if (document.root().find(name)) {
      return invalid("extra_fields must not name " + std::string(name));
    }
  }
  return {};
}

}  // namespace

Result<void> check_chat(const ChatRequest& request) {
  if (auto checked = check_messages(request.messages); !checked) return checked;
  if (request.output_schema) {
    if (auto checked = check_schema(*request.output_schema); !checked) return checked;
  }
  if (request.temperature && !(*request.temperature >= 0.0 && *request.temperature <= 2.0)) {
    return invalid("temperature is not between 0 and 2");
  }
  if (request.max_output_tokens < 0 || request.max_output_tokens > kMaxOutputTokens) {
    return invalid("max_output_tokens is not between 0 and " + std::to_string(kMaxOutputTokens));
  }
  if (request.top_logprobs &&
      (*request.top_logprobs < 0 || *request.top_logprobs > kMaxTopLogprobs)) {
    return invalid("top_logprobs is not between 0 and 20");
  }
  if (auto checked = check_tools(request); !checked) return checked;
  return check_extra_fields(request.extra_fields);
}

}  // namespace rwp::ai
