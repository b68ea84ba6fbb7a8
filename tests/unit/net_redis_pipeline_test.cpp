#include "net/redis/pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace rwp::net_redis {
namespace {

using ::testing::HasSubstr;

class RedisPipelineTest : public ::testing::Test {
 protected:
  std::shared_ptr<Call> add(std::string bytes, std::size_t commands = 1, bool repeatable = false) {
    auto call = std::make_shared<Call>();
    call->bytes = std::move(bytes);
    call->name = "CMD";
    call->commands = commands;
    call->repeatable = repeatable;
    EXPECT_TRUE(pipeline_.add(call).has_value());
    return call;
  }
  std::string take() { return pipeline_.take(1, 1000, SteadyTime()).bytes; }
  Result<std::shared_ptr<Call>> answer(std::string text) {
    Reply reply;
    reply.kind = Reply::Kind::text;
    reply.text = std::move(text);
    return pipeline_.answer(std::move(reply));
  }

  Pipeline pipeline_{
      Pipeline::Limits{.max_pending = 4, .max_pending_bytes = 100, .max_reply_bytes = 2000}};
  const Error lost_{Errc::unavailable, "the cable was pulled"};
};

TEST_F(RedisPipelineTest, WhatWaitsIsWrittenTogetherAndAnsweredInOrder) {
  const auto first = add("a");
  const auto second = add("bc", 2);
  const auto third = add("d");

  EXPECT_EQ(take(), "abcd");
  ASSERT_TRUE(answer("1").has_value());
  EXPECT_TRUE(first->done);
  ASSERT_TRUE(answer("2").has_value());
  EXPECT_FALSE(second->done);
  ASSERT_TRUE(answer("3").has_value());
  ASSERT_TRUE(answer("4").has_value());

  EXPECT_EQ(first->replies.at(0).text, "1");
  EXPECT_EQ(second->replies.at(1).text, "3");
  EXPECT_EQ(third->replies.at(0).text, "4");
  EXPECT_EQ(pipeline_.pending(), 0U);
}

TEST_F(RedisPipelineTest, AnAbandonedCallsAnswerShiftsNoOther) {
  const auto late = add("a");
  const auto next = add("b");
  EXPECT_EQ(take(), "ab");
  pipeline_.abandon(late);

  ASSERT_TRUE(answer("late").has_value());
  ASSERT_TRUE(answer("next").has_value());

  EXPECT_EQ(next->replies.at(0).text, "next");
}

TEST_F(RedisPipelineTest, WhatIsAbandonedBeforeItIsSentNeverIs) {
  const auto dropped = add("a");
  add("b");
  pipeline_.abandon(dropped);

  EXPECT_EQ(take(), "b");
}

TEST_F(RedisPipelineTest, AnAnswerThatNobodyAskedForIsCorrupt) {
  EXPECT_EQ(answer("stray").error().code(), Errc::corrupt);
}

TEST_F(RedisPipelineTest, ALostCallSaysThatItsOutcomeIsUnknown) {
  const auto sent = add("a");
  EXPECT_EQ(take(), "a");
  const auto waiting = add("b");
  pipeline_.lose(lost_);

  ASSERT_TRUE(sent->failure.has_value());
  EXPECT_EQ(sent->failure->code(), Errc::unavailable);
  EXPECT_THAT(sent->failure->message(), HasSubstr("outcome is unknown"));
  EXPECT_EQ(sent->failure->cause()->message(), lost_.message());
  EXPECT_FALSE(waiting->done);
  EXPECT_EQ(take(), "b");
}

TEST_F(RedisPipelineTest, WhatMayBeRepeatedIsSentAgainInItsOrder) {
  const auto first = add("a", 1, true);
  const auto second = add("bc", 2, true);
  EXPECT_EQ(take(), "abc");
  add("d");
  ASSERT_TRUE(answer("1").has_value());
  ASSERT_TRUE(answer("half of the second").has_value());
  pipeline_.lose(lost_);

  EXPECT_EQ(take(), "bcd");
  ASSERT_TRUE(answer("2").has_value());
  ASSERT_TRUE(answer("3").has_value());
  EXPECT_EQ(second->replies.at(0).text, "2");
}

TEST_F(RedisPipelineTest, WhatWasForAnotherConnectionIsNotSent) {
  const auto bound = add("a");
  bound->only_on = 7;
  add("b");

  EXPECT_EQ(take(), "b");
  EXPECT_EQ(bound->failure->code(), Errc::unavailable);
}

TEST_F(RedisPipelineTest, WhatWasSentAndMayNotBeRepeatedElsewhereHasAnUnknownOutcome) {
  const auto bound = add("a", 1, true);
  bound->only_on = 1;
  EXPECT_EQ(take(), "a");
  pipeline_.lose(lost_);

  EXPECT_EQ(pipeline_.take(2, 1000, SteadyTime()).bytes, "");
  ASSERT_TRUE(bound->failure.has_value());
  EXPECT_THAT(bound->failure->message(), HasSubstr("outcome is unknown"));
}

TEST_F(RedisPipelineTest, WhatIsForALostConnectionOrDoesNotWaitFailsAtOnce) {
  const auto bound = add("a");
  bound->only_on = 1;
  const auto hasty = add("b");
  hasty->waits = false;
  const auto patient = add("c");
  pipeline_.lose(lost_);

  for (const auto& each : {bound, hasty}) {
    ASSERT_TRUE(each->failure.has_value());
    EXPECT_EQ(each->failure->code(), Errc::unavailable);
    EXPECT_THAT(each->failure->message(), HasSubstr("not sent"));
  }
  EXPECT_FALSE(patient->done);
  EXPECT_EQ(take(), "c");
}

TEST_F(RedisPipelineTest, WhatWasSentAndIsGivenUpWhileItWaitsHasAnUnknownOutcome) {
  const auto repeated = add("a", 1, true);
  const auto fresh = add("b");
  EXPECT_EQ(pipeline_.take(1, 1, SteadyTime()).bytes, "a");
  pipeline_.lose(lost_);
  pipeline_.fail_waiting(Error(Errc::cancelled, "closed"));

  EXPECT_THAT(repeated->failure->message(), HasSubstr("outcome is unknown"));
  EXPECT_EQ(repeated->failure->code(), Errc::cancelled);
  EXPECT_THAT(fresh->failure->message(), ::testing::Not(HasSubstr("outcome is unknown")));
}

TEST_F(RedisPipelineTest, WhatIsKeptToBeRepeatedIsBounded) {
  add(std::string(60, 'x'), 1, true);
  (void)take();
  auto another = std::make_shared<Call>();
  another->bytes = std::string(41, 'x');
  EXPECT_EQ(pipeline_.add(another).error().code(), Errc::unavailable);

  ASSERT_TRUE(answer("1").has_value());
  EXPECT_TRUE(pipeline_.add(another).has_value());
}

TEST_F(RedisPipelineTest, AnswersThatNobodyWaitsForAreNotKept) {
  const auto late = add("a", 2);
  (void)take();
  pipeline_.abandon(late);

  ASSERT_TRUE(answer(std::string(1000, 'x')).has_value());
  EXPECT_TRUE(late->replies.empty());
  ASSERT_TRUE(answer("2").has_value());
  EXPECT_EQ(pipeline_.pending(), 0U);
}

TEST_F(RedisPipelineTest, TheAnswersOfOneCallAreBoundedInBytes) {
  add("a", 3);
  (void)take();
  ASSERT_TRUE(answer(std::string(2000, 'x')).has_value());

  EXPECT_EQ(answer("y").error().code(), Errc::corrupt);
}

TEST_F(RedisPipelineTest, CountAndBytesAreBounded) {
  auto large = std::make_shared<Call>();
  large->bytes = std::string(101, 'x');
  EXPECT_EQ(pipeline_.add(large).error().code(), Errc::invalid_argument);
  add(std::string(60, 'x'));
  auto another = std::make_shared<Call>();
  another->bytes = std::string(41, 'x');
  EXPECT_EQ(pipeline_.add(another).error().code(), Errc::unavailable);
  // Written bytes count no more; calls do until they are answered.
  (void)take();
  EXPECT_TRUE(pipeline_.add(another).has_value());
  add("c");
  add("d");
  EXPECT_EQ(pipeline_.add(std::make_shared<Call>()).error().code(), Errc::unavailable);
}

TEST_F(RedisPipelineTest, WaitingCallsFailTogether) {
  const auto waiting = add("a");
  pipeline_.fail_waiting(Error(Errc::unauthenticated, "no"));

  EXPECT_EQ(waiting->failure->code(), Errc::unauthenticated);
  EXPECT_FALSE(pipeline_.has_work());
}

}  // namespace
}  // namespace rwp::net_redis
