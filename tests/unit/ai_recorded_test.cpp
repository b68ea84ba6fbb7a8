#include "support/ai_fixture.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/recorded.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::chat_request;
using tests::run;

class RecordedTest : public ::testing::Test {
 protected:
  std::string path() const { return (directory_.path() / "calls.jsonl").string(); }
  std::string content() const {
    std::ifstream file(path());
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  tests::TemporaryDirectory directory_;
  Runtime runtime_;
  std::shared_ptr<ScriptedModel> inner_ = std::make_shared<ScriptedModel>("m");
};

TEST_F(RecordedTest, WhatWasAnsweredIsAnsweredAgainWithoutTheModel) {
  ChatReply calling;
  calling.finish_reason = FinishReason::tool_calls;
  calling.tool_calls.push_back({"c1", "f", R"({"a":1})"});
  calling.logprobs = JsonText::trusted(R"({"content":[]})");
  calling.usage.input_tokens = 7;
  inner_->answer("first").answer("second").answer(calling);
  inner_->embed_with([](const EmbedRequest&) {
    EmbedReply reply;
    reply.vectors = {{0.6F, 0.8F}};
    return reply;
  });
  EmbedRequest embedding;
  embedding.inputs = {"x"};
  {
    const auto model = make_recorded(inner_, path()).value();
    for (const char* text : {"a", "a", "b"}) {
      ASSERT_TRUE(run(runtime_, model->chat(chat_request(text))).has_value());
    }
    ASSERT_TRUE(run(runtime_, model->embed(embedding)).has_value());
  }

  const auto model = open_replayed(path()).value();
  EXPECT_EQ(run(runtime_, model->chat(chat_request("a"))).value().content, "first");
  EXPECT_EQ(run(runtime_, model->chat(chat_request("a"))).value().content, "second");
  EXPECT_EQ(run(runtime_, model->chat(chat_request("a"))).error().code(), Errc::not_found);
  EXPECT_EQ(run(runtime_, model->chat(chat_request("c"))).error().code(), Errc::not_found);
  const auto called = run(runtime_, model->chat(chat_request("b"))).value();
  EXPECT_EQ(called.tool_calls, calling.tool_calls);
  EXPECT_EQ(called.logprobs, calling.logprobs);
  EXPECT_EQ(called.usage.input_tokens, 7);
  const auto vectors = run(runtime_, model->embed(embedding)).value().vectors;
  EXPECT_EQ(vectors.at(0).at(1), 0.8F);
}

TEST_F(RecordedTest, PersonalDataStandInTheCassetteAsPlaceholders) {
  inner_->answer("Dear [NAME_1], [EMAIL_1] is noted.");
  auto request = chat_request("I am Zoe Zubiri, zoe@example.org");
  request.personal_words = {"Zoe Zubiri"};
  {
    const auto model = make_recorded(inner_, path()).value();
    EXPECT_THAT(run(runtime_, model->chat(request)).value().content, HasSubstr("Dear Zoe Zubiri"));
  }
  EXPECT_THAT(content(), Not(HasSubstr("Zubiri")));
  EXPECT_THAT(content(), Not(HasSubstr("zoe@")));

  // Another person's, as the model saw it, was the same question.
  request.messages[0].content = "I am Max Muster, max@example.org";
  request.personal_words = {"Max Muster"};
  const auto model = open_replayed(path()).value();
  EXPECT_EQ(run(runtime_, model->chat(request)).value().content,
            "Dear Max Muster, max@example.org is noted.");
}

TEST_F(RecordedTest, FailuresAreReplayedAndStreamsAreWhole) {
  inner_->fail(with_fault(Error(Errc::invalid_argument, "too long"), AnswerFault::cut_off));
  inner_->fail(Error(Errc::rate_limited, "busy").with_retry_after(std::chrono::seconds(2)));
  inner_->answer("streamed");
  OnDelta ignore = [](std::string_view) { return true; };
  {
    const auto model = make_recorded(inner_, path()).value();
    for (int i = 0; i < 2; ++i) {
      EXPECT_FALSE(run(runtime_, model->chat(chat_request("a"))).has_value());
    }
    EXPECT_TRUE(run(runtime_, model->stream(chat_request("a"), ignore)).has_value());
  }

  const auto model = open_replayed(path()).value();
  const auto cut = run(runtime_, model->chat(chat_request("a"))).error();
  EXPECT_EQ(fault_of(cut), AnswerFault::cut_off);
  const auto busy = run(runtime_, model->chat(chat_request("a"))).error();
  EXPECT_EQ(busy.code(), Errc::rate_limited);
  EXPECT_EQ(busy.retry_after(), std::chrono::seconds(2));
  std::string pieces;
  OnDelta keep = [&](std::string_view piece) {
    pieces += piece;
    return true;
  };
  EXPECT_TRUE(run(runtime_, model->stream(chat_request("a"), keep)).has_value());
  EXPECT_EQ(pieces, "streamed");
}

TEST_F(RecordedTest, FilesThatAreNoCassetteAreNamedByTheirLine) {
  EXPECT_EQ(open_replayed(path()).error().code(), Errc::not_found);
  std::ofstream(path()) << "\n{\"version\":1}\n";
  const auto opened = open_replayed(path());
  EXPECT_EQ(opened.error().code(), Errc::corrupt);
  EXPECT_THAT(opened.error().message(), HasSubstr("line 2"));
}

}  // namespace
}  // namespace rwp::ai
