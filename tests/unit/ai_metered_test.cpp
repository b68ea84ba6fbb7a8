#include "support/ai_fixture.hpp"
#include <rwp/ai/metered.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::run;

/// Keeps entries in memory, or refuses them, or throws as what is cancelled does.
class ListLedger final : public UsageLedger {
 public:
  std::vector<UsageEntry> entries{};
  bool refuses = false;
  bool throws = false;

  boost::asio::awaitable<Result<void>> reserve(UsageReservation) override {
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<void>> settle(Uuid, std::string, Money) override {
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<Money>> balance(std::string) override { co_return Money(); }
  boost::asio::awaitable<Result<void>> record(std::vector<UsageEntry> more) override {
    if (throws) throw std::runtime_error("cancelled");
    if (refuses) co_return Error(Errc::unavailable, "the ledger is away");
    for (auto& entry : more) entries.push_back(std::move(entry));
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<UsageSum>> sum(UsageFilter) override { co_return UsageSum(); }
};

class CountingSink final : public observability::LogSink {
 public:
  int warnings = 0;
  int errors = 0;
  bool enabled(observability::LogLevel) const noexcept override { return true; }
  void write(observability::LogLevel level, std::string_view,
             const std::vector<observability::LogField>&) override {
    warnings += level == observability::LogLevel::warn ? 1 : 0;
    errors += level == observability::LogLevel::error ? 1 : 0;
  }
};

ChatReply priced_reply(std::string model) {
  ChatReply reply;
  reply.content = "yes";
  reply.model = std::move(model);
  reply.usage.input_tokens = 1'000;
  reply.usage.output_tokens = 100;
  return reply;
}

class MeteredTest : public ::testing::Test {
 protected:
  MeteredTest() {
    std::vector<ModelPrice> prices;
    prices.push_back(
        {.pattern = "gpt-x*", .input_micro_usd = 150'000, .output_micro_usd = 600'000});
    options_.metrics = metrics_;
    options_.ledger = ledger_;
    options_.prices = PriceTable::make(std::move(prices)).value();
    options_.log = observability::Logger(log_);
    metered_ = make_metered(inner_, options_);
  }

  Result<ChatReply> ask() {
    ChatRequest request;
    request.messages.push_back({Role::user, "?"});
    request.tenant = "acme";
    request.kind = "job_ad.enrich";
    return run(runtime_, metered_->chat(std::move(request)));
  }

  Runtime runtime_;
  std::shared_ptr<ScriptedModel> inner_ = std::make_shared<ScriptedModel>("gpt-x");
  std::shared_ptr<ListLedger> ledger_ = std::make_shared<ListLedger>();
  std::shared_ptr<CountingSink> log_ = std::make_shared<CountingSink>();
  std::shared_ptr<observability::Metrics> metrics_ = observability::make_metrics();
  MeterOptions options_{};
  std::shared_ptr<Model> metered_{};
};

TEST_F(MeteredTest, AnswerIsBookedWithItsCost) {
  inner_->answer(priced_reply("gpt-x-2026"));

  ASSERT_TRUE(ask().has_value());

  ASSERT_EQ(ledger_->entries.size(), 1U);
  const auto& entry = ledger_->entries[0];
  EXPECT_EQ(entry.tenant, "acme");
  EXPECT_EQ(entry.kind, "job_ad.enrich");
  EXPECT_EQ(entry.model, "gpt-x-2026");
  EXPECT_EQ(entry.input_tokens, 1'000);
  EXPECT_EQ(entry.cost.micro_usd, 150 + 60);
  EXPECT_FALSE(entry.id.is_nil());
}

TEST_F(MeteredTest, AnswerThroughABatchIsBookedAsThatWithWhatItSaved) {
  std::vector<ModelPrice> prices;
  prices.push_back({.pattern = "gpt-x*", .input_micro_usd = 150'000, .output_micro_usd = 600'000});
  prices.push_back({.pattern = "gpt-x*",
                    .input_micro_usd = 75'000,
                    .output_micro_usd = 300'000,
                    .tier = "batch"});
  options_.prices = PriceTable::make(std::move(prices)).value();
  metered_ = make_metered(inner_, options_);
  auto reply = priced_reply("gpt-x-2026");
  reply.service_tier = "batch";
  inner_->answer(std::move(reply));

  ASSERT_TRUE(ask().has_value());
  ASSERT_EQ(ledger_->entries.size(), 1U);
  EXPECT_EQ(ledger_->entries[0].source, UsageSource::batch);
  EXPECT_EQ(ledger_->entries[0].cost.micro_usd, 105);
  EXPECT_EQ(ledger_->entries[0].saved.micro_usd, 105);
}

TEST_F(MeteredTest, AnswersOutOfACacheAreBookedTogetherWithWhatTheySaved) {
  options_.savings = ledger_;
  options_.savings_together = std::chrono::milliseconds(20);
  metered_ = make_metered(inner_, options_);
  for (int i = 0; i < 3; ++i) {
    auto kept = priced_reply("gpt-x-2026");
    kept.source = AnswerSource::cache;
    inner_->answer(std::move(kept));
  }
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ask().has_value());
  std::int64_t calls = 0;
  std::int64_t saved = 0;
  // Asked where they are booked, and in how many entries it may be.
  EXPECT_TRUE(tests::eventually(runtime_, [&] {
    calls = saved = 0;
    for (const auto& entry : ledger_->entries) {
      EXPECT_EQ(entry.source, UsageSource::cache);
      EXPECT_EQ(entry.cost.micro_usd, 0);
      EXPECT_FALSE(entry.id.is_nil());
      calls += entry.calls;
      saved += entry.saved.micro_usd;
    }
    return calls >= 3;
  }));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(saved, 3 * (150 + 60));
}

TEST_F(MeteredTest, CallsTokensAndCostAreCounted) {
  inner_->answer(priced_reply("gpt-x-2026")).fail(Error(Errc::rate_limited, "busy"));

  ASSERT_TRUE(ask().has_value());
  ASSERT_FALSE(ask().has_value());

  EXPECT_EQ(metrics_
                ->counter("rwp_ai_calls_total", "",
                          {{"code", "ok"}, {"model", "gpt-x-2026"}, {"operation", "chat"}})
                .value(),
            1.0);
  EXPECT_EQ(metrics_
                ->counter("rwp_ai_calls_total", "",
                          {{"code", "rate_limited"}, {"model", "gpt-x"}, {"operation", "chat"}})
                .value(),
            1.0);
  const std::string text = metrics_->expose();
  EXPECT_THAT(text,
              HasSubstr("rwp_ai_tokens_total{direction=\"input\",model=\"gpt-x-2026\"} 1000"));
  EXPECT_THAT(text, HasSubstr("rwp_ai_call_seconds_count{operation=\"chat\"} 2"));
  EXPECT_THAT(text, HasSubstr("rwp_ai_cost_usd_total{model=\"gpt-x-2026\"} 0.00021"));
}

TEST_F(MeteredTest, FailedCallIsNotBooked) {
  inner_->fail(Error(Errc::unavailable, "away"));

  EXPECT_EQ(ask().error().code(), Errc::unavailable);

  EXPECT_TRUE(ledger_->entries.empty());
}

TEST_F(MeteredTest, UnknownModelIsChargedAsTheDearestAndLoggedOnce) {
  inner_->answer(priced_reply("mystery")).answer(priced_reply("mystery"));

  ASSERT_TRUE(ask().has_value());
  ASSERT_TRUE(ask().has_value());

  ASSERT_EQ(ledger_->entries.size(), 2U);
  EXPECT_GE(ledger_->entries[0].cost.micro_usd, 210);
  EXPECT_EQ(log_->warnings, 1);
}

TEST_F(MeteredTest, PaidAnswerIsHandedOnWhenTheLedgerFails) {
  ledger_->refuses = true;
  inner_->answer(priced_reply("gpt-x"));

  EXPECT_EQ(ask().value().content, "yes");

  EXPECT_EQ(log_->errors, 1);
  EXPECT_THAT(metrics_->expose(), HasSubstr("rwp_ai_ledger_errors_total 1"));
}

TEST_F(MeteredTest, WhatTheLedgerDidNotTakeIsBookedWithLaterCallsOnce) {
  for (int i = 0; i < 4; ++i) inner_->answer(priced_reply("gpt-x"));
  ledger_->refuses = true;
  ASSERT_TRUE(ask().has_value());
  ASSERT_TRUE(ask().has_value());
  ledger_->refuses = false;

  ASSERT_TRUE(ask().has_value());
  ASSERT_TRUE(ask().has_value());

  std::set<Uuid> ids;
  for (const auto& entry : ledger_->entries) {
    ids.insert(entry.id);
    EXPECT_EQ(entry.tenant, "acme");
    EXPECT_EQ(entry.cost.micro_usd, 210);
  }
  EXPECT_EQ(ledger_->entries.size(), 4U);
  EXPECT_EQ(ids.size(), 4U);
  // When they were asked, not when they were booked.
  EXPECT_NE(ledger_->entries[0].at, std::chrono::system_clock::time_point());
}

TEST_F(MeteredTest, ACallThatIsCancelledAtTheLedgerTakesNoBookingsOfOthersAway) {
  for (int i = 0; i < 3; ++i) inner_->answer(priced_reply("gpt-x"));
  ledger_->refuses = true;
  ASSERT_TRUE(ask().has_value());
  ledger_->throws = true;
  ASSERT_FALSE(ask().has_value());
  ledger_->throws = false;
  ledger_->refuses = false;

  ASSERT_TRUE(ask().has_value());

  EXPECT_EQ(ledger_->entries.size(), 3U);
}

TEST_F(MeteredTest, NamesBeyondFiftyShareOneSeries) {
  for (int i = 0; i < 60; ++i) inner_->answer(priced_reply("gpt-x-" + std::to_string(i)));

  for (int i = 0; i < 60; ++i) ASSERT_TRUE(ask().has_value());

  EXPECT_THAT(metrics_->expose(), HasSubstr("model=\"other\""));
  EXPECT_THAT(metrics_->expose(), Not(HasSubstr("model=\"gpt-x-59\"")));
}

TEST_F(MeteredTest, WorksWithoutMetricsAndLedger) {
  metered_ = make_metered(inner_, MeterOptions());
  inner_->answer("yes");

  EXPECT_TRUE(ask().has_value());
}

TEST(PriceTableTest, LongestPatternThatFitsCounts) {
  std::vector<ModelPrice> entries;
  entries.push_back({.pattern = "gpt-x*", .input_micro_usd = 1'000'000});
  entries.push_back({.pattern = "gpt-x-mini*", .input_micro_usd = 2'000'000});
  entries.push_back({.pattern = "gpt-x-mini", .input_micro_usd = 3'000'000});
  const auto table = PriceTable::make(std::move(entries)).value();
  TokenUsage usage;
  usage.input_tokens = 1'000;

  EXPECT_EQ(table.price("gpt-x-large", usage).cost.micro_usd, 1'000);
  EXPECT_EQ(table.price("gpt-x-mini-2026", usage).cost.micro_usd, 2'000);
  EXPECT_EQ(table.price("gpt-x-mini", usage).cost.micro_usd, 3'000);
}

TEST(PriceTableTest, LocalModelIsFreeAndUnknownOnesNever) {
  const PriceTable table;
  TokenUsage usage;
  usage.input_tokens = 1;

  EXPECT_EQ(table.price("rwp-local", usage).cost.micro_usd, 0);
  EXPECT_TRUE(table.price("rwp-local", usage).known);
  EXPECT_GT(table.price("other", usage).cost.micro_usd, 0);
  EXPECT_FALSE(table.price("other", usage).known);
}

TEST(PriceTableTest, CachedInputHasItsOwnPriceAndFractionsRoundUp) {
  std::vector<ModelPrice> entries;
  entries.push_back(
      {.pattern = "m", .input_micro_usd = 2'500'000, .cached_input_micro_usd = 1'250'000});
  const auto table = PriceTable::make(std::move(entries)).value();
  TokenUsage usage;
  usage.input_tokens = 3;
  usage.cached_input_tokens = 2;

  EXPECT_EQ(table.price("m", usage).cost.micro_usd, 5);  // 2.5 + 2 * 1.25
}

TEST(PriceTableTest, HugeCountsDoNotOverflow) {
  std::vector<ModelPrice> entries;
  entries.push_back({.pattern = "m", .input_micro_usd = 999'999'999'999});
  const auto table = PriceTable::make(std::move(entries)).value();
  TokenUsage usage;
  usage.input_tokens = 5'999'999;

  EXPECT_EQ(table.price("m", usage).cost.micro_usd, 5'999'998'999'995);
}

TEST(PriceTableTest, BadEntriesAreRefused) {
  const auto code = [](ModelPrice entry) {
    std::vector<ModelPrice> entries;
    entries.push_back(std::move(entry));
    return PriceTable::make(std::move(entries)).error().code();
  };

  EXPECT_EQ(code({.pattern = ""}), Errc::invalid_argument);
  EXPECT_EQ(code({.pattern = "a*b"}), Errc::invalid_argument);
  EXPECT_EQ(code({.pattern = "a", .input_micro_usd = -1}), Errc::invalid_argument);
}

}  // namespace
}  // namespace rwp::ai
