#include "ai_openai/adapt.hpp"
#include "ai_openai/retry_wait.hpp"
#include "ai_openai/upstream.hpp"
#include <rwp/ai/price_table.hpp>
#include <rwp/ai_openai/prices.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace rwp::ai_openai {
namespace {

using namespace std::chrono_literals;

TEST(RetryWaitTest, MillisecondsStandAboveRetryAfter) {
  const std::chrono::system_clock::time_point now{784'111'777s};
  const auto told = [now](const net::HttpHeaders& headers) { return told_wait(headers, now); };
  EXPECT_EQ(told({{"retry-after", "9"}, {"retry-after-ms", "40"}}), 40ms);
  EXPECT_EQ(told({{"Retry-After", "3"}, {"retry-after-ms", "soon"}}), 3'000ms);
  EXPECT_EQ(told({{"Retry-After", "3"}, {"retry-after-ms", "-1"}}), 3'000ms);
  EXPECT_EQ(told({}), std::nullopt);
}

TEST(RetryWaitTest, WaitGrowsWithFullJitterAndHonoursTheServer) {
  const Error error(Errc::unavailable, "busy");
  EXPECT_EQ(wait_after(error, 1, 1.0), 500ms);
  EXPECT_EQ(wait_after(error, 1, 0.0), 0ms);
  EXPECT_EQ(wait_after(error, 3, 0.5), 1'000ms);
  EXPECT_EQ(wait_after(error, 9, 1.0), 8'000ms);
  EXPECT_EQ(wait_after(error.with_retry_after(10s), 1, 1.0), 11'000ms);
  EXPECT_EQ(wait_after(error.with_retry_after(121s), 1, 0.0), std::nullopt);
}

TEST(AdaptTest, RefusedParametersAreLearntOnce) {
  ServerError said;
  said.code = "unsupported_value";
  said.param = "temperature";
  Avoid avoid;
  EXPECT_TRUE(learn(avoid, 400, said));
  EXPECT_TRUE(avoid.temperature);
  EXPECT_FALSE(learn(avoid, 400, said));

  said.code = "unsupported_parameter";
  said.param = "max_completion_tokens";
  EXPECT_TRUE(learn(avoid, 400, said));
  said = ServerError();
  said.code = "invalid_json_schema";
  said.param = "response_format";
  EXPECT_TRUE(learn(avoid, 400, said));
  EXPECT_TRUE(avoid.strict_schema && avoid.max_completion_tokens);
}

TEST(AdaptTest, OtherRefusalsTeachNothing) {
  Avoid avoid;
  ServerError said;
  said.message = "the temperature of your prompt is too high";
  EXPECT_FALSE(learn(avoid, 400, said));
  said.param = "messages";
  EXPECT_FALSE(learn(avoid, 400, said));
  said.param = "temperature";
  EXPECT_FALSE(learn(avoid, 500, said));
}

TEST(OptionsTest, WrongOptionsAreNamed) {
  const auto message = [](auto change) {
    OpenAiOptions options;
    change(options);
    const auto checked = check_options(options);
    return checked ? std::string() : checked.error().message();
  };
  EXPECT_EQ(message([](OpenAiOptions&) {}), "");
  EXPECT_EQ(message([](OpenAiOptions& o) { o.base_url = "http://[::1]:8080/v1/"; }), "");
  for (const char* url : {"", "ftp://x", "http://", "http:///v1", "http://:80/", "http://u:p@h/v1",
                          "http://h/v1?x=1", "http://h/ v1"}) {
    EXPECT_EQ(message([url](OpenAiOptions& o) { o.base_url = url; }).substr(0, 9), "base_url:")
        << url;
  }
  EXPECT_EQ(message([](OpenAiOptions& o) { o.api_key = Secret("sk\r\nX: y"); }),
            "api_key: must be printable characters without spaces");
  EXPECT_NE(message([](OpenAiOptions& o) { o.max_attempts = 0; }), "");
  EXPECT_NE(message([](OpenAiOptions& o) { o.idle_timeout = 0ms; }), "");
  EXPECT_NE(message([](OpenAiOptions& o) { o.project = "a\nb"; }), "");
}

TEST(PricesTest, ListIsATableThatKnowsTheDefaults) {
  const auto table = ai::PriceTable::make(openai_prices());
  ASSERT_TRUE(table.has_value()) << table.error().to_string();
  ai::TokenUsage usage;
  usage.input_tokens = 1'000'000;
  usage.output_tokens = 1'000'000;
  const auto price = table->price("gpt-4.1-mini-2025-04-14", usage);
  EXPECT_TRUE(price.known);
  EXPECT_EQ(price.cost.micro_usd, 2'000'000);
  EXPECT_TRUE(table->price(kDefaultModel, usage).known);
  EXPECT_TRUE(table->price(kDefaultEmbeddingModel, usage).known);
  EXPECT_FALSE(table->price("gpt-9", usage).known);
}

}  // namespace
}  // namespace rwp::ai_openai
