#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/secret.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::net {
class HttpTransport;
}

namespace rwp::storage {

/// What requests to S3 are signed with.
struct S3Credentials {
  std::string access_key_id{};
  Secret secret_access_key{};
  /// Of credentials for a while; empty: none.
  Secret session_token{};
  /// When they end; none: they do not, as far as is known.
  std::optional<std::chrono::system_clock::time_point> expires_at{};
};

/// Where a store has its credentials from.
///
/// Errors: unauthenticated (there are none; the message says where they were looked for),
/// unavailable. Threads: confined to the store's I/O thread. Lifetime: outlives its calls.
class S3CredentialsProvider {
 public:
  virtual ~S3CredentialsProvider() = default;
  S3CredentialsProvider(const S3CredentialsProvider&) = delete;
  S3CredentialsProvider& operator=(const S3CredentialsProvider&) = delete;

  /// Credentials that are good now. `rejected`: the server has refused those given last as ended;
  /// look for newer ones.
  virtual boost::asio::awaitable<Result<S3Credentials>> credentials(bool rejected) = 0;

 protected:
  S3CredentialsProvider() = default;
};

/// Always these.
std::shared_ptr<S3CredentialsProvider> make_fixed_credentials(S3Credentials credentials);

/// A file in the form of ~/.aws/credentials, read when credentials are first asked for and again
/// when they are rejected.
std::shared_ptr<S3CredentialsProvider> make_profile_credentials(std::string path,
                                                                std::string profile);

/// The keys of `[profile]` in the text of such a file; `Errc::unauthenticated`: not there, or not
/// complete. Also `[profile NAME]`, as in ~/.aws/config.
Result<S3Credentials> read_s3_profile(std::string_view text, std::string_view profile);

/// A role taken on with a token that the cluster keeps in a file (AssumeRoleWithWebIdentity).
struct WebIdentityOptions {
  std::string role_arn{};
  /// Read anew each time.
  std::string token_file{};
  /// Names the session in the provider's logs: 2 to 64 of a-z A-Z 0-9 = , . @ - _.
  std::string session_name = "rwp";
  /// Empty: AWS's, of the region.
  std::string sts_url{};
  std::string region = "us-east-1";
};

/// Asks for credentials when the last ones end within five minutes; calls at once share the answer.
std::shared_ptr<S3CredentialsProvider> make_web_identity_credentials(
    std::shared_ptr<net::HttpTransport> transport, WebIdentityOptions options);

}  // namespace rwp::storage
