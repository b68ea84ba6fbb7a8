#include "support/ai_fixture.hpp"
#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/validated.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using ::testing::HasSubstr;
using tests::chat_request;
using tests::run;

class ValidatedTest : public ::testing::Test {
 protected:
  static ChatRequest structured() {
    auto request = chat_request("?");
    request.output_schema = OutputSchema{
        "a", JsonText::trusted(
                 R"({"type":"object","required":["x"],"properties":{"x":{"type":"integer"}}})")};
    return request;
  }
  static ChatReply reply_of(std::string content, FinishReason reason = FinishReason::stop) {
    ChatReply reply;
    reply.content = std::move(content);
    reply.finish_reason = reason;
    reply.usage.output_tokens = 10;
    return reply;
  }

  std::shared_ptr<ScriptedModel> inner_ = std::make_shared<ScriptedModel>("m");
  std::shared_ptr<Model> model_ = make_validated(inner_);
  Runtime runtime_;
};

TEST_F(ValidatedTest, AnswerThatBreaksItsSchemaIsSentBackWithTheReason) {
  inner_->answer(reply_of(R"({"x":"one"})")).answer(reply_of(R"({"x":1})"));

  const auto reply = run(runtime_, model_->chat(structured())).value();

  EXPECT_EQ(reply.content, R"({"x":1})");
  EXPECT_EQ(reply.usage.output_tokens, 20);
  const auto& again = inner_->chat_requests()[1].messages;
  ASSERT_EQ(again.size(), 3U);
  EXPECT_EQ(again[1].content, R"({"x":"one"})");
  EXPECT_THAT(again[2].content, HasSubstr("/x"));
}

TEST_F(ValidatedTest, SecondBrokenAnswerIsAMisfit) {
  inner_->answer("{}").answer("nonsense");
  const auto error = run(runtime_, model_->chat(structured())).error();
  EXPECT_EQ(error.code(), Errc::corrupt);
  EXPECT_EQ(fault_of(error), AnswerFault::misfit);
  EXPECT_EQ(inner_->chat_requests().size(), 2U);
}

TEST_F(ValidatedTest, RefusalFilterAndCutAreErrorsOfTheirOwnAndNotRepaired) {
  const auto fault = [this](FinishReason reason) {
    inner_->answer(reply_of("{}", reason));
    const auto error = run(runtime_, model_->chat(structured())).error();
    return std::pair(fault_of(error), error.code());
  };
  EXPECT_EQ(fault(FinishReason::refusal), std::pair(AnswerFault::refused, Errc::permission_denied));
  EXPECT_EQ(fault(FinishReason::content_filter),
            std::pair(AnswerFault::filtered, Errc::permission_denied));
  EXPECT_EQ(fault(FinishReason::length), std::pair(AnswerFault::cut_off, Errc::invalid_argument));
  EXPECT_EQ(inner_->chat_requests().size(), 3U);
}

TEST_F(ValidatedTest, StreamThatBreaksItsSchemaEndsInAnError) {
  inner_->answer("{}");
  std::string seen;
  OnDelta keep = [&seen](std::string_view piece) {
    seen += piece;
    return true;
  };
  const auto error = run(runtime_, model_->stream(structured(), std::move(keep))).error();
  EXPECT_EQ(fault_of(error), AnswerFault::misfit);
  EXPECT_EQ(seen, "{}");
}

TEST_F(ValidatedTest, WithoutASchemaEverythingPasses) {
  inner_->answer(reply_of("free text", FinishReason::length));
  EXPECT_EQ(run(runtime_, model_->chat(chat_request("?"))).value().finish_reason,
            FinishReason::length);
}

}  // namespace
}  // namespace rwp::ai
