#include <rwp/core/error.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/core/sha256.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>

namespace rwp {
namespace {

using namespace std::chrono_literals;

TEST(ErrorTest, DefaultErrorSaysNone) {
  const Error error;

  EXPECT_EQ(error.code(), Errc::none);
  EXPECT_EQ(error.message(), "");
  EXPECT_FALSE(error.retryable());
  EXPECT_EQ(error.retry_after(), std::nullopt);
  EXPECT_EQ(error.cause(), nullptr);
}

TEST(ErrorTest, EachCodeHasItsOwnNameAndIsFoundByIt) {
  std::set<std::string> names;

  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    const auto code = static_cast<Errc>(i);
    names.emplace(to_string(code));
    EXPECT_EQ(errc_from_string(to_string(code)), code);
  }

  EXPECT_EQ(names.size(), 15U);
  EXPECT_EQ(to_string(Errc::not_found), "not_found");
  EXPECT_EQ(to_string(Errc::internal), "internal");
  EXPECT_EQ(errc_from_string("no such name"), Errc::internal);
}

TEST(ErrorTest, RetryableFollowsFromTheCode) {
  const std::set<Errc> expected = {Errc::rate_limited, Errc::unavailable, Errc::deadline_exceeded,
                                   Errc::internal};

  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i) {
    const auto code = static_cast<Errc>(i);
    EXPECT_EQ(Error(code, "x").retryable(), expected.contains(code)) << to_string(code);
  }
}

TEST(ErrorTest, CopiesWithOneThingChangedKeepTheRest) {
  const Error plain(Errc::unavailable, "no answer");

  const Error changed = plain.with_retryable(false)
                            .with_retry_after(250ms)
                            .with_cause(Error(Errc::corrupt, "bad frame"))
                            .with_context("fetch");

  EXPECT_EQ(changed.code(), Errc::unavailable);
  EXPECT_EQ(changed.message(), "fetch: no answer");
  EXPECT_FALSE(changed.retryable());
  EXPECT_EQ(changed.retry_after(), 250ms);
  ASSERT_NE(changed.cause(), nullptr);
  EXPECT_EQ(changed.cause()->code(), Errc::corrupt);
  EXPECT_EQ(plain.message(), "no answer");
  EXPECT_TRUE(plain.retryable());
  EXPECT_EQ(plain.cause(), nullptr);
}

TEST(ErrorTest, TextNamesTheCodeTheMessageAndEveryCause) {
  const Error deepest(Errc::corrupt, "page 3");
  const Error middle = Error(Errc::unavailable, "file").with_cause(deepest);
  const Error top = Error(Errc::not_found, "no job 7").with_cause(middle);

  EXPECT_EQ(top.to_string(), "not_found: no job 7; because file; because page 3");
}

TEST(ErrorTest, ValueOfAFailureThrowsTheError) {
  const Result<int> failed = Error(Errc::conflict, "another token");

  try {
    (void)failed.value();
    FAIL() << "value() of a failure must throw";
  } catch (const ErrorException& thrown) {
    EXPECT_EQ(thrown.error().code(), Errc::conflict);
    EXPECT_STREQ(thrown.what(), "conflict: another token");
  }
}

TEST(SecretTest, OnlyExposeGivesTheValueAway) {
  const Secret secret("hunter2");

  EXPECT_FALSE(secret.empty());
  EXPECT_EQ(secret.expose(), "hunter2");
  EXPECT_EQ(secret.masked().find("hunter2"), std::string::npos);
  EXPECT_FALSE(secret.masked().empty());
}

TEST(SecretTest, MaskDoesNotTellTheLength) {
  EXPECT_EQ(Secret("a").masked(), Secret("a much longer secret").masked());
}

TEST(SecretTest, EmptySecretIsShownAsAbsent) {
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(Secret().masked(), "");
}

// Vectors of FIPS 180-4's examples and the NIST CAVP short messages.
TEST(Sha256Test, DigestsOfTheStandardsVectors) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, ZeroBytesCount) { EXPECT_NE(sha256(std::string_view("a\0b", 3)), sha256("a")); }

}  // namespace
}  // namespace rwp
