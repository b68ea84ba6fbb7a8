#include "storage_s3/signature.hpp"

#include "storage_s3/digest.hpp"
#include <rwp/core/sha256.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <map>

namespace rwp::storage::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

/// Without blanks at the ends, and with one for each run of them.
std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

/// Values of one name joined in their order.
std::map<std::string, std::string> canonical_headers(const net::HttpHeaders& headers) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : headers) {
    const auto [at, is_new] = out.emplace(lower(name), trimmed(value));
    if (!is_new) at->second.append(",").append(trimmed(value));
  }
  return out;
}

}  // namespace

std::string percent_encoded(std::string_view text, bool keep_slash) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xFU];
  }
  return out;
}

std::string query_text(const Query& query, bool sorted) {
  Query encoded;
  encoded.reserve(query.size());
  for (const auto& [name, value] : query) {
    encoded.emplace_back(percent_encoded(name, false), percent_encoded(value, false));
  }
  if (sorted) std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

std::string amz_date(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 24> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
  return {text.data(), size};
}

std::string signed_headers(const net::HttpHeaders& headers) {
  std::string out;
  for (const auto& [name, value] : canonical_headers(headers)) {
    if (!out.empty()) out += ';';
    out += name;
  }
  return out;
}

std::string canonical_request(const SignedParts& parts) {
  std::string out = parts.method + "\n" + parts.path + "\n" + query_text(parts.query, true) + "\n";
  for (const auto& [name, value] : canonical_headers(parts.headers)) {
    out.append(name).append(":").append(value).append("\n");
  }
  return out.append("\n").append(signed_headers(parts.headers)) + "\n" + parts.payload_hash;
}

std::string scope_text(const SigningScope& scope) {
  return amz_date(scope.time).substr(0, 8) + "/" + scope.region + "/" + scope.service +
         "/aws4_request";
}

std::string string_to_sign(const SignedParts& parts, const SigningScope& scope) {
  return std::string(kAlgorithm) + "\n" + amz_date(scope.time) + "\n" + scope_text(scope) + "\n" +
         to_hex(sha256(canonical_request(parts)));
}

std::string Signer::signature(const SignedParts& parts, const SigningScope& scope,
                              const S3Credentials& credentials) {
  const std::string& secret = credentials.secret_access_key.expose();
  std::string wanted = scope_text(scope) + "\n" + credentials.access_key_id + "\n" + secret;
  if (wanted != kept_for_) {
    const std::string day = amz_date(scope.time).substr(0, 8);
    key_ = hmac_sha256(
        hmac_sha256(hmac_sha256(hmac_sha256("AWS4" + secret, day), scope.region), scope.service),
        "aws4_request");
    kept_for_ = std::move(wanted);
  }
  return hex_of(hmac_sha256(key_, string_to_sign(parts, scope)));
}

std::string Signer::authorization(const SignedParts& parts, const SigningScope& scope,
                                  const S3Credentials& credentials) {
  return std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" +
         scope_text(scope) + ", SignedHeaders=" + signed_headers(parts.headers) +
         ", Signature=" + signature(parts, scope, credentials);
}

Query presigned_query(SignedParts parts, const SigningScope& scope,
                      const S3Credentials& credentials, std::chrono::seconds expires_in) {
  Query& query = parts.query;
  query.emplace_back("X-Amz-Algorithm", kAlgorithm);
  query.emplace_back("X-Amz-Credential", credentials.access_key_id + "/" + scope_text(scope));
  query.emplace_back("X-Amz-Date", amz_date(scope.time));
  query.emplace_back("X-Amz-Expires", std::to_string(expires_in.count()));
  query.emplace_back("X-Amz-SignedHeaders", signed_headers(parts.headers));
  if (!credentials.session_token.empty()) {
    query.emplace_back("X-Amz-Security-Token", credentials.session_token.expose());
  }
  Signer signer;
  std::string signature = signer.signature(parts, scope, credentials);
  query.emplace_back("X-Amz-Signature", std::move(signature));
  return query;
}

}  // namespace rwp::storage::s3
