// The S3 store against a real gateway, with another's client on the other side.
#include "storage_s3/client.hpp"
#include "support/cutting_proxy.hpp"
#include "support/radosgw.hpp"
#include "support/run.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/storage/object_versions.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace rwp::tests {
namespace {

using storage::ObjectStore;
using storage::PieceSource;
using storage::PutOptions;
using storage::UploadOptions;

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Hands requests on and notes their methods and targets.
class NotingTransport final : public net::HttpTransport {
 public:
  explicit NotingTransport(std::shared_ptr<net::HttpTransport> inner) : inner_(std::move(inner)) {}

  std::size_t count(std::string_view method, std::string_view part) const {
    return count_in(seen_, method, part);
  }
  std::size_t count_answered(std::string_view method, std::string_view part) const {
    return count_in(answered_, method, part);
  }

 private:
  static std::size_t count_in(const std::vector<std::string>& requests, std::string_view method,
                              std::string_view part) {
    return static_cast<std::size_t>(
        std::count_if(requests.begin(), requests.end(), [&](const std::string& one) {
          return one.starts_with(method) && one.find(part) != std::string::npos;
        }));
  }
  boost::asio::awaitable<Result<std::unique_ptr<net::HttpExchange>>> do_open(
      net::HttpRequest request) override {
    std::string name = request.method + " " + request.url;
    seen_.push_back(name);
    auto opening = inner_->open(std::move(request));
    auto opened = co_await std::move(opening);
    if (opened) answered_.push_back(std::move(name));
    co_return opened;
  }
  const std::shared_ptr<net::HttpTransport> inner_;
  std::vector<std::string> seen_;
  std::vector<std::string> answered_;
};

/// 1 MiB pieces of a letter each; fails after `whole` of them when `failing`.
PieceSource letters(std::size_t whole, bool failing) {
  auto next = [](std::shared_ptr<std::size_t> given, std::size_t most,
                 bool fails) -> boost::asio::awaitable<Result<std::string>> {
    if (*given == most && fails) co_return Error(Errc::internal, "the source broke off");
    if (*given == most) co_return std::string();
    co_return std::string(kMiB, static_cast<char>('a' + (*given)++ % 26));
  };
  auto given = std::make_shared<std::size_t>(0);
  return [next, given, whole, failing] { return next(given, whole, failing); };
}

/// The same, failing once two parts have been answered.
PieceSource letters_until_two_parts(std::size_t whole, std::shared_ptr<NotingTransport> transport) {
  auto next =
      [](PieceSource from, std::shared_ptr<std::size_t> given, std::size_t most,
         std::shared_ptr<NotingTransport> noting) -> boost::asio::awaitable<Result<std::string>> {
    while (*given == most && noting->count_answered("PUT", "partNumber=") < 2) {
      const auto waited = co_await sleep_for(std::chrono::milliseconds(2));
      if (!waited) co_return waited.error();
    }
    ++*given;
    auto asking = from();
    co_return co_await std::move(asking);
  };
  auto given = std::make_shared<std::size_t>(0);
  return [next, from = letters(whole, true), given, whole, transport] {
    return next(from, given, whole, transport);
  };
}

class S3GatewayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    gateway_ = RadosGateway::shared();
    if (gateway_ == nullptr) GTEST_SKIP() << "Ceph is not installed";
    options_ = gateway_->options();
    transport_ = std::make_shared<NotingTransport>(curl());
  }

  std::shared_ptr<net::HttpTransport> curl() {
    net::CurlTransportOptions curl;
    curl.ca_file = gateway_->ca_file();
    return net::make_curl_transport(runtime_, std::move(curl));
  }
  std::shared_ptr<ObjectStore> open(
      storage::S3Credentials credentials = RadosGateway::credentials()) {
    return storage::make_s3_object_store(runtime_, transport_,
                                         storage::make_fixed_credentials(std::move(credentials)),
                                         options_)
        .value();
  }
  std::string object_url(const std::string& key) const {
    return std::string("s3://") + RadosGateway::kBucket + "/" + options_.prefix + "/" + key;
  }
  Result<net::HttpResponse> request(const std::string& method, const std::string& url,
                                    const std::string& body = std::string()) {
    net::HttpRequest request;
    request.method = method;
    request.url = url;
    request.body = body;
    return run(runtime_, transport_->send(std::move(request)));
  }

  /// Asks for what the store has no call for.
  storage::s3::Answer ask(storage::s3::Call call, std::string body = std::string()) {
    auto client = std::make_shared<storage::s3::Client>(
        runtime_, transport_, storage::make_fixed_credentials(RadosGateway::credentials()),
        options_, storage::s3::Address::make(options_).value());
    if (!body.empty()) {
      storage::s3::Payload payload;
      payload.sha256 = to_hex(sha256(body));
      payload.bytes = std::move(body);
      call.payload = std::make_shared<const storage::s3::Payload>(std::move(payload));
    }
    return run(runtime_, client->send(std::move(call))).value();
  }
  /// Uses a bucket that keeps versions from now on.
  void use_versions() {
    options_.bucket = "versions";
    // Whether or not another test has made it.
    gateway_->s3cmd("mb s3://versions");
    storage::s3::Call call;
    call.method = "PUT";
    call.query.emplace_back("versioning", "");
    const auto answer =
        ask(std::move(call),
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
    ASSERT_EQ(answer.response.status, 200) << answer.response.body;
  }

  RadosGateway* gateway_ = nullptr;
  Runtime runtime_;
  storage::S3StorageOptions options_;
  std::shared_ptr<NotingTransport> transport_;
};

TEST_F(S3GatewayTest, WhatWePutAnotherClientReadsAndTheReverse) {
  const auto store = open();
  TemporaryDirectory directory;
  const std::string odd = "b/copy é+ %.txt";
  PutOptions put{.content_type = "text/plain", .metadata = {{"made-by", "rwp"}}};
  ASSERT_TRUE(run(runtime_, store->put(odd, "of us", put)).has_value());
  ASSERT_TRUE(run(runtime_, store->upload("large", letters(12, false))).has_value());

  gateway_->s3cmd("get '" + object_url(odd) + "' " + (directory.path() / "a").string());
  gateway_->s3cmd("get " + object_url("large") + " " + (directory.path() / "large").string());

  EXPECT_EQ(read_file(directory.path() / "a"), "of us");
  EXPECT_TRUE(read_file(directory.path() / "large") == run(runtime_, store->get("large")).value());
  EXPECT_THAT(gateway_->s3cmd("info '" + object_url(odd) + "'"),
              ::testing::AllOf(HasSubstr("text/plain"), HasSubstr("made-by")));

  std::ofstream(directory.path() / "theirs") << std::string(17 * kMiB, 't');
  gateway_->s3cmd("put --multipart-chunk-size-mb=5 " + (directory.path() / "theirs").string() +
                  " '" + object_url("theirs é") + "'");
  EXPECT_TRUE(run(runtime_, store->get("theirs é")).value() == std::string(17 * kMiB, 't'));

  // Amazon's own, where it is installed.
  if (!gateway_->aws("--version")) return;
  gateway_->aws("s3 cp '" + object_url(odd) + "' " + (directory.path() / "b").string());
  gateway_->aws("s3 cp " + object_url("large") + " " + (directory.path() / "larger").string());
  EXPECT_EQ(read_file(directory.path() / "b"), "of us");
  EXPECT_TRUE(read_file(directory.path() / "larger") == read_file(directory.path() / "large"));
  EXPECT_THAT(*gateway_->aws("s3api head-object --bucket objects --key '" + options_.prefix + "/" +
                             odd + "'"),
              ::testing::AllOf(HasSubstr("text/plain"), HasSubstr("made-by")));
  gateway_->aws("s3 cp " + (directory.path() / "theirs").string() + " '" + object_url("aws é+") +
                "' --content-type text/csv --metadata made-by=aws");
  EXPECT_TRUE(run(runtime_, store->get("aws é+")).value() == std::string(17 * kMiB, 't'));
  const auto head = run(runtime_, store->head("aws é+")).value();
  EXPECT_EQ(head.content_type, "text/csv");
  EXPECT_EQ(head.metadata.at("made-by"), "aws");
}

TEST_F(S3GatewayTest, APresignedUrlServesWithoutCredentialsAndOnlyAsItIs) {
  const auto store = open();
  ASSERT_TRUE(run(runtime_, store->put("a b", "content")).has_value());
  const std::string get = run(runtime_, store->presign("a b")).value();
  storage::PresignOptions for_put;
  for_put.method = storage::PresignOptions::Method::put;
  const std::string put = run(runtime_, store->presign("new", for_put)).value();

  EXPECT_EQ(request("GET", get).value().body, "content");
  EXPECT_EQ(request("PUT", put, "uploaded").value().status, 200);
  EXPECT_EQ(run(runtime_, store->get("new")).value(), "uploaded");
  EXPECT_EQ(request("PUT", get, "x").value().status, 403);
  EXPECT_EQ(request("GET", get + "0").value().status, 403);
}

TEST_F(S3GatewayTest, AFailedUploadLeavesNoParts) {
  const auto store = open();

  const auto failed = run(runtime_, store->upload("a", letters(12, true)));

  EXPECT_EQ(failed.error().code(), Errc::internal);
  EXPECT_EQ(transport_->count("DELETE", "uploadId="), 1U);
  EXPECT_THAT(gateway_->s3cmd("multipart s3://objects"), Not(HasSubstr(options_.prefix)));
}

TEST_F(S3GatewayTest, AResumedUploadSendsOnlyWhatIsMissing) {
  const auto store = open();
  UploadOptions options;
  options.resumable = true;
  // Parts of 5 MiB: two whole ones are stored, then the source breaks off.
  ASSERT_FALSE(run(runtime_, store->upload("a", letters_until_two_parts(11, transport_), options)));
  EXPECT_EQ(run(runtime_, store->head("a")).error().code(), Errc::not_found);
  const auto sent_first = transport_->count("PUT", "partNumber=");

  const auto stored = run(runtime_, store->upload("a", letters(23, false), options));

  ASSERT_TRUE(stored.has_value()) << stored.error().to_string();
  EXPECT_EQ(stored->size_bytes, 23 * kMiB);
  EXPECT_EQ(sent_first, 2U);
  // Of five parts those that were not there.
  EXPECT_EQ(transport_->count("PUT", "partNumber="), sent_first + 3U);
  EXPECT_EQ(transport_->count("POST", "?uploads="), 1U);
  const std::string content = run(runtime_, store->get("a")).value();
  EXPECT_EQ(content.substr(22 * kMiB, 1), "w");
  EXPECT_THAT(gateway_->s3cmd("multipart s3://objects"), Not(HasSubstr(options_.prefix)));
}

TEST_F(S3GatewayTest, AnObjectBeyondTheLimitOfACopyIsCopiedInParts) {
  options_.max_copy_bytes = 5 * kMiB;
  const auto store = open();
  UploadOptions options;
  options.put.content_type = "application/zip";
  ASSERT_TRUE(run(runtime_, store->upload("a", letters(12, false), options)).has_value());

  const auto copied = run(runtime_, store->copy("a", "b"));

  ASSERT_TRUE(copied.has_value()) << copied.error().to_string();
  EXPECT_EQ(copied->content_type, "application/zip");
  EXPECT_TRUE(run(runtime_, store->get("b")).value() == run(runtime_, store->get("a")).value());
  EXPECT_EQ(transport_->count("PUT", "/b?partNumber="), 3U);
}

TEST_F(S3GatewayTest, EncryptionAndStorageClassAreAskedFor) {
  options_.storage_class = "STANDARD";
  ASSERT_TRUE(run(runtime_, open()->put("a", "x")).has_value());
  options_.encryption = "AES256";
  ASSERT_TRUE(run(runtime_, open()->put("a", "x")).has_value());
  EXPECT_EQ(run(runtime_, open()->get("a")).value(), "x");
  options_.storage_class = "NO_SUCH_CLASS";
  EXPECT_FALSE(run(runtime_, open()->put("b", "x")).has_value());
}

TEST_F(S3GatewayTest, WhatIsPurgedHasNoVersionLeft) {
  use_versions();
  const auto store = open();
  for (const std::string content : {"one", "two", "three"}) {
    ASSERT_TRUE(run(runtime_, store->put("a é+", content)).has_value());
  }
  ASSERT_TRUE(run(runtime_, store->remove("a é+")).has_value());
  ASSERT_TRUE(run(runtime_, store->put("a é+b", "another")).has_value());
  EXPECT_EQ(run(runtime_, store->head("a é+")).error().code(), Errc::not_found);
  storage::ListOptions all;
  all.limit = 1;
  const auto first = run(runtime_, storage::list_with_removed(store, all)).value();
  ASSERT_EQ(first.entries.size(), 1U);
  EXPECT_EQ(first.entries[0].key, "a é+");
  all.cursor = first.next_cursor;
  const auto second = run(runtime_, storage::list_with_removed(store, all)).value();
  ASSERT_EQ(second.entries.size(), 1U);
  EXPECT_EQ(second.entries[0].key, "a é+b");
  EXPECT_EQ(second.entries[0].size_bytes, 7U);

  EXPECT_EQ(run(runtime_, storage::purge(store, "a é+")).value(), 3U);

  storage::s3::Call call;
  call.query.emplace_back("versions", "");
  call.query.emplace_back("prefix", options_.prefix + "/");
  const std::string left = ask(std::move(call)).response.body;
  EXPECT_THAT(left, ::testing::AllOf(HasSubstr("a é+b<"), Not(HasSubstr("a é+<"))));
  EXPECT_EQ(run(runtime_, storage::purge(store, "a é+")).value(), 0U);
  EXPECT_EQ(run(runtime_, store->get("a é+b")).value(), "another");
}

TEST_F(S3GatewayTest, AConditionThatIsRefusedThoughItHoldsIsNoConflict) {
  // Ceph 16 holds it against the version that is to come.
  use_versions();
  const auto store = open();
  PutOptions match;
  match.if_match = run(runtime_, store->put("a", "x")).value().etag;

  const auto put = run(runtime_, store->put("a", "y", match));

  EXPECT_TRUE(put.has_value() || put.error().code() == Errc::unsupported);
  match.if_match = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(run(runtime_, store->put("a", "y", match)).error().code(), Errc::conflict);
}

TEST_F(S3GatewayTest, ItWorksOverTlsAndByTheBucketsName) {
  options_.endpoint = gateway_->tls_url();
  const auto tls = open();
  ASSERT_TRUE(run(runtime_, tls->put("a", "over TLS")).has_value());
  EXPECT_EQ(run(runtime_, tls->get("a")).value(), "over TLS");
  ASSERT_TRUE(run(runtime_, tls->upload("large", letters(11, false))).has_value());

  options_.endpoint = "http://s3.localhost:" + std::to_string(gateway_->port());
  options_.path_style = false;
  const auto by_name = open();
  EXPECT_EQ(run(runtime_, by_name->get("a")).value(), "over TLS");
  EXPECT_EQ(transport_->count("GET", "http://objects.s3.localhost:"), 1U);
}

TEST_F(S3GatewayTest, WrongCredentialsAndBucketsAreToldApart) {
  auto wrong = RadosGateway::credentials();
  wrong.secret_access_key = Secret("not-the-secret");
  const auto refused = run(runtime_, open(wrong)->put("a", "x"));
  EXPECT_EQ(refused.error().code(), Errc::unauthenticated);
  EXPECT_THAT(refused.error().message(), Not(HasSubstr("not-the-secret")));
  EXPECT_EQ(run(runtime_, open(storage::S3Credentials())->put("a", "x")).error().code(),
            Errc::unauthenticated);
  options_.bucket = "no-such-bucket";
  EXPECT_EQ(run(runtime_, open()->put("a", "x")).error().code(), Errc::not_found);
  EXPECT_EQ(run(runtime_, open()->list()).error().code(), Errc::not_found);
}

TEST_F(S3GatewayTest, AClockThatIsHalfAnHourOffIsMadeUpFor) {
  options_.now = [] { return std::chrono::system_clock::now() - std::chrono::minutes(30); };
  const auto store = open();

  ASSERT_TRUE(run(runtime_, store->put("a", "x")).has_value());
  EXPECT_EQ(run(runtime_, store->head("a")).value().size_bytes, 1U);
  // Found out once.
  EXPECT_EQ(transport_->count("PUT", "/a"), 2U);
  EXPECT_EQ(transport_->count("HEAD", "/a"), 1U);

  const auto head_first = open();
  EXPECT_EQ(run(runtime_, head_first->head("a")).value().size_bytes, 1U);
}

TEST_F(S3GatewayTest, APutWhoseAnswerIsLostIsKnownAgain) {
  CuttingProxy proxy(gateway_->port());
  options_.endpoint = "http://127.0.0.1:" + std::to_string(proxy.port());
  const auto store = open();
  PutOptions absent{.only_if_absent = true};
  proxy.lose_next_answer();

  const auto stored = run(runtime_, store->put("a", "once", absent));

  EXPECT_TRUE(proxy.has_lost_answer());
  ASSERT_TRUE(stored.has_value()) << stored.error().to_string();
  EXPECT_EQ(run(runtime_, store->put("a", "once", absent)).error().code(), Errc::already_exists);
}

TEST_F(S3GatewayTest, TransfersGoOnOverConnectionsThatBreak) {
  CuttingProxy proxy(gateway_->port());
  options_.endpoint = "http://127.0.0.1:" + std::to_string(proxy.port());
  options_.attempts = 20;
  const auto store = open();
  // Each part goes through, but no connection lives long.
  proxy.cut_after(7 * kMiB);

  const auto stored = run(runtime_, store->upload("a", letters(31, false)));

  ASSERT_TRUE(stored.has_value()) << stored.error().to_string();
  const std::string content = run(runtime_, store->get("a")).value();
  EXPECT_EQ(content.size(), 31 * kMiB);
  EXPECT_EQ(content.back(), 'e');
  EXPECT_GT(proxy.cuts(), 3U);
}

}  // namespace
}  // namespace rwp::tests
