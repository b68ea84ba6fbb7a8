#include "ai_openai/upstream.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace rwp::ai_openai {
namespace {

constexpr std::size_t kMostWordBytes = 256;
constexpr int kMostAttempts = 10;

Error bad(std::string message) { return {Errc::invalid_argument, std::move(message)}; }

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

Result<void> check_base_url(std::string_view url) {
  const auto authority_at = url.find("://");
  const auto scheme = url.substr(0, authority_at);
  if (authority_at == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return bad("base_url: must begin with http:// or https://");
  }
  if (!is_printable(url) || url.find_first_of("?#") != std::string_view::npos) {
    return bad("base_url: must have no query, no fragment and no spaces");
  }
  const auto rest = url.substr(authority_at + 3);
  const auto authority = rest.substr(0, rest.find('/'));
  if (authority.empty() || authority.front() == ':') return bad("base_url: names no host");
  if (authority.find('@') != std::string_view::npos) {
    return bad("base_url: must hold no user and password; the key is an option of its own");
  }
  return {};
}

}  // namespace

Result<void> check_options(const OpenAiOptions& options) {
  if (auto checked = check_base_url(options.base_url); !checked) return checked;
  if (!is_printable(options.api_key.expose())) {
    return bad("api_key: must be printable characters without spaces");
  }
  using Word = std::pair<const char*, const std::string*>;
  const std::array words{Word("model", &options.model),
                         Word("embedding_model", &options.embedding_model),
                         Word("organization", &options.organization),
                         Word("project", &options.project),
                         Word("reasoning_effort", &options.reasoning_effort),
                         Word("api_version", &options.api_version)};
  for (const auto& [name, word] : words) {
    if (word->size() > kMostWordBytes || !is_printable(*word)) {
      return bad(std::string(name) + ": must be at most 256 printable characters without spaces");
    }
  }
  using Limit = std::pair<const char*, std::chrono::milliseconds>;
  const std::array times{Limit("connect_timeout", options.connect_timeout),
                         Limit("head_timeout", options.head_timeout),
                         Limit("idle_timeout", options.idle_timeout),
                         Limit("attempt_timeout", options.attempt_timeout)};
  for (const auto& [name, time] : times) {
    if (time <= std::chrono::milliseconds(0) || time > std::chrono::hours(24)) {
      return bad(std::string(name) + ": must be more than 0 and at most 24 h");
    }
  }
  if (auto dialect = find_dialect(options.dialect); !dialect) return dialect.error();
  if (options.max_response_bytes == 0) return bad("max_response_bytes: must not be 0");
  if (options.max_attempts < 1 || options.max_attempts > kMostAttempts) {
    return bad("max_attempts: must be 1 to 10");
  }
  return {};
}

}  // namespace rwp::ai_openai
