#include <rwp/ai/model.hpp>
#include <rwp/core/utf8.hpp>

#include <cctype>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

constexpr std::size_t kMaxMessages = 1'000;
constexpr std::size_t kMaxContentBytes = std::size_t{4} << 20U;
constexpr std::size_t kMaxSchemaBytes = std::size_t{256} << 10U;
constexpr std::size_t kMaxSchemaNameBytes = 64;
constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kMaxPersonalWords = 100;
constexpr std::size_t kMaxInputs = 2'048;
constexpr std::size_t kMaxInputBytes = std::size_t{1} << 20U;
constexpr std::int64_t kMaxDimensions = 16'384;
constexpr std::int64_t kMaxOutputTokens = 10'000'000;

Error invalid(std::string message) { return {Errc::invalid_argument, std::move(message)}; }

Result<void> check_name(std::string_view field, std::string_view value) {
  if (value.size() > kMaxNameBytes) {
    return invalid(std::string(field) + " is longer than " + std::to_string(kMaxNameBytes) +
                   " bytes");
  }
  if (!is_valid_utf8(value)) return invalid(std::string(field) + " is not valid UTF-8");
  return {};
}

Result<void> check_words(const std::vector<std::string>& words) {
  if (words.size() > kMaxPersonalWords) {
    return invalid("personal_words has more than " + std::to_string(kMaxPersonalWords) +
                   " entries");
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string where = "personal_words[" + std::to_string(i) + "]";
    if (words[i].size() < 2) return invalid(where + " is shorter than 2 bytes");
    if (auto checked = check_name(where, words[i]); !checked) return checked;
  }
  return {};
}

/// What both kinds of request have.
template <class Request>
Result<void> check_common(const Request& request) {
  if (auto checked = check_name("model", request.model); !checked) return checked;
  if (auto checked = check_name("tenant", request.tenant); !checked) return checked;
  if (auto checked = check_name("kind", request.kind); !checked) return checked;
  if (auto checked = check_words(request.personal_words); !checked) return checked;
  if (request.deadline <= std::chrono::steady_clock::now()) {
    return Error(Errc::deadline_exceeded, "the deadline had passed before the call")
        .with_retryable(false);
  }
  return {};
}

Result<void> check_messages(const std::vector<Message>& messages) {
  if (messages.empty()) return invalid("messages is empty; at least one is needed");
  if (messages.size() > kMaxMessages) {
    return invalid("messages has more than " + std::to_string(kMaxMessages) + " entries");
  }
  std::size_t total = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string where = "messages[" + std::to_string(i) + "].content";
    if (messages[i].content.empty()) return invalid(where + " is empty");
    total += messages[i].content.size();
    if (total > kMaxContentBytes) {
      return invalid("messages hold more than " + std::to_string(kMaxContentBytes) + " bytes");
    }
    if (!is_valid_utf8(messages[i].content)) return invalid(where + " is not valid UTF-8");
  }
  return {};
}

Result<void> check_schema(const OutputSchema& wanted) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  bool well_named = !wanted.name.empty() && wanted.name.size() <= kMaxSchemaNameBytes;
  for (const char c : wanted.name)
    well_named = well_named && allowed(static_cast<unsigned char>(c));
  if (!well_named) {
    return invalid("output_schema.name is not 1 to 64 letters, digits, - and _");
  }
  if (wanted.schema.size() > kMaxSchemaBytes) {
    return invalid("output_schema.schema is larger than " + std::to_string(kMaxSchemaBytes) +
                   " bytes");
  }
  const auto first = wanted.schema.view().find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || wanted.schema.view()[first] != '{') {
    return invalid("output_schema.schema is not a JSON object");
  }
  return {};
}

Result<void> check(const ChatRequest& request) {
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
  return check_common(request);
}

Result<void> check(const EmbedRequest& request) {
  if (request.inputs.empty()) return invalid("inputs is empty; at least one is needed");
  if (request.inputs.size() > kMaxInputs) {
    return invalid("inputs has more than " + std::to_string(kMaxInputs) + " entries");
  }
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const std::string where = "inputs[" + std::to_string(i) + "]";
    const std::string& input = request.inputs[i];
    if (input.empty()) return invalid(where + " is empty");
    if (input.size() > kMaxInputBytes) {
      return invalid(where + " is longer than " + std::to_string(kMaxInputBytes) + " bytes");
    }
    if (!is_valid_utf8(input)) return invalid(where + " is not valid UTF-8");
  }
  if (request.dimensions < 0 || request.dimensions > kMaxDimensions) {
    return invalid("dimensions is not between 0 and " + std::to_string(kMaxDimensions));
  }
  return check_common(request);
}

template <class Reply>
awaitable<Result<Reply>> refuse(Error error) {
  co_return error;
}

}  // namespace

awaitable<Result<ChatReply>> Model::chat(ChatRequest request) {
  if (auto checked = check(request); !checked) return refuse<ChatReply>(checked.error());
  return do_chat(std::move(request));
}

awaitable<Result<ChatReply>> Model::stream(ChatRequest request, OnDelta on_delta) {
  if (!on_delta) return refuse<ChatReply>(invalid("on_delta is empty"));
  if (auto checked = check(request); !checked) return refuse<ChatReply>(checked.error());
  return do_stream(std::move(request), std::move(on_delta));
}

awaitable<Result<EmbedReply>> Model::embed(EmbedRequest request) {
  if (auto checked = check(request); !checked) return refuse<EmbedReply>(checked.error());
  return do_embed(std::move(request));
}

awaitable<Result<ChatReply>> Model::pass_chat(Model& to, ChatRequest request) {
  return to.do_chat(std::move(request));
}

awaitable<Result<ChatReply>> Model::pass_stream(Model& to, ChatRequest request, OnDelta on_delta) {
  return to.do_stream(std::move(request), std::move(on_delta));
}

awaitable<Result<EmbedReply>> Model::pass_embed(Model& to, EmbedRequest request) {
  return to.do_embed(std::move(request));
}

}  // namespace rwp::ai
