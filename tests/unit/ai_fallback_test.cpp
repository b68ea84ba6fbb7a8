#include "support/run.hpp"
#include <rwp/ai/fallback.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using ::testing::HasSubstr;
using tests::run;

class FallbackTest : public ::testing::Test {
 protected:
  Result<ChatReply> ask(std::string model = std::string()) {
    ChatRequest request;
    request.model = std::move(model);
    request.messages.push_back({Role::user, "?"});
    return run(runtime_, fallback_->chat(std::move(request)));
  }

  Result<ChatReply> stream(std::string* seen) {
    ChatRequest request;
    request.messages.push_back({Role::user, "?"});
    OnDelta keep = [seen](std::string_view piece) {
      *seen += piece;
      return true;
    };
    return run(runtime_, fallback_->stream(std::move(request), std::move(keep)));
  }

  Runtime runtime_;
  std::shared_ptr<ScriptedModel> first_ = std::make_shared<ScriptedModel>("first");
  std::shared_ptr<ScriptedModel> second_ = std::make_shared<ScriptedModel>("second");
  std::shared_ptr<Model> fallback_ = make_fallback({first_, second_});
};

TEST_F(FallbackTest, FirstMemberThatAnswersIsNamed) {
  first_->answer("one");

  EXPECT_EQ(ask().value().model, "first");
  EXPECT_TRUE(second_->chat_requests().empty());
}

TEST_F(FallbackTest, NextMemberIsAskedWhenItMayHelp) {
  for (const Errc code : {Errc::unavailable, Errc::rate_limited, Errc::budget_exceeded,
                          Errc::unsupported, Errc::corrupt, Errc::internal}) {
    first_->fail(Error(code, "no"));
    second_->answer("two");
    EXPECT_EQ(ask().value().model, "second") << to_string(code);
  }
}

TEST_F(FallbackTest, OtherErrorsEndTheCall) {
  for (const Errc code :
       {Errc::invalid_argument, Errc::cancelled, Errc::unauthenticated, Errc::permission_denied}) {
    first_->fail(Error(code, "no"));
    EXPECT_EQ(ask().error().code(), code);
  }
  EXPECT_TRUE(second_->chat_requests().empty());
}

TEST_F(FallbackTest, MemberThatWasGivenUpIsFollowedWhileThereIsTime) {
  first_->fail(Error(Errc::deadline_exceeded, "no first piece"));
  second_->answer("two");
  EXPECT_EQ(ask().value().model, "second");

  first_->fail(Error(Errc::deadline_exceeded, "deadline passed"));
  ChatRequest late;
  late.messages.push_back({Role::user, "?"});
  late.deadline = std::chrono::steady_clock::now();
  EXPECT_EQ(run(runtime_, fallback_->chat(std::move(late))).error().code(),
            Errc::deadline_exceeded);
  EXPECT_EQ(second_->chat_requests().size(), 1U);
}

TEST_F(FallbackTest, LaterMembersUseTheirOwnDefaultModel) {
  first_->fail(Error(Errc::unavailable, "no"));
  second_->answer("two");

  ASSERT_TRUE(ask("gpt-x").has_value());

  EXPECT_EQ(first_->chat_requests()[0].model, "gpt-x");
  EXPECT_EQ(second_->chat_requests()[0].model, "");
}

TEST_F(FallbackTest, ErrorOfAllNamesEachAndMayBeRetriedWhenOneMay) {
  first_->fail(Error(Errc::rate_limited, "busy").with_retry_after(std::chrono::seconds(7)));
  second_->fail(Error(Errc::unsupported, "no schema"));

  const auto error = ask().error();

  EXPECT_EQ(error.code(), Errc::rate_limited);
  EXPECT_TRUE(error.retryable());
  EXPECT_EQ(error.retry_after(), std::chrono::milliseconds(7'000));
  EXPECT_THAT(error.message(), HasSubstr("first"));
  EXPECT_THAT(error.message(), HasSubstr("second"));
}

TEST_F(FallbackTest, StreamThatFailedBeforeItsFirstPieceGoesOnElsewhere) {
  first_->fail(Error(Errc::unavailable, "no"));
  second_->answer("the whole answer");
  std::string seen;

  const auto reply = stream(&seen);

  EXPECT_EQ(reply.value().model, "second");
  EXPECT_EQ(seen, "the whole answer");
}

TEST_F(FallbackTest, StreamThatBrokeAfterAPieceIsAnError) {
  first_->break_stream("half an answer", 1, Error(Errc::unavailable, "cut"));
  second_->answer("another answer");
  std::string seen;

  EXPECT_EQ(stream(&seen).error().code(), Errc::unavailable);

  EXPECT_EQ(seen, "half an ");
  EXPECT_TRUE(second_->chat_requests().empty());
}

TEST_F(FallbackTest, EmbedFallsBackToo) {
  first_->embed_with([](const EmbedRequest&) { return Error(Errc::unavailable, "no"); });
  second_->embed_with([](const EmbedRequest&) {
    EmbedReply reply;
    reply.vectors.push_back({1.0F});
    return reply;
  });
  EmbedRequest request;
  request.inputs.emplace_back("text");

  EXPECT_EQ(run(runtime_, fallback_->embed(std::move(request))).value().model, "second");
}

}  // namespace
}  // namespace rwp::ai
