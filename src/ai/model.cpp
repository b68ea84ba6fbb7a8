#include "ai/check_chat.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/core/utf8.hpp>

#include <cstddef>
#include <string_view>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kMaxPersonalWords = 100;
constexpr std::size_t kMaxInputs = 2'048;
constexpr std::size_t kMaxInputBytes = std::size_t{1} << 20U;
constexpr std::int64_t kMaxDimensions = 16'384;

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

Result<void> check(const ChatRequest& request) {
  if (auto checked = check_chat(request); !checked) return checked;
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
