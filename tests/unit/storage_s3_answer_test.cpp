#include "storage_s3/address.hpp"
#include "storage_s3/digest.hpp"
#include "storage_s3/fault.hpp"
#include "storage_s3/pace.hpp"
#include "storage_s3/xml.hpp"
#include <rwp/storage_s3/credentials.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rwp::storage::s3 {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(S3XmlTest, ElementsTextReferencesAndCdataAreRead) {
  const auto read = parse_xml(
      "<?xml version=\"1.0\"?>\n<!-- a > b -->\n"
      "<r xmlns='urn:a>b'><Key>a&amp;b&lt;&#x41;&#233;</Key><e/><n:Key k=\"1\">2</n:Key>"
      "<c><![CDATA[<x>]]></c></r>\n");

  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_EQ(read->name, "r");
  ASSERT_EQ(read->children.size(), 4U);
  EXPECT_EQ(read->value("Key"), "a&b<Aé");
  EXPECT_EQ(read->children[2].name, "Key");
  EXPECT_EQ(read->value("c"), "<x>");
  EXPECT_EQ(read->find("none"), nullptr);
}

TEST(S3XmlTest, WhatIsNoXmlOrWouldGrowIsRefused) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  std::string wide = "<a>";
  for (int i = 0; i < 100'001; ++i) wide += "<b/>";
  wide += "</a>";
  const std::vector<std::string> wrong = {
      "",
      "text",
      "<a>",
      "<a></b>",
      "</a>",
      "<a/><b/>",
      "<a>&unknown;</a>",
      "<a>&#0;</a>",
      "<a>&#xD800;</a>",
      "<a>&amp</a>",
      "<a",
      "<a b='>",
      "<>x</>",
      "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>",
      "<a><![CDATA[x</a>",
      "<html><br></html>",
      deep,
      wide,
  };
  for (const std::string& text : wrong) {
    EXPECT_EQ(parse_xml(text).error().code(), Errc::corrupt) << text.substr(0, 40);
  }
}

TEST(S3XmlTest, WhatIsEscapedIsReadBack) {
  const std::string odd = "a<b>&c\"'\t\xC3\xA9";

  EXPECT_EQ(parse_xml("<k>" + xml_escaped(odd) + "</k>")->text, odd);
}

S3StorageOptions with_bucket(const std::string& bucket) {
  S3StorageOptions options;
  options.bucket = bucket;
  return options;
}

TEST(S3AddressTest, AwsIsAskedByTheBucketsNameAndOthersByPath) {
  auto options = with_bucket("my-bucket");
  options.region = "eu-west-1";
  EXPECT_EQ(Address::make(options)->url("a b/é+%"),
            "https://my-bucket.s3.eu-west-1.amazonaws.com/a%20b/%C3%A9%2B%25");
  options.bucket = "my.bucket";
  EXPECT_EQ(Address::make(options)->url(""), "https://s3.eu-west-1.amazonaws.com/my.bucket");
  options.endpoint = "http://127.0.0.1:7480/";
  EXPECT_EQ(Address::make(options)->url("k"), "http://127.0.0.1:7480/my.bucket/k");
  options.path_style = false;
  options.endpoint = "https://s3.localhost:443";
  EXPECT_EQ(Address::make(options)->url("k"), "https://my.bucket.s3.localhost/k");
}

TEST(S3AddressTest, WhatIsNoneIsRefused) {
  for (const char* bucket : {"", "ab", "Upper", "a..b", "-abc", "abc-", "a/b", "a_bc", "a@bc"}) {
    EXPECT_EQ(Address::make(with_bucket(bucket)).error().code(), Errc::invalid_argument) << bucket;
  }
  for (const char* endpoint : {"host", "ftp://h", "http://", "http://h/path", "http://u:p@h",
                               "http://h?x", "http://h h"}) {
    auto options = with_bucket("bucket");
    options.endpoint = endpoint;
    EXPECT_EQ(Address::make(options).error().code(), Errc::invalid_argument) << endpoint;
  }
}

TEST(S3AddressTest, ItMovesOnlyToWhatIsARegion) {
  auto address = Address::make(with_bucket("bucket")).value();

  EXPECT_FALSE(address.move_to("us-east-1"));
  EXPECT_FALSE(address.move_to("evil.example/"));
  EXPECT_TRUE(address.move_to("eu-north-1"));
  EXPECT_EQ(address.host(), "bucket.s3.eu-north-1.amazonaws.com");
}

Fault fault_of(int status, const std::string& body) {
  net::HttpResponse response;
  response.status = status;
  response.body = body;
  return read_fault(response);
}

std::string error_body(const std::string& code) {
  return "<?xml version=\"1.0\"?><Error><Code>" + code +
         "</Code><Message>m</Message><Region>eu-west-1</Region></Error>";
}

TEST(S3FaultTest, EachRefusalHasItsRemedy) {
  EXPECT_EQ(remedy_of(fault_of(503, error_body("SlowDown"))), Remedy::slow_down);
  EXPECT_EQ(remedy_of(fault_of(429, "")), Remedy::slow_down);
  EXPECT_EQ(remedy_of(fault_of(500, error_body("InternalError"))), Remedy::wait);
  EXPECT_EQ(remedy_of(fault_of(502, "<html>")), Remedy::wait);
  EXPECT_EQ(remedy_of(fault_of(409, error_body("ConditionalRequestConflict"))), Remedy::wait);
  EXPECT_EQ(remedy_of(fault_of(403, error_body("RequestTimeTooSkewed"))), Remedy::clock);
  EXPECT_EQ(remedy_of(fault_of(301, error_body("PermanentRedirect"))), Remedy::region);
  EXPECT_EQ(remedy_of(fault_of(400, error_body("AuthorizationHeaderMalformed"))), Remedy::region);
  EXPECT_EQ(remedy_of(fault_of(403, error_body("ExpiredToken"))), Remedy::credentials);
  EXPECT_EQ(remedy_of(fault_of(403, error_body("AccessDenied"))), Remedy::none);
  EXPECT_EQ(remedy_of(fault_of(404, error_body("NoSuchKey"))), Remedy::none);
  EXPECT_EQ(remedy_of(fault_of(501, error_body("NotImplemented"))), Remedy::none);
}

TEST(S3FaultTest, ErrorsTellWhatCanBeDoneAndNoSignature) {
  EXPECT_EQ(to_error(fault_of(403, error_body("AccessDenied")), "object a").code(),
            Errc::permission_denied);
  EXPECT_EQ(to_error(fault_of(404, error_body("NoSuchBucket")), "object a").code(),
            Errc::not_found);
  EXPECT_EQ(to_error(fault_of(501, error_body("NotImplemented")), "object a").code(),
            Errc::unsupported);
  EXPECT_EQ(to_error(fault_of(400, error_body("EntityTooLarge")), "object a").code(),
            Errc::invalid_argument);
  const auto error = to_error(
      fault_of(403,
               "<Error><Code>SignatureDoesNotMatch</Code><Message>AKID secret</Message></Error>"),
      "object a");
  EXPECT_EQ(error.code(), Errc::unauthenticated);
  EXPECT_THAT(error.message(), HasSubstr("SignatureDoesNotMatch"));
  EXPECT_THAT(error.message(), Not(HasSubstr("secret")));
}

TEST(S3PaceTest, ItHalvesOnceForThoseUnderWayAndRisesAgain) {
  Pace pace(8);
  for (int i = 0; i < 8; ++i) pace.begun();
  EXPECT_FALSE(pace.has_room());

  for (int i = 0; i < 8; ++i) {
    pace.slowed_down();
    pace.ended();
  }
  EXPECT_EQ(pace.limit(), 4U);
  pace.begun();
  pace.slowed_down();
  pace.ended();
  EXPECT_EQ(pace.limit(), 2U);
  for (int i = 0; i < 100; ++i) pace.answered();
  EXPECT_EQ(pace.limit(), 8U);
  for (int i = 0; i < 10; ++i) pace.slowed_down();
  EXPECT_GE(pace.limit(), 1U);
}

TEST(S3CredentialsTest, AProfileIsFoundInItsFile) {
  const std::string file =
      "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=S=/+\n\n"
      "[profile other]\r\naws_access_key_id=B\r\naws_secret_access_key=T\r\n"
      "aws_session_token = K\r\n[broken]\naws_access_key_id = C\n";

  EXPECT_EQ(read_s3_profile(file, "default")->access_key_id, "A");
  EXPECT_EQ(read_s3_profile(file, "default")->secret_access_key.expose(), "S=/+");
  EXPECT_EQ(read_s3_profile(file, "other")->access_key_id, "B");
  EXPECT_EQ(read_s3_profile(file, "other")->session_token.expose(), "K");
  EXPECT_EQ(read_s3_profile(file, "none").error().code(), Errc::unauthenticated);
  EXPECT_EQ(read_s3_profile(file, "broken").error().code(), Errc::unauthenticated);
}

TEST(S3DigestTest, KnownTextsHaveTheirKnownDigests) {
  EXPECT_EQ(hex_of(md5("abc")), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(base64_of(md5("")), "1B2M2Y8AsgTpgAmY7PhCfg==");
  EXPECT_EQ(base64_of("any"), "YW55");
  EXPECT_EQ(hex_of(hmac_sha256("key", "The quick brown fox jumps over the lazy dog")),
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

}  // namespace
}  // namespace rwp::storage::s3
