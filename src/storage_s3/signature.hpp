#pragma once

#include <rwp/net/http_message.hpp>
#include <rwp/storage_s3/credentials.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// AWS Signature Version 4; pure.
namespace rwp::storage::s3 {

constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

/// Names and values, not encoded.
using Query = std::vector<std::pair<std::string, std::string>>;

/// What of a request is signed.
struct SignedParts {
  std::string method{};
  /// As it is sent, encoded once; S3 neither encodes it again nor normalises it.
  std::string path = "/";
  Query query{};
  /// All that are signed, `host` among them.
  net::HttpHeaders headers{};
  /// SHA-256 of the body in hexadecimal, or kUnsignedPayload.
  std::string payload_hash{};
};

/// Who signs, when and for what.
struct SigningScope {
  std::chrono::system_clock::time_point time{};
  std::string region{};
  std::string service = "s3";
};

/// `text` with all but A-Z a-z 0-9 - . _ ~ (and "/" where `keep_slash`) as %XX.
std::string percent_encoded(std::string_view text, bool keep_slash);
/// "name=value&…", encoded; in the order of the signature when `sorted`.
std::string query_text(const Query& query, bool sorted);
/// 20130524T000000Z
std::string amz_date(std::chrono::system_clock::time_point time);

std::string canonical_request(const SignedParts& parts);
std::string string_to_sign(const SignedParts& parts, const SigningScope& scope);
/// Lower-case names with semicolons between, sorted.
std::string signed_headers(const net::HttpHeaders& headers);
/// "20130524/us-east-1/s3/aws4_request"
std::string scope_text(const SigningScope& scope);

/// Signs; keeps the key of the day, which costs four hashes.
class Signer {
 public:
  std::string signature(const SignedParts& parts, const SigningScope& scope,
                        const S3Credentials& credentials);
  /// The value of the header Authorization.
  std::string authorization(const SignedParts& parts, const SigningScope& scope,
                            const S3Credentials& credentials);

 private:
  std::string kept_for_;
  std::string key_;
};

/// The query of a presigned request: that of `parts` with the signature's own.
Query presigned_query(SignedParts parts, const SigningScope& scope,
                      const S3Credentials& credentials, std::chrono::seconds expires_in);

}  // namespace rwp::storage::s3
