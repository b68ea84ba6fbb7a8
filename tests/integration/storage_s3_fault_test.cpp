// The S3 store against servers that misbehave.
#include "storage_s3/digest.hpp"
#include "support/run.hpp"
#include "support/scripted_server.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/storage/object_versions.hpp>
#include <rwp/storage_s3/register.hpp>
#include <rwp/storage_s3/s3_object_store.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace rwp::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string answer(const std::string& status, const std::string& body,
                   const std::string& fields = std::string()) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         fields + "\r\n" + body;
}

std::string fault(const std::string& status, const std::string& code,
                  const std::string& fields = std::string()) {
  return answer(status, "<Error><Code>" + code + "</Code><Message>no</Message></Error>", fields);
}

std::string etag_field(const std::string& content) {
  return "ETag: \"" + storage::s3::hex_of(storage::s3::md5(content)) + "\"\r\n";
}

/// Answers by number of the request, from 0; notes the requests.
class FakeS3 {
 public:
  using Answer = std::function<std::string(int number, const std::string& request)>;

  explicit FakeS3(Answer script)
      : script_(std::move(script)), server_(answer_each([this](const std::string& request) {
          const std::lock_guard lock(mutex_);
          requests_.push_back(request);
          return script_(static_cast<int>(requests_.size()) - 1, request);
        })) {}

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  const Answer script_;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  ScriptedServer server_;
};

class S3FaultServerTest : public ::testing::Test {
 protected:
  std::shared_ptr<storage::ObjectStore> open(
      const FakeS3& fake, std::shared_ptr<storage::S3CredentialsProvider> provider = nullptr) {
    storage::S3Credentials keys;
    keys.access_key_id = "AKID";
    keys.secret_access_key = Secret("secret");
    options_.bucket = "bucket";
    options_.endpoint = fake.url();
    options_.first_wait = std::chrono::milliseconds(1);
    options_.longest_wait = std::chrono::milliseconds(10);
    if (!provider) provider = storage::make_fixed_credentials(keys);
    return storage::make_s3_object_store(runtime_, net::make_curl_transport(runtime_),
                                         std::move(provider), options_)
        .value();
  }
  Result<storage::ObjectInfo> put(storage::ObjectStore& store,
                                  storage::PutOptions options = storage::PutOptions()) {
    return run(runtime_, store.put("key", "content", std::move(options)));
  }

  Runtime runtime_;
  storage::S3StorageOptions options_;
};

TEST_F(S3FaultServerTest, SlowDownIsWaitedForAndTheBodySentAgain) {
  FakeS3 fake([](int number, const std::string&) {
    if (number < 3) return fault("503 Slow Down", "SlowDown", "Retry-After: 0\r\n");
    return answer("200 OK", "", etag_field("content"));
  });
  const auto store = open(fake);

  ASSERT_TRUE(put(*store).has_value());
  ASSERT_EQ(fake.requests().size(), 4U);
  EXPECT_THAT(fake.requests().back(), ::testing::EndsWith("\r\n\r\ncontent"));
}

TEST_F(S3FaultServerTest, WhatDoesNotPassIsAnErrorAfterTheLastAttempt) {
  options_.attempts = 3;
  FakeS3 fake([](int, const std::string&) { return fault("503 Slow Down", "SlowDown"); });
  const auto store = open(fake);

  const auto refused = put(*store);

  EXPECT_EQ(refused.error().code(), Errc::unavailable);
  EXPECT_TRUE(refused.error().retryable());
  EXPECT_EQ(fake.requests().size(), 3U);
}

TEST_F(S3FaultServerTest, WhatIsFinalIsNotTriedAgain) {
  FakeS3 fake([](int, const std::string&) { return fault("403 Forbidden", "AccessDenied"); });
  const auto store = open(fake);

  EXPECT_EQ(put(*store).error().code(), Errc::permission_denied);
  EXPECT_EQ(fake.requests().size(), 1U);
}

TEST_F(S3FaultServerTest, ABodyThatIsNotWhatItsEtagNamesIsCorrupt) {
  FakeS3 fake([](int number, const std::string& request) {
    const std::string fields = etag_field("0123456789") + "Content-Range: bytes 0-9/10\r\n";
    std::string whole = answer("206 Partial Content", "0123456789", fields);
    EXPECT_NE(request.find("range: bytes=0-"), std::string::npos);
    return number == 0 ? whole.substr(0, whole.size() - 4) + std::string(4, 'x') : whole;
  });
  const auto store = open(fake);

  EXPECT_EQ(run(runtime_, store->get("key")).error().code(), Errc::corrupt);
  EXPECT_EQ(run(runtime_, store->get("key")).value(), "0123456789");
}

TEST_F(S3FaultServerTest, APartThatIsShorterThanAskedForIsCorrupt) {
  FakeS3 fake([](int number, const std::string&) {
    const std::string range = number == 0 ? "0-9" : "10-14";
    return answer("206 Partial Content", number == 0 ? "0123456789" : "01234",
                  "ETag: \"of-parts-2\"\r\nContent-Range: bytes " + range + "/20\r\n");
  });

  EXPECT_EQ(run(runtime_, open(fake)->get("key")).error().code(), Errc::corrupt);
  EXPECT_EQ(fake.requests().size(), 2U);
}

TEST_F(S3FaultServerTest, ACopyInPartsThatIsCancelledLeavesNoParts) {
  options_.max_copy_bytes = 10;
  std::promise<void> part_asked;
  std::promise<void> part_may_be_answered;
  std::promise<void> aborted;
  FakeS3 fake([&](int, const std::string& request) {
    if (request.starts_with("HEAD")) {
      return std::string("HTTP/1.1 200 OK\r\nContent-Length: 20\r\nETag: \"e\"\r\n\r\n");
    }
    if (request.starts_with("DELETE") && request.find("uploadId=u") != std::string::npos) {
      aborted.set_value();
      return answer("204 No Content", "");
    }
    if (request.starts_with("PUT")) {
      part_asked.set_value();
      part_may_be_answered.get_future().wait();
      return std::string();
    }
    return answer("200 OK", "<R><UploadId>u</UploadId></R>");
  });
  const auto store = open(fake);
  auto copy = [](std::shared_ptr<storage::ObjectStore> in) -> boost::asio::awaitable<void> {
    auto copying = in->copy("key", "to");
    (void)co_await std::move(copying);
  };
  std::promise<void> ended;
  Task task(runtime_.executor(), copy(store), [&](std::exception_ptr) { ended.set_value(); });
  part_asked.get_future().wait();
  task.cancel();
  EXPECT_EQ(ended.get_future().wait_for(kGuard), std::future_status::ready);
  part_may_be_answered.set_value();
  EXPECT_EQ(aborted.get_future().wait_for(kGuard), std::future_status::ready);
}

TEST_F(S3FaultServerTest, AnAnswerThatBreaksOffIsAskedForAgain) {
  std::atomic<int> connections = 0;
  ScriptedServer server([&connections](ScriptedConnection& connection) {
    const std::string fields = etag_field("0123456789") + "Content-Range: bytes 0-9/10\r\n";
    const std::string whole = answer("206 Partial Content", "0123456789", fields);
    const bool is_first = connections++ == 0;
    if (connection.read_request().empty()) return;
    connection.write(is_first ? whole.substr(0, whole.size() - 3) : whole);
  });
  FakeS3 unused([](int, const std::string&) { return std::string(); });
  auto store = open(unused);
  options_.endpoint = "http://127.0.0.1:" + std::to_string(server.port());
  storage::S3Credentials keys;
  keys.access_key_id = "AKID";
  keys.secret_access_key = Secret("secret");
  store = storage::make_s3_object_store(runtime_, net::make_curl_transport(runtime_),
                                        storage::make_fixed_credentials(keys), options_)
              .value();

  EXPECT_EQ(run(runtime_, store->get("key")).value(), "0123456789");
  EXPECT_EQ(connections, 2);
}

TEST_F(S3FaultServerTest, OtherBytesThanWereSentAreNoSuccess) {
  FakeS3 fake(
      [](int, const std::string&) { return answer("200 OK", "", etag_field("other content")); });

  EXPECT_EQ(put(*open(fake)).error().code(), Errc::corrupt);
}

TEST_F(S3FaultServerTest, AnEtagOfKmsIsNotTakenForADigest) {
  FakeS3 fake([](int, const std::string&) {
    return answer("200 OK", "", etag_field("other") + "x-amz-server-side-encryption: aws:kms\r\n");
  });
  options_.encryption = "aws:kms";
  options_.kms_key_id = "key-1";

  EXPECT_TRUE(put(*open(fake)).has_value());
  EXPECT_THAT(fake.requests().front(), HasSubstr("x-amz-server-side-encryption: aws:kms\r\n"));
  EXPECT_THAT(fake.requests().front(),
              HasSubstr("x-amz-server-side-encryption-aws-kms-key-id: key-1\r\n"));
}

TEST_F(S3FaultServerTest, TheRegionThatTheServerNamesIsSignedForFromThenOn) {
  FakeS3 fake([](int, const std::string& request) {
    if (request.find("/eu-north-1/s3/aws4_request") != std::string::npos) {
      return answer("200 OK", "", etag_field("content"));
    }
    return fault("301 Moved Permanently", "PermanentRedirect",
                 "x-amz-bucket-region: eu-north-1\r\n");
  });
  const auto store = open(fake);

  EXPECT_TRUE(put(*store).has_value());
  EXPECT_TRUE(put(*store).has_value());
  EXPECT_EQ(fake.requests().size(), 3U);
}

TEST_F(S3FaultServerTest, RegionsThatNameEachOtherEnd) {
  FakeS3 fake([](int number, const std::string&) {
    const std::string region = number % 2 == 0 ? "eu-north-1" : "us-east-1";
    return fault("301 Moved Permanently", "PermanentRedirect",
                 "x-amz-bucket-region: " + region + "\r\n");
  });

  EXPECT_FALSE(put(*open(fake)).has_value());
  EXPECT_EQ(fake.requests().size(), 3U);
}

TEST_F(S3FaultServerTest, ASuccessWithAnErrorForABodyIsNone) {
  FakeS3 fake([](int number, const std::string& request) {
    if (request.starts_with("HEAD")) {
      return std::string("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n") + etag_field("content") +
             "\r\n";
    }
    if (number == 1) return fault("200 OK", "InternalError");
    return answer("200 OK", "<CopyObjectResult/>");
  });
  const auto store = open(fake);

  EXPECT_TRUE(run(runtime_, store->copy("key", "to")).has_value());
  EXPECT_EQ(fake.requests().size(), 4U);
}

TEST_F(S3FaultServerTest, AServerWithoutConditionsSaysSo) {
  FakeS3 fake(
      [](int, const std::string&) { return fault("501 Not Implemented", "NotImplemented"); });
  storage::PutOptions absent;
  absent.only_if_absent = true;

  EXPECT_EQ(put(*open(fake), absent).error().code(), Errc::unsupported);
}

TEST_F(S3FaultServerTest, WhereNoVersionsAreKeptAPurgeIsARemoval) {
  FakeS3 fake([](int, const std::string& request) {
    if (request.find("?versions") != std::string::npos) {
      return fault("501 Not Implemented", "NotImplemented");
    }
    if (request.starts_with("HEAD")) return answer("200 OK", "");
    if (request.starts_with("DELETE")) return answer("204 No Content", "");
    return answer("200 OK",
                  "<ListBucketResult><Contents><Key>key</Key></Contents></ListBucketResult>");
  });
  const auto store = open(fake);

  EXPECT_EQ(run(runtime_, storage::list_with_removed(store)).value().entries.size(), 1U);
  EXPECT_EQ(run(runtime_, storage::purge(store, "key")).value(), 1U);
  EXPECT_THAT(fake.requests().back(), ::testing::StartsWith("DELETE /bucket/key"));
}

TEST_F(S3FaultServerTest, AListingThatIsNoXmlOrNeverEndsIsCorrupt) {
  FakeS3 fake([](int number, const std::string&) {
    if (number == 0) return answer("200 OK", "<html>");
    return answer("200 OK", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>");
  });
  const auto store = open(fake);

  EXPECT_EQ(run(runtime_, store->list()).error().code(), Errc::corrupt);
  EXPECT_EQ(run(runtime_, store->list()).error().code(), Errc::corrupt);
}

TEST_F(S3FaultServerTest, AListingGoesOnWhereTheServerSays) {
  // A page without anything of ours, one without anything, and the last. What was removed stands
  // behind the versions, as some servers have it.
  FakeS3 fake([](int number, const std::string&) {
    if (number == 0) {
      return answer("200 OK",
                    "<ListVersionsResult><IsTruncated>true</IsTruncated>"
                    "<NextKeyMarker>m%2Fz</NextKeyMarker>"
                    "<NextVersionIdMarker>v9</NextVersionIdMarker>"
                    "<Version><Key>m%2F</Key><VersionId>v1</VersionId></Version>"
                    "<DeleteMarker><Key>a%2F</Key><VersionId>v2</VersionId></DeleteMarker>"
                    "</ListVersionsResult>");
    }
    if (number == 1) {
      return answer("200 OK",
                    "<ListVersionsResult><IsTruncated>true</IsTruncated>"
                    "<NextKeyMarker>n</NextKeyMarker></ListVersionsResult>");
    }
    return answer("200 OK",
                  "<ListVersionsResult><IsTruncated>true</IsTruncated>"
                  "<NextKeyMarker>q</NextKeyMarker>"
                  "<Version><Key>o</Key><VersionId>v1</VersionId></Version>"
                  "<Version><Key>q</Key><VersionId>v1</VersionId></Version>"
                  "<DeleteMarker><Key>o</Key><VersionId>v2</VersionId></DeleteMarker>"
                  "<DeleteMarker><Key>p</Key><VersionId>v1</VersionId></DeleteMarker>"
                  "</ListVersionsResult>");
  });

  const auto page = run(runtime_, storage::list_with_removed(open(fake))).value();

  std::vector<std::string> keys;
  for (const auto& entry : page.entries) keys.push_back(entry.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"o", "p", "q"}));
  EXPECT_EQ(page.next_cursor, "q");
  ASSERT_EQ(fake.requests().size(), 3U);
  EXPECT_THAT(fake.requests()[1], HasSubstr("key-marker=m%2Fz&"));
  EXPECT_THAT(fake.requests()[1], HasSubstr("version-id-marker=v9&"));
  EXPECT_THAT(fake.requests()[2], HasSubstr("key-marker=n&"));
  EXPECT_THAT(fake.requests()[2], Not(HasSubstr("version-id-marker")));
}

TEST_F(S3FaultServerTest, AnEmptyPageIsNotTakenForTheLast) {
  FakeS3 fake([](int number, const std::string&) {
    if (number > 0) {
      return answer("200 OK",
                    "<ListBucketResult><IsTruncated>false</IsTruncated>"
                    "<Contents><Key>a</Key></Contents></ListBucketResult>");
    }
    return answer("200 OK",
                  "<ListBucketResult><IsTruncated>true</IsTruncated>"
                  "<NextContinuationToken>1/x=</NextContinuationToken></ListBucketResult>");
  });

  const auto page = run(runtime_, open(fake)->list()).value();

  ASSERT_EQ(page.entries.size(), 1U);
  EXPECT_TRUE(page.next_cursor.empty());
  EXPECT_THAT(fake.requests()[1], HasSubstr("continuation-token=1%2Fx%3D"));
}

TEST_F(S3FaultServerTest, HowTheServerIsToEncryptIsSaidOfPutsAndCopiesAlone) {
  FakeS3 fake([](int, const std::string& request) {
    if (request.find("x-amz-copy-source") != std::string::npos) {
      return answer("200 OK", "<CopyObjectResult><ETag>\"e\"</ETag></CopyObjectResult>");
    }
    return answer("200 OK", request.starts_with("GET") ? "content" : "", etag_field("content"));
  });
  ASSERT_TRUE(put(*open(fake)));
  const auto plain = fake.requests().size();
  options_.encryption = "AES256";
  const auto store = open(fake);

  ASSERT_TRUE(put(*store));
  ASSERT_TRUE(run(runtime_, store->get("key")));
  (void)run(runtime_, store->copy("key", "other"));

  const auto requests = fake.requests();
  bool copied = false;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const bool makes_one = i >= plain && requests[i].starts_with("PUT");
    copied = copied || requests[i].find("x-amz-copy-source") != std::string::npos;
    const auto header = HasSubstr("x-amz-server-side-encryption: AES256\r\n");
    if (makes_one) {
      EXPECT_THAT(requests[i], header);
    } else {
      EXPECT_THAT(requests[i], Not(HasSubstr("server-side-encryption")));
    }
  }
  EXPECT_TRUE(copied);
}

TEST_F(S3FaultServerTest, KeysThatAreNoneHereArePassedOver) {
  FakeS3 fake([](int, const std::string&) {
    return answer("200 OK",
                  "<ListBucketResult><IsTruncated>false</IsTruncated>"
                  "<Contents><Key>folder%2F</Key><Size>0</Size></Contents>"
                  "<Contents><Key>a%2Bb+c</Key><Size>3</Size>"
                  "<LastModified>2026-11-26T15:00:00.250Z</LastModified></Contents>"
                  "</ListBucketResult>");
  });

  const auto page = run(runtime_, open(fake)->list()).value();

  ASSERT_EQ(page.entries.size(), 1U);
  EXPECT_EQ(page.entries[0].key, "a+b c");
  EXPECT_EQ(page.entries[0].size_bytes, 3U);
  EXPECT_EQ(page.entries[0].modified_at, std::chrono::sys_days(std::chrono::year(2026) / 11 / 26) +
                                             std::chrono::hours(15) +
                                             std::chrono::milliseconds(250));
}

TEST_F(S3FaultServerTest, OneKeyOfABatchThatFailsFailsAlone) {
  FakeS3 fake([](int, const std::string& request) {
    EXPECT_NE(request.find("content-md5: "), std::string::npos) << request;
    return answer(
        "200 OK",
        "<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code></Error></DeleteResult>");
  });

  const auto results = run(runtime_, open(fake)->remove_many({"a", "b"})).value();

  EXPECT_TRUE(results[0].has_value());
  EXPECT_EQ(results[1].error().code(), Errc::permission_denied);
}

TEST_F(S3FaultServerTest, EndedCredentialsAreReadAnewFromTheirFile) {
  TemporaryDirectory directory;
  const std::string path = directory.path() / "credentials";
  const auto write = [&path](const std::string& id) {
    std::ofstream(path) << "[default]\naws_access_key_id=" << id
                        << "\naws_secret_access_key=s\naws_session_token=t\n";
  };
  write("OLD");
  FakeS3 fake([&](int, const std::string& request) {
    EXPECT_NE(request.find("x-amz-security-token: t"), std::string::npos);
    if (request.find("Credential=NEW/") != std::string::npos) {
      return answer("200 OK", "", etag_field("content"));
    }
    write("NEW");
    return fault("400 Bad Request", "ExpiredToken");
  });
  const auto store = open(fake, storage::make_profile_credentials(path, "default"));

  EXPECT_TRUE(put(*store).has_value());
  EXPECT_EQ(fake.requests().size(), 2U);
}

/// Counts how often newer credentials than the last are asked for.
class CountedCredentials final : public storage::S3CredentialsProvider {
 public:
  boost::asio::awaitable<Result<storage::S3Credentials>> credentials(bool rejected) override {
    if (rejected) ++rejections;
    storage::S3Credentials keys;
    keys.access_key_id = "AKID";
    keys.secret_access_key = Secret("secret");
    co_return keys;
  }
  int rejections = 0;
};

TEST_F(S3FaultServerTest, CredentialsThatCameAreKeptForTheNextAttempts) {
  FakeS3 fake([](int number, const std::string&) {
    if (number == 1) return fault("400 Bad Request", "ExpiredToken");
    if (number < 5) return fault("503 Slow Down", "SlowDown");
    return answer("200 OK", "", etag_field("content"));
  });
  const auto provider = std::make_shared<CountedCredentials>();
  const auto store = open(fake, provider);

  EXPECT_TRUE(put(*store).has_value());
  EXPECT_EQ(provider->rejections, 1);
}

TEST_F(S3FaultServerTest, ATokenFileWithoutAnEndIsNotReadToIt) {
  storage::WebIdentityOptions options;
  options.role_arn = "arn:aws:iam::1:role/r";
  options.token_file = "/dev/zero";
  const auto provider =
      storage::make_web_identity_credentials(net::make_curl_transport(runtime_), options);

  EXPECT_EQ(run(runtime_, provider->credentials(false)).error().code(), Errc::unauthenticated);
}

TEST_F(S3FaultServerTest, ARoleIsTakenOnWithTheTokenOfAFileAndKept) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "token") << "the+token\n";
  FakeS3 sts([](int, const std::string& request) {
    EXPECT_NE(request.find("Action=AssumeRoleWithWebIdentity"), std::string::npos);
    EXPECT_NE(request.find("WebIdentityToken=the%2Btoken"), std::string::npos);
    EXPECT_NE(request.find("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"), std::string::npos);
    return answer(
        "200 OK",
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>"
        "<Credentials><AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        "<SessionToken>session</SessionToken><Expiration>2199-01-01T00:00:00Z</Expiration>"
        "</Credentials></AssumeRoleWithWebIdentityResult>"
        "</AssumeRoleWithWebIdentityResponse>");
  });
  FakeS3 fake([](int, const std::string& request) {
    EXPECT_NE(request.find("Credential=ROLE/"), std::string::npos);
    EXPECT_NE(request.find("x-amz-security-token: session"), std::string::npos);
    return answer("200 OK", "", etag_field("content"));
  });
  SchemeRegistry registry;
  storage::S3SchemeOptions scheme;
  scheme.web_identity.role_arn = "arn:aws:iam::1:role/r";
  scheme.web_identity.token_file = directory.path() / "token";
  scheme.web_identity.sts_url = sts.url();
  storage::register_s3_storage(registry, scheme);
  const auto store =
      registry.open<storage::ObjectStore>("s3://bucket/p?endpoint=" + fake.url(), runtime_).value();

  EXPECT_TRUE(put(*store).has_value());
  EXPECT_TRUE(put(*store).has_value());
  EXPECT_EQ(sts.requests().size(), 1U);
  EXPECT_THAT(fake.requests().front(), HasSubstr("PUT /bucket/p/key HTTP/1.1"));
}

TEST_F(S3FaultServerTest, ARefusedRoleIsToldWithoutItsToken) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "token") << "very-secret";
  FakeS3 sts([](int, const std::string&) {
    return answer("403 Forbidden",
                  "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>");
  });
  storage::WebIdentityOptions options;
  options.role_arn = "arn:aws:iam::1:role/r";
  options.token_file = directory.path() / "token";
  options.sts_url = sts.url();
  const auto provider =
      storage::make_web_identity_credentials(net::make_curl_transport(runtime_), options);

  const auto refused = run(runtime_, provider->credentials(false));

  EXPECT_EQ(refused.error().code(), Errc::unauthenticated);
  EXPECT_THAT(refused.error().message(), HasSubstr("AccessDenied"));
  EXPECT_THAT(refused.error().message(), Not(HasSubstr("very-secret")));
}

TEST_F(S3FaultServerTest, NoMoreRequestsAreUnderWayThanTheServerCanTake) {
  std::atomic<int> under_way = 0;
  std::atomic<int> most = 0;
  ScriptedServer server([&](ScriptedConnection& connection) {
    while (!connection.read_request().empty()) {
      const int now = ++under_way;
      int before = most;
      while (before < now && !most.compare_exchange_weak(before, now)) {
      }
      // Until others are there too, or have had their chance.
      std::this_thread::yield();
      --under_way;
      connection.write(answer("200 OK", "", etag_field("content")));
    }
  });
  FakeS3 unused([](int, const std::string&) { return std::string(); });
  options_.concurrency = 3;
  (void)open(unused);
  options_.endpoint = "http://127.0.0.1:" + std::to_string(server.port());
  storage::S3Credentials keys;
  keys.access_key_id = "AKID";
  keys.secret_access_key = Secret("secret");
  const auto store = storage::make_s3_object_store(runtime_, net::make_curl_transport(runtime_),
                                                   storage::make_fixed_credentials(keys), options_)
                         .value();
  constexpr int kPuts = 200;
  std::promise<void> all;
  std::atomic<int> ended = 0;
  std::atomic<int> stored = 0;
  auto one = [](std::shared_ptr<storage::ObjectStore> to,
                std::atomic<int>* good) -> boost::asio::awaitable<void> {
    auto putting = to->put("key", "content");
    const auto put = co_await std::move(putting);
    if (put) ++*good;
  };
  for (int i = 0; i < kPuts; ++i) {
    spawn(runtime_.executor(), one(store, &stored), [&](std::exception_ptr) {
      if (++ended == kPuts) all.set_value();
    });
  }

  ASSERT_EQ(all.get_future().wait_for(kGuard), std::future_status::ready);
  EXPECT_EQ(stored, kPuts);
  EXPECT_LE(most, 3);
}

/// Refuses all requests, the first only when it is let go.
class RefusingTransport final : public net::HttpTransport {
 public:
  Signal let_go{};

 private:
  boost::asio::awaitable<Result<std::unique_ptr<net::HttpExchange>>> do_open(
      net::HttpRequest) override {
    if (std::exchange(is_first_, false)) (void)co_await let_go.wait_until(SteadyTime::max());
    co_return Error(Errc::permission_denied, "refused");
  }
  bool is_first_ = true;
};

TEST_F(S3FaultServerTest, ATurnThatComesWithACancellationIsPassedOn) {
  const auto transport = std::make_shared<RefusingTransport>();
  options_.bucket = "bucket";
  options_.concurrency = 1;
  storage::S3Credentials keys;
  keys.access_key_id = "AKID";
  keys.secret_access_key = Secret("secret");
  const auto store = storage::make_s3_object_store(runtime_, transport,
                                                   storage::make_fixed_credentials(keys), options_)
                         .value();
  auto put = [](std::shared_ptr<storage::ObjectStore> to) -> boost::asio::awaitable<void> {
    auto putting = to->put("key", "content");
    (void)co_await std::move(putting);
  };
  std::vector<std::promise<void>> ended(3);
  std::vector<Task> tasks;
  for (std::promise<void>& one : ended) {
    auto on_end = [&one](std::exception_ptr) { one.set_value(); };
    tasks.emplace_back(runtime_.executor(), put(store), on_end);
  }

  // The first ends between the second's cancellation and its end: the third's turn has come.
  post(runtime_.executor(), [&] {
    tasks[1].cancel();
    transport->let_go.notify_all();
  });

  for (std::promise<void>& one : ended) {
    EXPECT_EQ(one.get_future().wait_for(kGuard), std::future_status::ready);
  }
}

TEST_F(S3FaultServerTest, UrlsThatAreNoneAreRefused) {
  SchemeRegistry registry;
  storage::register_s3_storage(registry);
  for (const char* url :
       {"s3:bucket", "s3://", "s3://Bucket", "s3://key:secret@bucket", "s3://bucket?unknown=1",
        "s3://bucket?path_style=maybe", "s3://bucket?endpoint=ftp://x", "s3://bucket/a//b",
        "s3://bucket?part_bytes=1000", "s3://bucket?attempts=0", "s3://bucket?encryption=none",
        "s3://bucket?kms_key_id=k", "s3://bucket?region=a/b"}) {
    const auto opened = registry.open<storage::ObjectStore>(url, runtime_);
    ASSERT_FALSE(opened.has_value()) << url;
    EXPECT_EQ(opened.error().code(), Errc::invalid_argument) << url;
    EXPECT_THAT(opened.error().message(), Not(HasSubstr("secret@"))) << url;
  }
  EXPECT_TRUE(registry.open<storage::ObjectStore>("s3://bucket/a/b/?region=auto", runtime_));
}

}  // namespace
}  // namespace rwp::tests
