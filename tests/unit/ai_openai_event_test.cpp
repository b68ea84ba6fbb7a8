#include "ai_openai/adapt.hpp"
#include "ai_openai/event_reader.hpp"
#include "ai_openai/retry_wait.hpp"
#include "ai_openai/upstream.hpp"
#include <rwp/ai/price_table.hpp>
#include <rwp/ai_openai/prices.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace rwp::ai_openai {
namespace {

using namespace std::chrono_literals;

using Events = std::vector<std::pair<std::string, std::string>>;

/// The events of `text` when it comes in pieces of `size` bytes.
Events read(const std::string& text, std::size_t size) {
  EventReader reader(1'000);
  Events events;
  for (std::size_t at = 0; at < text.size(); at += size) {
    reader.feed(std::string_view(text).substr(at, size));
    while (auto event = reader.next()) events.emplace_back(event->name, event->data);
  }
  return events;
}

TEST(EventReaderTest, EverySplitAndLineEndGivesTheSameEvents) {
  const Events wanted = {{"", "{\"a\":1}"}, {"error", "x\ny"}, {"", "\xE2\x80\xA8 z"}};
  for (const std::string end : {"\n", "\r", "\r\n"}) {
    std::string text = "\xEF\xBB\xBF: ping" + end + end + "data: {\"a\":1}" + end + end;
    text += "event: error" + end + "data:x" + end + "data: y" + end + end + "id: 7" + end;
    text += "data: \xE2\x80\xA8 z" + end + end + "data: unfinished" + end;
    for (std::size_t size = 1; size <= text.size(); ++size) {
      EXPECT_EQ(read(text, size), wanted) << "pieces of " << size;
    }
  }
}

TEST(EventReaderTest, LineThatNeverEndsIsTooLarge) {
  EventReader reader(1'000);
  reader.feed("data: " + std::string(600, 'x'));
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_FALSE(reader.too_large());
  reader.feed(std::string(600, 'x'));
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.too_large());
}

TEST(EventReaderTest, ManyLinesOfOneEventAreTooLarge) {
  EventReader reader(1'000);
  for (int i = 0; i < 30; ++i) reader.feed("data: " + std::string(100, 'x') + "\n");
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_TRUE(reader.too_large());
}

TEST(RetryWaitTest, HeaderIsReadInAllItsForms) {
  // 1994-11-06 08:49:37.
  const std::chrono::system_clock::time_point now{784'111'777s};
  const auto told = [now](net::HttpHeaders headers) { return told_wait(headers, now); };
  EXPECT_EQ(told({{"Retry-After", "3"}}), 3'000ms);
  EXPECT_EQ(told({{"retry-after", "0.25"}}), 250ms);
  EXPECT_EQ(told({{"retry-after", "9"}, {"retry-after-ms", "40"}}), 40ms);
  EXPECT_EQ(told({{"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}}), 30'000ms);
  for (const char* bad : {"", "soon", "-1", "nan", "Sun, 06 Nov 1994 08:49:00 GMT",
                          "Sun, 36 Nov 1994 08:50:07 GMT", "Sun, 06 Nov 1994 08:50:07 CET"}) {
    EXPECT_EQ(told({{"retry-after", bad}}), std::nullopt) << bad;
  }
  EXPECT_EQ(told({}), std::nullopt);
}

TEST(RetryWaitTest, WaitGrowsWithFullJitterAndHonoursTheServer) {
  const Error error(Errc::unavailable, "busy");
  EXPECT_EQ(next_wait(error, 0, 1.0), 500ms);
  EXPECT_EQ(next_wait(error, 0, 0.0), 0ms);
  EXPECT_EQ(next_wait(error, 2, 0.5), 1'000ms);
  EXPECT_EQ(next_wait(error, 9, 1.0), 8'000ms);
  EXPECT_EQ(next_wait(error.with_retry_after(10s), 0, 1.0), 11'000ms);
  EXPECT_EQ(next_wait(error.with_retry_after(121s), 0, 0.0), std::nullopt);
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
