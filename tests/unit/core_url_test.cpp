#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/core/url.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace rwp {
namespace {

using namespace std::chrono_literals;

std::string masked(const std::string& text) { return Url::parse(text).value().masked(); }

TEST(UrlTest, TakesSchemeRestAndQueryApart) {
  const auto url = Url::parse("SQLite:dir/my%20jobs.db?a=1&b=x%26y&flag&plus=a+b");

  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->scheme(), "sqlite");
  EXPECT_EQ(url->rest(), "dir/my%20jobs.db");
  EXPECT_EQ(url->path(), "dir/my jobs.db");
  const std::map<std::string, std::string> expected = {
      {"a", "1"}, {"b", "x&y"}, {"flag", ""}, {"plus", "a+b"}};
  EXPECT_EQ(url->query(), expected);
}

TEST(UrlTest, EmptyRestAndEmptyQueryAreTaken) {
  EXPECT_EQ(Url::parse("memory:").value().rest(), "");
  EXPECT_TRUE(Url::parse("memory:?").value().query().empty());
  EXPECT_TRUE(Url::parse("memory:?").value().allow_query({}).has_value());
}

TEST(UrlTest, WhatIsNoUrlIsRefused) {
  const std::vector<std::string> bad = {"",
                                        "jobs.db",
                                        ":x",
                                        "1a:x",
                                        "a b:x",
                                        "sq_l:x",
                                        "a:%",
                                        "a:%zz",
                                        "a:x?b=%",
                                        "a:x?b=%g1",
                                        "a:x?b=1&b=2",
                                        "a:x?%62=1&b=2",
                                        "a:" + std::string(8192, 'x')};

  for (const auto& text : bad) {
    const auto url = Url::parse(text);
    ASSERT_FALSE(url.has_value()) << text.substr(0, 40);
    EXPECT_EQ(url.error().code(), Errc::invalid_argument);
  }
  EXPECT_TRUE(Url::parse("a:" + std::string(8190, 'x')).has_value());
}

TEST(UrlTest, UnknownOptionIsRefusedByName) {
  const auto url = Url::parse("sqlite:x?synchronous=full&sync=1").value();

  EXPECT_TRUE(url.allow_query({"sync", "synchronous"}).has_value());
  const auto refused = url.allow_query({"synchronous"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_NE(refused.error().message().find("\"sync\""), std::string::npos);
}

TEST(UrlTest, IntegersKeepTheirBounds) {
  const auto url = Url::parse("a:b?n=5&low=0&text=5x&empty=&big=99999999999999999999").value();

  EXPECT_EQ(url.integer("n", 1, 1, 9).value(), 5);
  EXPECT_EQ(url.integer("absent", 7, 1, 9).value(), 7);
  for (const char* name : {"low", "text", "empty", "big"}) {
    const auto number = url.integer(name, 1, 1, 9);
    ASSERT_FALSE(number.has_value()) << name;
    EXPECT_EQ(number.error().code(), Errc::invalid_argument);
  }
}

TEST(UrlTest, DurationsHaveAUnit) {
  EXPECT_EQ(parse_duration("250ms").value(), 250ms);
  EXPECT_EQ(parse_duration("30s").value(), 30s);
  EXPECT_EQ(parse_duration("5m").value(), 5min);
  EXPECT_EQ(parse_duration("2h").value(), 2h);
  EXPECT_EQ(parse_duration("7d").value(), 7 * 24h);
  EXPECT_EQ(parse_duration("0s").value(), 0s);
  EXPECT_EQ(parse_duration("3650d").value(), 3650 * 24h);
}

TEST(UrlTest, OtherDurationsAreRefused) {
  for (const char* text : {"", "s", "5", "-5s", "+5s", " 5s", "5s ", "5 s", "5S", "1.5s", "1h30m",
                           "3651d", "99999999999999999999ms", "9223372036854775807d"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code(), Errc::invalid_argument);
  }
}

TEST(UrlTest, DurationOptionNamesItselfWhenItIsRefused) {
  const auto url = Url::parse("a:b?wait=30s&bad=soon").value();

  EXPECT_EQ(url.duration("wait", 1s).value(), 30s);
  EXPECT_EQ(url.duration("absent", 1s).value(), 1s);
  EXPECT_NE(url.duration("bad", 1s).error().message().find("bad"), std::string::npos);
}

TEST(UrlMaskTest, PasswordsAreMasked) {
  EXPECT_EQ(masked("postgres://me:pw@host:5432/db"), "postgres://me:********@host:5432/db");
  EXPECT_EQ(masked("redis://:pw@host"), "redis://:********@host");
  EXPECT_EQ(masked("http://me:p@w@host/x"), "http://me:********@host/x");
  EXPECT_EQ(masked("http://me:p:w@host/x"), "http://me:********@host/x");
}

TEST(UrlMaskTest, PasswordWithAnUnescapedSlashIsMaskedToo) {
  EXPECT_EQ(masked("postgres://me:p/w@host/db").find("p/w"), std::string::npos);
  EXPECT_EQ(masked("postgres://me:p/w@host/db").find("w@"), std::string::npos);
}

TEST(UrlMaskTest, EveryPartOfAComposedUrlIsMasked) {
  EXPECT_EQ(masked("tiered:postgres://a:one@h/d,redis://:two@h"),
            "tiered:postgres://a:********@h/d,redis://:********@h");
  EXPECT_EQ(masked("tiered:postgres://a:one@h/d?sslmode=off,redis://:two@h?window=5"),
            "tiered:postgres://a:********@h/d?sslmode=off,redis://:********@h?window=5");
  EXPECT_EQ(
      masked("tiered:postgres://a:one@h/d?x=1,redis-sentinel://:two@h,i/m?sentinel_password=3&n=4"),
      "tiered:postgres://a:********@h/d?x=1,redis-sentinel://:********@h,i/m?sentinel_password="
      "********&n=4");
  EXPECT_EQ(masked("a:b?password=one?two&c=d"), "a:b?password=********&c=d");
}

TEST(UrlMaskTest, NothingElseIsChanged) {
  for (const char* text :
       {"sqlite:jobs.db?synchronous=normal", "http://host:3000/v1", "postgres://me@host:5432/db",
        "file:./objects", "memory:", "a://h:1/x?lease=30s&n=1"}) {
    EXPECT_EQ(masked(text), text);
  }
}

TEST(UrlMaskTest, SecretOptionsAreMaskedHoweverTheyAreWritten) {
  EXPECT_EQ(masked("s3://b?region=eu&secret_access_key=abc&x=1"),
            "s3://b?region=eu&secret_access_key=********&x=1");
  EXPECT_EQ(masked("a:b?PassWord=abc"), "a:b?PassWord=********");
  EXPECT_EQ(masked("a:b?p%61ssword=abc&x=1"), "a:b?p%61ssword=********&x=1");
  EXPECT_EQ(masked("a:b?api_key=one&key=two"), "a:b?api_key=********&key=********");
  EXPECT_EQ(masked("a:b?monkey=1&key=two"), "a:b?monkey=********&key=********");
  EXPECT_EQ(masked("a:token=x?token=abc"), "a:token=x?token=********");
  EXPECT_EQ(masked("a:b?token=p=q"), "a:b?token=********");
  EXPECT_EQ(masked("a:b?token"), "a:b?token");
}

class Store {
 public:
  explicit Store(std::string given) : text(std::move(given)) {}
  std::string text;
};
class Model {};

class SchemeRegistryTest : public ::testing::Test {
 protected:
  static SchemeRegistry with_zip() {
    SchemeRegistry registry;
    registry.add<Store>("zip", [](const Url& url, Runtime&) -> Result<std::shared_ptr<Store>> {
      if (url.rest().empty()) return Error(Errc::not_found, "no archive");
      return std::make_shared<Store>(url.rest());
    });
    return registry;
  }

  Runtime runtime_;
};

TEST_F(SchemeRegistryTest, OpensWhatTheSchemeNames) {
  const auto opened = with_zip().open<Store>("ZIP:archive.zip", runtime_);

  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ((*opened)->text, "archive.zip");
}

TEST_F(SchemeRegistryTest, TheOpenersErrorIsTheAnswer) {
  EXPECT_EQ(with_zip().open<Store>("zip:", runtime_).error().code(), Errc::not_found);
}

TEST_F(SchemeRegistryTest, UnknownSchemeListsTheKnownOnesOfThatInterface) {
  SchemeRegistry registry = with_zip();
  registry.add<Store>("file", [](const Url&, Runtime&) { return std::make_shared<Store>("f"); });
  registry.add<Model>("openai", [](const Url&, Runtime&) { return std::make_shared<Model>(); });

  const auto opened = registry.open<Store>("openai:x", runtime_);

  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Errc::invalid_argument);
  const std::string message = opened.error().message();
  EXPECT_NE(message.find("file: zip:"), std::string::npos) << message;
  EXPECT_EQ(registry.schemes<Store>(), (std::vector<std::string>{"file", "zip"}));
  EXPECT_EQ(registry.schemes<Model>(), std::vector<std::string>{"openai"});
}

TEST_F(SchemeRegistryTest, UnknownSchemeIsNamedWithoutItsSecrets) {
  const auto opened = with_zip().open<Store>("ftp://me:hunter2@host", runtime_);

  EXPECT_EQ(opened.error().message().find("hunter2"), std::string::npos);
}

TEST_F(SchemeRegistryTest, WhatIsNoUrlIsRefused) {
  EXPECT_EQ(with_zip().open<Store>("archive.zip", runtime_).error().code(), Errc::invalid_argument);
}

TEST_F(SchemeRegistryTest, ACopyIsExtendedAlone) {
  const SchemeRegistry original = with_zip();
  SchemeRegistry copy = original;
  copy.add<Store>("zip", [](const Url&, Runtime&) { return std::make_shared<Store>("replaced"); });

  EXPECT_EQ(copy.open<Store>("zip:a", runtime_).value()->text, "replaced");
  EXPECT_EQ(original.open<Store>("zip:a", runtime_).value()->text, "a");
}

}  // namespace
}  // namespace rwp
