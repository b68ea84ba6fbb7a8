#include <rwp/ai/price_file.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace rwp::ai {
namespace {

using std::chrono::sys_days;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

PriceTable table_of(const std::string& prices) {
  return PriceTable::make(parse_prices("{\"prices\":[" + prices + "]}").value()).value();
}

TokenUsage tokens(std::int64_t input, std::int64_t output) {
  TokenUsage usage;
  usage.input_tokens = input;
  usage.output_tokens = output;
  return usage;
}

constexpr std::int64_t kMillion = 1'000'000;

TEST(PriceFileTest, DollarsForAMillionAreReadExactly) {
  const auto table = table_of(
      R"({"model":"m*","input":0.15,"cached_input":0.075,"cache_write":0.2,"output":0.6})");
  EXPECT_EQ(table.price("m-1", tokens(kMillion, kMillion)).cost.micro_usd, 750'000);
  TokenUsage cached = tokens(kMillion, 0);
  cached.cached_input_tokens = 400'000;
  cached.cache_write_tokens = 100'000;
  EXPECT_EQ(table.price("m-1", cached).cost.micro_usd, 500 * 150 + 400 * 75 + 100 * 200);
}

TEST(PriceFileTest, LatestPriceThatHasBegunCounts) {
  const auto table = table_of(R"({"model":"m","input":4,"output":0},
      {"model":"m","input":2,"output":0,"valid_from":"2026-07-30"})");
  const auto at = [&](sys_days day) {
    return table.price("m", tokens(kMillion, 0), "standard", day).cost.micro_usd;
  };
  EXPECT_EQ(at(sys_days(2026y / 7 / 29)), 4 * kMillion);
  EXPECT_EQ(at(sys_days(2026y / 7 / 30)), 2 * kMillion);
}

TEST(PriceFileTest, BeforeItsFirstDateAModelCostsWhatItWill) {
  const auto table = table_of(R"({"model":"m","input":2,"output":0,"valid_from":"2026-07-30"})");
  const auto price = table.price("m", tokens(kMillion, 0), "standard", sys_days(2020y / 1 / 1));
  EXPECT_TRUE(price.known);
  EXPECT_EQ(price.cost.micro_usd, 2 * kMillion);
}

TEST(PriceFileTest, TierOfTheAnswerDecidesAndAnUnknownOneIsNeverCheaper) {
  const auto table = table_of(R"({"model":"m","input":2,"output":0},
      {"model":"m","tier":"batch","input":1,"output":0})");
  const auto cost = [&](const char* tier) {
    return table.price("m", tokens(kMillion, 0), tier).cost.micro_usd;
  };
  EXPECT_EQ(cost(""), 2 * kMillion);
  EXPECT_EQ(cost("default"), 2 * kMillion);
  EXPECT_EQ(cost("batch"), kMillion);
  EXPECT_EQ(cost("flex"), 2 * kMillion);
  EXPECT_EQ(cost("priority"), 4 * kMillion);
  EXPECT_EQ(cost("turbo"), 4 * kMillion);
}

TEST(PriceFileTest, LongRequestCostsTheHigherPriceAsAWhole) {
  const auto table = table_of(R"({"model":"m","input":5,"output":30,
      "long_context":{"above_tokens":272000,"input":10,"output":45}})");
  EXPECT_EQ(table.price("m", tokens(272'000, 1'000)).cost.micro_usd, 272 * 5'000 + 30'000);
  EXPECT_EQ(table.price("m", tokens(272'001, 1'000)).cost.micro_usd, 2'720'010 + 45'000);
}

TEST(PriceFileTest, UnknownModelCostsAsTheDearest) {
  const auto table = table_of(R"({"model":"m","input":5,"output":30,
      "long_context":{"above_tokens":1000,"input":100,"output":450}})");
  const auto price = table.price("somebody's", tokens(kMillion, kMillion));
  EXPECT_FALSE(price.known);
  EXPECT_EQ(price.cost.micro_usd, 550 * kMillion);
}

TEST(PriceFileTest, MostThatACallCostsCountsNothingAsCached) {
  const auto table =
      table_of(R"({"model":"m","input":2,"cached_input":0.5,"cache_write":2.5,"output":8})");
  EXPECT_EQ(table.at_most("m", kMillion, kMillion).micro_usd, 10'500'000);
  // A tier that is not known costs twice, and a cheaper one may be answered as the standard one.
  EXPECT_EQ(table.at_most("m", kMillion, kMillion, "priority").micro_usd, 21'000'000);
  EXPECT_EQ(table.at_most("m", kMillion, kMillion, "flex").micro_usd, 10'500'000);
}

TEST(PriceFileTest, BadListNamesThePlaceAndTheRule) {
  const auto message = [](const std::string& text) {
    const auto parsed = parse_prices(text);
    EXPECT_FALSE(parsed.has_value()) << text;
    return parsed ? std::string() : parsed.error().message();
  };
  EXPECT_THAT(message("nonsense"), HasSubstr("no JSON"));
  EXPECT_THAT(message("{}"), HasSubstr("prices is not an array"));
  EXPECT_THAT(message(R"({"prices":[{"input":1,"output":1}]})"), HasSubstr("prices[0].model"));
  EXPECT_THAT(message(R"({"prices":[{"model":"m","output":1}]})"), HasSubstr("prices[0].input"));
  EXPECT_THAT(message(R"({"prices":[{"model":"m","input":-1,"output":1}]})"),
              HasSubstr("prices[0].input"));
  EXPECT_THAT(message(R"({"prices":[{"model":"m","input":"1","output":1}]})"),
              HasSubstr("prices[0].input"));
  EXPECT_THAT(message(R"({"prices":[{"model":"m","input":1,"output":1,"inptu":2}]})"),
              HasSubstr("prices[0].inptu is unknown"));
  EXPECT_THAT(message(R"({"prices":[{"model":"m","input":1,"output":1,"tier":"gold"}]})"),
              HasSubstr("prices[0].tier"));
  EXPECT_THAT(
      message(R"({"prices":[{"model":"m","input":1,"output":1,"valid_from":"2026-02-30"}]})"),
      HasSubstr("prices[0].valid_from"));
  EXPECT_THAT(message(R"({"prices":[{"model":"m","input":1,"output":1,"long_context":{}}]})"),
              HasSubstr("prices[0].long_context.above_tokens"));
  EXPECT_THAT(message(R"({"prices":[{"model":"m","input":1,"output":1,"tier":"batch"}]})"),
              HasSubstr("no standard price"));
  EXPECT_THAT(message(R"({"prices":[{"model":"m","input":1,"output":1},
                                    {"model":"m","input":2,"output":1}]})"),
              HasSubstr("stands twice"));
}

}  // namespace
}  // namespace rwp::ai
