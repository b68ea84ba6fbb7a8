// The vectors of Amazon's documents on S3, and the suite of awslabs/aws-c-auth.
#include "storage_s3/digest.hpp"
#include "storage_s3/signature.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/core/sha256.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <vector>

namespace rwp::storage::s3 {
namespace {

using namespace std::chrono_literals;

S3Credentials documented_credentials() {
  S3Credentials credentials;
  credentials.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  credentials.secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  return credentials;
}

SigningScope documented_scope() {
  SigningScope scope;
  scope.time = std::chrono::sys_days(std::chrono::year(2013) / 5 / 24);
  scope.region = "us-east-1";
  return scope;
}

struct Documented {
  SignedParts parts{};
  std::string canonical_hash{};
  std::string signature{};
};

SignedParts documented_parts(const std::string& method, const std::string& path,
                             std::string_view body) {
  SignedParts parts;
  parts.method = method;
  parts.path = path;
  parts.payload_hash = to_hex(sha256(body));
  parts.headers = {{"Host", "examplebucket.s3.amazonaws.com"},
                   {"x-amz-date", "20130524T000000Z"},
                   {"x-amz-content-sha256", parts.payload_hash}};
  return parts;
}

std::vector<Documented> documented() {
  Documented get{documented_parts("GET", "/test.txt", ""),
                 "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
                 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"};
  get.parts.headers.add("Range", "bytes=0-9");
  Documented put{documented_parts("PUT", "/" + percent_encoded("test$file.text", true),
                                  "Welcome to Amazon S3."),
                 "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
                 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"};
  put.parts.headers.add("Date", "Fri, 24 May 2013 00:00:00 GMT");
  put.parts.headers.add("x-amz-storage-class", "REDUCED_REDUNDANCY");
  Documented lifecycle{documented_parts("GET", "/", ""),
                       "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
                       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"};
  lifecycle.parts.query = {{"lifecycle", ""}};
  Documented list{documented_parts("GET", "/", ""),
                  "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
                  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"};
  list.parts.query = {{"prefix", "J"}, {"max-keys", "2"}};
  return {get, put, lifecycle, list};
}

TEST(S3SignatureTest, TheDocumentedRequestsAreSignedAsDocumented) {
  Signer signer;
  for (const Documented& one : documented()) {
    EXPECT_EQ(to_hex(sha256(canonical_request(one.parts))), one.canonical_hash);
    EXPECT_EQ(signer.signature(one.parts, documented_scope(), documented_credentials()),
              one.signature);
  }
}

TEST(S3SignatureTest, AnAuthorizationNamesKeyScopeAndSignedHeaders) {
  Signer signer;
  const auto parts = documented().front().parts;

  EXPECT_EQ(signer.authorization(parts, documented_scope(), documented_credentials()),
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(S3SignatureTest, TheDocumentedUrlIsPresignedAsDocumented) {
  SignedParts parts;
  parts.method = "GET";
  parts.path = "/test.txt";
  parts.headers = {{"host", "examplebucket.s3.amazonaws.com"}};
  parts.payload_hash = kUnsignedPayload;

  const Query query = presigned_query(parts, documented_scope(), documented_credentials(), 86'400s);

  ASSERT_FALSE(query.empty());
  EXPECT_EQ(query.back().first, "X-Amz-Signature");
  EXPECT_EQ(query.back().second,
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
  EXPECT_NE(query_text(query, false).find("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"),
            std::string::npos);
}

/// Bodies in signed chunks are not sent here; their vectors still hold for the request that leads
/// them, and for the key and the chain of signatures that follows.
struct Chunked {
  std::string payload_hash{};
  /// What "content-length" or "x-amz-trailer" is.
  std::string header{};
  std::string value{};
  std::string seed{};
  std::vector<std::string> chunks{};
};

std::string chunk_signature(const std::string& previous, std::string_view chunk) {
  const std::string day = amz_date(documented_scope().time).substr(0, 8);
  const std::string secret = documented_credentials().secret_access_key.expose();
  const std::string key =
      hmac_sha256(hmac_sha256(hmac_sha256(hmac_sha256("AWS4" + secret, day), "us-east-1"), "s3"),
                  "aws4_request");
  return hex_of(hmac_sha256(key, "AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n" +
                                     scope_text(documented_scope()) + "\n" + previous + "\n" +
                                     to_hex(sha256("")) + "\n" + to_hex(sha256(chunk))));
}

TEST(S3SignatureTest, TheDocumentedUploadsInChunksAreSignedAsDocumented) {
  const Chunked plain{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                      "content-length",
                      "66824",
                      "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
                      {"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
                       "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
                       "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"}};
  const Chunked trailing{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                         "x-amz-trailer",
                         "x-amz-checksum-crc32c",
                         "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
                         {"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
                          "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
                          "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"}};
  for (const Chunked& one : {plain, trailing}) {
    SignedParts parts;
    parts.method = "PUT";
    parts.path = "/examplebucket/chunkObject.txt";
    parts.payload_hash = one.payload_hash;
    parts.headers = {{"host", "s3.amazonaws.com"},
                     {"content-encoding", "aws-chunked"},
                     {"x-amz-content-sha256", one.payload_hash},
                     {"x-amz-date", "20130524T000000Z"},
                     {"x-amz-decoded-content-length", "66560"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                     {one.header, one.value}};
    Signer signer;

    std::string last = signer.signature(parts, documented_scope(), documented_credentials());

    EXPECT_EQ(last, one.seed);
    std::vector<std::string> chunks;
    for (const std::size_t bytes : {65'536U, 1'024U, 0U}) {
      last = chunk_signature(last, std::string(bytes, 'a'));
      chunks.push_back(last);
    }
    EXPECT_EQ(chunks, one.chunks);
  }
}

TEST(S3SignatureTest, TheKeyOfTheDayFollowsDayRegionAndSecret) {
  Signer signer;
  const auto parts = documented().front().parts;
  auto scope = documented_scope();
  const auto first = signer.signature(parts, scope, documented_credentials());
  scope.region = "eu-central-1";
  EXPECT_NE(signer.signature(parts, scope, documented_credentials()), first);
  scope = documented_scope();
  EXPECT_EQ(signer.signature(parts, scope, documented_credentials()), first);
  auto other = documented_credentials();
  other.secret_access_key = Secret("another");
  EXPECT_NE(signer.signature(parts, scope, other), first);
}

// The suite is of another service, for which paths are normalised and encoded twice.

std::string text_of(JsonView view, std::string_view name) {
  const auto found = view.find(name);
  return found ? std::string(found->as_string().value_or("")) : std::string();
}

bool flag_of(JsonView view, std::string_view name) {
  const auto found = view.find(name);
  return found && found->as_bool().value_or(false);
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string normalized(const std::string& path) {
  std::vector<std::string> kept;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t begin = path.find_first_not_of('/', at);
    if (begin == std::string::npos) break;
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string segment = path.substr(begin, end - begin);
    at = end;
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (segment != "." && segment != "..") kept.push_back(segment);
  }
  std::string out;
  for (const std::string& segment : kept) out += "/" + segment;
  if (out.empty() || path.ends_with('/')) out += "/";
  return out;
}

/// Line by line: what stands in the suite's requests.
SignedParts parts_of(const std::string& request, bool normalize) {
  SignedParts parts;
  const std::size_t line_end = request.find('\n');
  const std::string line = request.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(" HTTP/1.1");
  parts.method = line.substr(0, first);
  const std::string target = line.substr(first + 1, last - first - 1);
  const std::size_t mark = std::min(target.find('?'), target.size());
  const std::string path = target.substr(0, mark);
  parts.path = percent_encoded(normalize ? normalized(path) : path, true);
  for (std::size_t at = mark + 1; at < target.size();) {
    const std::size_t end = std::min(target.find('&', at), target.size());
    const std::string pair = target.substr(at, end - at);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    parts.query.emplace_back(decoded(pair.substr(0, equals)),
                             decoded(pair.substr(std::min(equals + 1, pair.size()))));
    at = end + 1;
  }
  std::size_t at = line_end + 1;
  while (at < request.size() && request[at] != '\n') {
    const std::size_t end = std::min(request.find('\n', at), request.size());
    const std::string field = request.substr(at, end - at);
    at = end + 1;
    const std::size_t colon = field.find(':');
    if (colon == std::string::npos) {
      // A line that goes on with the one before.
      const auto& [name, value] =
          *(parts.headers.begin() + static_cast<long>(parts.headers.size()) - 1);
      parts.headers.set(name, value + " " + field);
    } else {
      parts.headers.add(field.substr(0, colon), field.substr(colon + 1));
    }
  }
  parts.payload_hash = to_hex(sha256(at + 1 <= request.size() ? request.substr(at + 1) : ""));
  return parts;
}

TEST(S3SignatureTest, TheSuiteOfAmazonPasses) {
  std::ifstream file(RWP_SIGV4_SUITE);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const JsonDocument suite(JsonText::parse(text).value());
  ASSERT_EQ(suite.root().size(), 38U);
  for (std::size_t i = 0; i < suite.root().size(); ++i) {
    const JsonView one = suite.root().at(i);
    const std::string name = text_of(one, "name");
    const JsonView context = one.find("context").value();
    const JsonView keys = context.find("credentials").value();
    S3Credentials credentials;
    credentials.access_key_id = text_of(keys, "access_key_id");
    credentials.secret_access_key = Secret(text_of(keys, "secret_access_key"));
    const std::string token = text_of(keys, "token");
    SigningScope scope;
    scope.time = std::chrono::sys_days(std::chrono::year(2015) / 8 / 30) + 12h + 36min;
    scope.region = text_of(context, "region");
    scope.service = text_of(context, "service");
    SignedParts parts = parts_of(text_of(one, "request"), flag_of(context, "normalize"));
    SignedParts by_query = parts;
    parts.headers.add("X-Amz-Date", "20150830T123600Z");
    if (!token.empty() && !flag_of(context, "omit_session_token")) {
      parts.headers.add("X-Amz-Security-Token", token);
      credentials.session_token = Secret(token);
    }
    if (flag_of(context, "sign_body")) {
      parts.headers.add("x-amz-content-sha256", parts.payload_hash);
    }
    Signer signer;
    EXPECT_EQ(canonical_request(parts), text_of(one, "header_canonical_request")) << name;
    EXPECT_EQ(string_to_sign(parts, scope), text_of(one, "header_string_to_sign")) << name;
    EXPECT_EQ(signer.signature(parts, scope, credentials), text_of(one, "header_signature"))
        << name;
    const Query query = presigned_query(by_query, scope, credentials, 3600s);
    EXPECT_EQ(query.back().second, text_of(one, "query_signature")) << name;
  }
}

}  // namespace
}  // namespace rwp::storage::s3
