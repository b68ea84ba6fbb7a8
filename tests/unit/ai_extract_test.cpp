#include "support/run.hpp"
#include <rwp/ai/extract.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using ::testing::HasSubstr;
using tests::run;

struct Advert {
  std::string title{};
  std::optional<std::int64_t> score{};
  std::vector<std::string> skills{};
  static constexpr auto describe() {
    return std::tuple{field("title", &Advert::title),
                      field("score", &Advert::score, {.minimum = 0.0, .maximum = 100.0}),
                      field("skills", &Advert::skills)};
  }
};

constexpr const char* kGood = R"({"title":"Nurse","score":80,"skills":["triage"]})";

class ExtractTest : public ::testing::Test {
 protected:
  Result<Extracted<Advert>> ask() {
    ChatRequest request;
    request.messages.push_back({Role::user, "an advert"});
    return run(runtime_, extract_with_usage<Advert>(model_, std::move(request)));
  }
  static ChatReply reply_of(std::string content, FinishReason reason) {
    ChatReply reply;
    reply.content = std::move(content);
    reply.finish_reason = reason;
    reply.usage.output_tokens = 10;
    return reply;
  }

  Runtime runtime_;
  std::shared_ptr<ScriptedModel> model_ = std::make_shared<ScriptedModel>("gpt-x");
};

TEST_F(ExtractTest, ValidAnswerIsDecoded) {
  model_->answer(kGood);

  const auto advert = ask();

  ASSERT_TRUE(advert.has_value()) << advert.error().to_string();
  EXPECT_EQ(advert->value.title, "Nurse");
  EXPECT_EQ(advert->value.score, 80);
  EXPECT_EQ(advert->model, "gpt-x");
  EXPECT_FALSE(advert->repaired);
  ASSERT_TRUE(model_->chat_requests()[0].output_schema.has_value());
  EXPECT_EQ(model_->chat_requests()[0].output_schema->schema, json_schema<Advert>());
}

TEST_F(ExtractTest, CodeFenceAroundTheAnswerIsTakenOff) {
  model_->answer(std::string("```json\n") + kGood + "\n```\n");

  EXPECT_EQ(ask().value().value.title, "Nurse");
}

TEST_F(ExtractTest, BrokenAnswerIsSentBackOnceWithTheReason) {
  model_->answer(reply_of(R"({"title":"Nurse","score":800,"skills":[]})", FinishReason::stop));
  model_->answer(reply_of(kGood, FinishReason::stop));

  const auto advert = ask();

  ASSERT_TRUE(advert.has_value());
  EXPECT_TRUE(advert->repaired);
  EXPECT_EQ(advert->usage.output_tokens, 20);
  ASSERT_EQ(model_->chat_requests().size(), 2U);
  const auto& messages = model_->chat_requests()[1].messages;
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[1].role, Role::assistant);
  EXPECT_THAT(messages[2].content, HasSubstr("/score"));
}

TEST_F(ExtractTest, SecondBrokenAnswerIsCorrupt) {
  model_->answer("no JSON").answer(R"({"title":1})");

  EXPECT_EQ(ask().error().code(), Errc::corrupt);
  EXPECT_EQ(model_->answers_left(), 0U);
}

TEST_F(ExtractTest, RefusalIsNotRepaired) {
  model_->answer(reply_of("I cannot help with that", FinishReason::refusal));

  EXPECT_EQ(ask().error().code(), Errc::permission_denied);
  EXPECT_EQ(model_->chat_requests().size(), 1U);
}

TEST_F(ExtractTest, AnswerCutOffIsNotRepaired) {
  model_->answer(reply_of(R"({"title":"Nur)", FinishReason::length));

  EXPECT_EQ(ask().error().code(), Errc::invalid_argument);
  EXPECT_EQ(model_->chat_requests().size(), 1U);
}

TEST_F(ExtractTest, ErrorOfTheModelIsPassedOn) {
  model_->fail(Error(Errc::rate_limited, "busy"));

  EXPECT_EQ(ask().error().code(), Errc::rate_limited);
}

TEST_F(ExtractTest, ValueAloneCanBeAskedFor) {
  model_->answer(kGood);
  ChatRequest request;
  request.messages.push_back({Role::user, "an advert"});

  EXPECT_EQ(run(runtime_, extract<Advert>(model_, std::move(request))).value().skills.size(), 1U);
}

}  // namespace
}  // namespace rwp::ai
