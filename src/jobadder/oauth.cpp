#include "jobadder/form.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/jobadder/oauth.hpp>
#include <rwp/net/retry.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace rwp::jobadder {
namespace {

using boost::asio::awaitable;

/// Answers are some 3 KB.
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 10U;
/// Jobs come back after what is told here; no number must keep them away for good.
constexpr std::chrono::minutes kLongestWait{10};
constexpr std::chrono::seconds kShortestLife{1};
constexpr std::chrono::hours kLongestLife{24 * 30};

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? std::string(member->as_string().value_or("")) : std::string();
}

/// An error's name as RFC 6749 has it, bounded and without anything that a log might not bear.
std::string error_name(const std::string& body) {
  const auto json = JsonText::parse(body);
  if (!json) return {};
  const JsonDocument document(*json);
  std::string name = text_of(document.root(), "error").substr(0, 64);
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  });
  return plain ? name : std::string();
}

Error refusal_of(const net::HttpResponse& response) {
  const std::string status = "the token endpoint answered " + std::to_string(response.status);
  const std::string name = error_name(response.body);
  const std::string text = name.empty() ? status : status + " (" + name + ")";
  if (response.status == 429) {
    Error error(Errc::rate_limited, text);
    const auto wait = net::retry_after(response.headers, std::chrono::system_clock::now());
    return wait ? error.with_retry_after(std::min<std::chrono::milliseconds>(*wait, kLongestWait))
                : error;
  }
  if (response.status >= 500) return Error(Errc::unavailable, text);
  return Error(Errc::unauthenticated, text);
}

Result<Tokens> read_tokens(std::string body, std::chrono::system_clock::time_point now) {
  const Error corrupt(Errc::corrupt, "the token endpoint's answer is not that of RFC 6749");
  auto json = JsonText::parse(std::move(body));
  if (!json) return corrupt;
  const JsonDocument document(*json);
  const JsonView root = document.root();
  Tokens tokens;
  tokens.access = Secret(text_of(root, "access_token"));
  tokens.refresh = Secret(text_of(root, "refresh_token"));
  tokens.api_url = text_of(root, "api");
  tokens.instance = text_of(root, "instance");
  tokens.account = text_of(root, "account");
  const auto life = root.find("expires_in");
  const auto seconds = life ? life->as_int64() : std::nullopt;
  if (tokens.access.empty() || !seconds || *seconds <= 0) return corrupt;
  // The transport judges header values; a token with a line break would only fail there.
  const std::string& access = tokens.access.expose();
  if (!net::valid_header("Authorization", "Bearer " + access)) return corrupt;
  while (tokens.api_url.ends_with('/')) tokens.api_url.pop_back();
  if (!is_safe_url(tokens.api_url)) {
    return Error(Errc::corrupt, "the token endpoint names no API to which a token may be sent");
  }
  tokens.issued_at = now;
  const auto longest = std::chrono::duration_cast<std::chrono::seconds>(kLongestLife).count();
  tokens.expires_at =
      now +
      std::max(kShortestLife, std::chrono::seconds(std::min<std::int64_t>(*seconds, longest)));
  return tokens;
}

awaitable<Result<Tokens>> ask(std::shared_ptr<net::HttpTransport> transport, std::string url,
                              Parameters form, SteadyTime deadline) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.headers.set("Accept", "application/json");
  request.body = encode_form(form);
  request.deadline = deadline;
  request.max_response_bytes = kMaxAnswerBytes;
  const auto asked = std::chrono::system_clock::now();
  auto response = co_await transport->send(std::move(request));
  if (!response) co_return response.error();
  if (response->status != 200) co_return refusal_of(*response);
  co_return read_tokens(std::move(response->body), asked);
}

}  // namespace

bool is_safe_url(const std::string& url) {
  // What stands before an "@" is no host, however much it looks like one.
  const auto begin = url.find("://");
  if (begin == std::string::npos) return false;
  const std::string authority =
      url.substr(begin + 3, url.find_first_of("/?#", begin + 3) - begin - 3);
  if (authority.find_first_of("@\\") != std::string::npos) return false;
  if (url.starts_with("https://") && url.size() > 8 && url[8] != '/') return true;
  for (const std::string_view host : {"http://127.0.0.1", "http://[::1]", "http://localhost"}) {
    if (!url.starts_with(host)) continue;
    const char next = url.size() == host.size() ? '/' : url[host.size()];
    if (next == '/' || next == ':') return true;
  }
  return false;
}

Result<void> check_oauth_options(const OAuthOptions& options) {
  const auto wrong = [](const char* what) { return Error(Errc::invalid_argument, what); };
  const char* const rule = "must be https:, or http: to a loopback address";
  if (!is_safe_url(options.authorize_url)) {
    return Error(Errc::invalid_argument, std::string("authorize_url: ") + rule);
  }
  if (!is_safe_url(options.token_url)) {
    return Error(Errc::invalid_argument, std::string("token_url: ") + rule);
  }
  if (options.client_id.empty()) return wrong("client_id: is missing");
  if (options.client_secret.empty()) return wrong("client_secret: is missing");
  return {};
}

std::string authorize_url(const OAuthOptions& options, const std::string& redirect_uri,
                          const std::string& state, const std::string& scopes) {
  const Parameters query{{"response_type", "code"},
                         {"client_id", options.client_id},
                         {"scope", scopes},
                         {"redirect_uri", redirect_uri},
                         {"state", state}};
  const char glue = options.authorize_url.find('?') == std::string::npos ? '?' : '&';
  return options.authorize_url + glue + encode_form(query);
}

awaitable<Result<Tokens>> exchange_code(std::shared_ptr<net::HttpTransport> transport,
                                        OAuthOptions options, Secret code, std::string redirect_uri,
                                        SteadyTime deadline) {
  Parameters form;
  form.emplace_back("grant_type", "authorization_code");
  form.emplace_back("client_id", options.client_id);
  form.emplace_back("client_secret", options.client_secret.expose());
  form.emplace_back("code", code.expose());
  form.emplace_back("redirect_uri", std::move(redirect_uri));
  auto tokens =
      co_await ask(std::move(transport), std::move(options.token_url), std::move(form), deadline);
  co_return tokens;
}

awaitable<Result<Tokens>> refresh_tokens(std::shared_ptr<net::HttpTransport> transport,
                                         OAuthOptions options, Secret refresh_token,
                                         SteadyTime deadline) {
  Parameters form;
  form.emplace_back("grant_type", "refresh_token");
  form.emplace_back("client_id", options.client_id);
  form.emplace_back("client_secret", options.client_secret.expose());
  form.emplace_back("refresh_token", refresh_token.expose());
  auto tokens =
      co_await ask(std::move(transport), std::move(options.token_url), std::move(form), deadline);
  co_return tokens;
}

}  // namespace rwp::jobadder
