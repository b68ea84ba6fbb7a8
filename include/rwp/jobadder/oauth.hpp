#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/net/http_transport.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>

/// OAuth2's authorization-code flow as JobAdder has it: with `state`, without PKCE.
namespace rwp::jobadder {

struct OAuthOptions {
  /// Where a person approves.
  std::string authorize_url = "https://id.jobadder.com/connect/authorize";
  /// Where codes and refresh tokens are exchanged.
  std::string token_url = "https://id.jobadder.com/connect/token";
  std::string client_id{};
  Secret client_secret{};
};

/// What a deployment needs; `offline_access` gives a refresh token.
constexpr const char* kDefaultScopes = "read write offline_access";

/// What the token endpoint gives.
struct Tokens {
  Secret access{};
  /// Good for one use; a new one comes with each answer.
  Secret refresh{};
  std::chrono::system_clock::time_point issued_at{};
  /// Of the access token.
  std::chrono::system_clock::time_point expires_at{};
  /// Where this account's API lives, without a slash at its end.
  std::string api_url{};
  /// Together they name the customer's account; may be empty.
  std::string instance{};
  std::string account{};
};

/// Success when the options can be used. `Errc::invalid_argument` names the member: URLs are
/// https:, or http: to a loopback address, as secrets go there.
Result<void> check_oauth_options(const OAuthOptions& options);

/// Whether secrets may be sent there: https:, or http: to 127.0.0.1, [::1] or localhost.
bool is_safe_url(const std::string& url);

/// Where to send a person's browser. `state` comes back with the code, and must be compared.
std::string authorize_url(const OAuthOptions& options, const std::string& redirect_uri,
                          const std::string& state, const std::string& scopes);

/// Exchanges a code (five minutes, one use). Sent once: a code whose answer was lost is lost, too.
/// Errors: `Errc::unauthenticated`: the code, or the client, is refused, for good;
/// `Errc::unavailable`, `Errc::deadline_exceeded`: no answer; `Errc::corrupt`: an answer that is
/// none. No message holds what was sent.
boost::asio::awaitable<Result<Tokens>> exchange_code(std::shared_ptr<net::HttpTransport> transport,
                                                     OAuthOptions options, Secret code,
                                                     std::string redirect_uri, SteadyTime deadline);

/// Exchanges a refresh token. Sent once; errors as exchange_code(): when there was no answer, the
/// token may have been used up or not.
boost::asio::awaitable<Result<Tokens>> refresh_tokens(std::shared_ptr<net::HttpTransport> transport,
                                                      OAuthOptions options, Secret refresh_token,
                                                      SteadyTime deadline);

/// 64 hexadecimal digits that nobody can guess: a `state`, a webhook's Authorization value.
std::string random_token();

/// Whether two secrets are equal, in a time that does not depend on where they differ.
bool equal_in_constant_time(const std::string& left, const std::string& right);

}  // namespace rwp::jobadder
