// What an API pod lets in, and what it lets wait.

#include "pods/key_rates.hpp"
#include "pods/write_patience.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/core/runtime.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;

using Attempt = std::function<jobs::Awaitable<Result<int>>()>;

jobs::Awaitable<Result<int>> answer(Result<int> with) { co_return with; }

class WritePatienceTest : public ::testing::Test {
 protected:
  /// Fails with `code` so many times, then answers 7.
  Attempt failing(int times, Errc code = Errc::unavailable) {
    return [this, times, code] {
      return answer(++attempts_ <= times ? Result<int>(Error(code, "away")) : Result<int>(7));
    };
  }
  Result<int> write(std::chrono::milliseconds length, Attempt attempt, bool also_unknown = false) {
    auto patience = std::make_shared<WritePatience>(length);
    return tests::run(runtime_, with_patience<int>(patience, std::move(attempt), also_unknown));
  }

  int attempts_ = 0;
  Runtime runtime_;
};

TEST_F(WritePatienceTest, WriteWaitsForAStoreThatComesBack) {
  EXPECT_EQ(write(20s, failing(2)).value(), 7);
  EXPECT_EQ(attempts_, 3);
}

TEST_F(WritePatienceTest, StoreThatStaysAwayIsToldWhenThePatienceEnds) {
  EXPECT_EQ(write(500ms, failing(1'000)).error().code(), Errc::unavailable);
  EXPECT_GE(attempts_, 1);
  EXPECT_LE(attempts_, 4);
}

TEST_F(WritePatienceTest, WithoutPatienceAFailureIsToldAtOnce) {
  EXPECT_EQ(write(0ms, failing(1)).error().code(), Errc::unavailable);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(WritePatienceTest, OnlyWhatMayBeRepeatedIsRepeatedWhenItsOutcomeIsUnknown) {
  EXPECT_EQ(write(20s, failing(1, Errc::deadline_exceeded)).error().code(),
            Errc::deadline_exceeded);
  EXPECT_EQ(attempts_, 1);
  attempts_ = 0;
  EXPECT_EQ(write(20s, failing(1, Errc::deadline_exceeded), true).value(), 7);
  EXPECT_EQ(write(20s, failing(9, Errc::conflict), true).error().code(), Errc::conflict);
}

TEST_F(WritePatienceTest, NoMoreThanSoManyWaitAndThosePlacesComeBack) {
  // The one within finds the only place taken.
  auto within = std::make_shared<WritePatience>(0ms, 1);
  Attempt crowded = [within, this]() -> jobs::Awaitable<Result<int>> {
    Attempt one = failing(0);
    return with_patience<int>(within, std::move(one));
  };
  EXPECT_EQ(tests::run(runtime_, with_patience<int>(within, std::move(crowded))).error().code(),
            Errc::unavailable);
  EXPECT_EQ(attempts_, 0);
  EXPECT_EQ(tests::run(runtime_, with_patience<int>(within, failing(0))).value(), 7);
}

TEST_F(WritePatienceTest, CancelledWriteEndsAtOnce) {
  auto patience = std::make_shared<WritePatience>(1h);
  auto operation = with_deadline(with_patience<int>(patience, failing(1'000'000)),
                                 std::chrono::steady_clock::now() + 50ms);
  EXPECT_EQ(block_on(runtime_, std::move(operation)).error().code(), Errc::deadline_exceeded);
  EXPECT_TRUE(patience->enter());
}

class KeyRatesTest : public ::testing::Test {
 protected:
  server::Identity identity(const std::string& key) { return keys_->find(key).value(); }

  tests::TemporaryDirectory directory_;
  const std::string path_ = directory_.path().string() + "/keys";
  const std::string plain_ = add_api_key(path_, "acme", "jobs:read").value();
  const std::string slow_ = add_api_key(path_, "acme", "jobs:read", 2).value();
  const std::shared_ptr<ApiKeys> keys_ = ApiKeys::open(path_, observability::Logger()).value();
};

TEST_F(KeyRatesTest, KeysLineStandsAboveWhatHoldsForAll) {
  KeyRates rates(keys_, 1'000'000);
  Result<void> refused = rates.take(identity(slow_));
  EXPECT_TRUE(refused.has_value());
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (refused && std::chrono::steady_clock::now() < until) refused = rates.take(identity(slow_));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::rate_limited);
  ASSERT_TRUE(refused.error().retry_after().has_value());
  EXPECT_GT(*refused.error().retry_after(), 0ms);
  EXPECT_LE(*refused.error().retry_after(), 500ms);
  // One key's haste is not another's, though they are of one tenant.
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(rates.take(identity(plain_)));
}

TEST_F(KeyRatesTest, WithoutAnyLimitNothingIsRefused) {
  KeyRates rates(keys_, 0);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(rates.take(identity(plain_)));
  const server::Identity nobody;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(rates.take(nobody));
}

TEST_F(KeyRatesTest, RateThatIsNoneIsNamed) {
  std::ofstream(path_) << R"({"id":"a","sha256":")" << std::string(64, 'a')
                       << R"(","tenant":"t","scopes":[],"requests_per_second":0})" << '\n';
  const auto opened = ApiKeys::open(path_, observability::Logger());
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message().find("requests_per_second"), std::string::npos);
}

}  // namespace
}  // namespace rwp::pods
