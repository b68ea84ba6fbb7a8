#include "support/ai_fixture.hpp"
#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/attempt_limited.hpp>
#include <rwp/ai/breaking.hpp>
#include <rwp/ai/deadline.hpp>
#include <rwp/ai/fallback.hpp>
#include <rwp/ai/retried.hpp>
#include <rwp/ai/upstream_limited.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using ::testing::HasSubstr;
using tests::chat_request;
using tests::eventually;
using tests::on_io;
using tests::run;
using tests::start;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class UpstreamTest : public ::testing::Test {
 protected:
  Result<ChatReply> ask(const std::shared_ptr<Model>& model, ChatRequest request) {
    return run(runtime_, model->chat(std::move(request)));
  }
  Result<ChatReply> ask(const std::shared_ptr<Model>& model) {
    return ask(model, chat_request("?"));
  }
  Result<ChatReply> stream(const std::shared_ptr<Model>& model, std::string* seen) {
    OnDelta keep = [seen](std::string_view piece) {
      *seen += piece;
      return true;
    };
    return run(runtime_, model->stream(chat_request("?"), std::move(keep)));
  }
  static ModelRetryOptions quick() {
    ModelRetryOptions options;
    options.first_wait = 1ms;
    options.longest_wait = 2ms;
    return options;
  }

  std::shared_ptr<ScriptedModel> inner_ = std::make_shared<ScriptedModel>("m");
  std::shared_ptr<tests::GatedModel> gated_ = std::make_shared<tests::GatedModel>();
  Runtime runtime_;
};

TEST_F(UpstreamTest, WhatMayPassIsTriedAgain) {
  const auto model = make_retried(inner_, quick());
  inner_->fail(Error(Errc::unavailable, "down"))
      .fail(Error(Errc::rate_limited, "busy").with_retry_after(3ms))
      .answer("there");
  EXPECT_EQ(ask(model).value().content, "there");
  EXPECT_EQ(inner_->chat_requests().size(), 3U);
}

TEST_F(UpstreamTest, MoneyTimeAndNonsenseAreNotTriedAgain) {
  const auto model = make_retried(inner_, quick());
  for (const Errc code : {Errc::budget_exceeded, Errc::deadline_exceeded, Errc::corrupt,
                          Errc::invalid_argument, Errc::unauthenticated}) {
    const std::size_t before = inner_->chat_requests().size();
    inner_->fail(Error(code, "no").with_retryable(true));
    EXPECT_EQ(ask(model).error().code(), code);
    EXPECT_EQ(inner_->chat_requests().size(), before + 1) << to_string(code);
  }
}

TEST_F(UpstreamTest, NoWaitIsBegunThatEndsBeyondTheDeadline) {
  const auto model = make_retried(inner_, quick());
  inner_->fail(Error(Errc::rate_limited, "busy").with_retry_after(25s));
  auto request = chat_request("?");
  request.deadline = Clock::now() + 18s;
  const auto began = Clock::now();
  EXPECT_EQ(ask(model, std::move(request)).error().code(), Errc::rate_limited);
  EXPECT_LT(Clock::now() - began, 15s);
}

TEST_F(UpstreamTest, RetriesAreFewWhereEverythingFails) {
  auto options = quick();
  options.budget_reserve = 3;
  options.budget_share = 0.1;
  const auto model = make_retried(inner_, options);
  inner_->answer_with(
      [](const ChatRequest&) -> Result<ChatReply> { return Error(Errc::unavailable, "down"); });
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(ask(model).has_value());
  // Three of the reserve, and one for each ten calls.
  EXPECT_LE(inner_->chat_requests().size(), 50U + 3U + 5U);
  EXPECT_GE(inner_->chat_requests().size(), 50U + 3U);
}

TEST_F(UpstreamTest, StreamIsTriedAgainOnlyBeforeItsFirstPiece) {
  const auto model = make_retried(inner_, quick());
  inner_->fail(Error(Errc::unavailable, "down")).answer("whole");
  std::string seen;
  EXPECT_TRUE(stream(model, &seen).has_value());
  EXPECT_EQ(seen, "whole");
  inner_->break_stream("half an answer", 1, Error(Errc::unavailable, "cut"));
  EXPECT_EQ(stream(model, &seen).error().code(), Errc::unavailable);
  EXPECT_EQ(inner_->answers_left(), 0U);
}

TEST_F(UpstreamTest, LimitLetsSoManyThroughAndTellsTheOthersTheWait) {
  RateAllowanceOptions rates;
  rates.requests_per_minute = 6;
  rates.burst = 30s;
  UpstreamLimitOptions options;
  options.allowance = make_rate_allowance(rates);
  options.longest_wait = 10ms;
  const auto model = make_upstream_limited(inner_, options);
  inner_->answer("1").answer("2").answer("3");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ask(model).has_value());
  const auto refused = ask(model).error();
  EXPECT_EQ(refused.code(), Errc::rate_limited);
  EXPECT_GT(refused.retry_after().value(), 0ms);
  EXPECT_EQ(inner_->chat_requests().size(), 3U);
}

TEST_F(UpstreamTest, TokensCountAndUsageCorrectsTheEstimate) {
  RateAllowanceOptions rates;
  rates.tokens_per_minute = 60'000;
  rates.burst = 3s;  // 3,000 tokens at once.
  UpstreamLimitOptions options;
  options.allowance = make_rate_allowance(rates);
  options.longest_wait = 0ms;
  const auto model = make_upstream_limited(inner_, options);
  inner_->answer_with([](const ChatRequest&) {
    ChatReply reply;
    reply.content = "short";
    reply.usage.output_tokens = 5;
    return reply;
  });
  auto large = chat_request("?");
  large.max_output_tokens = 2'900;
  // Each sets 2,900 aside and uses 5.
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(ask(model, large).has_value()) << i;
  large.max_output_tokens = 3'200;
  EXPECT_EQ(ask(model, large).error().code(), Errc::rate_limited);
}

TEST_F(UpstreamTest, RequestLargerThanAllThatMayWaitGoesAndTheNextOnesPayForIt) {
  RateAllowanceOptions rates;
  rates.tokens_per_minute = 6'000;
  rates.burst = 20s;  // 2,000 tokens at once.
  UpstreamLimitOptions options;
  options.allowance = make_rate_allowance(rates);
  options.longest_wait = 30s;
  const auto model = make_upstream_limited(inner_, options);
  inner_->answer_with([](const ChatRequest&) {
    ChatReply reply;
    reply.content = "long";
    reply.usage.output_tokens = 8'000;
    return reply;
  });
  auto large = chat_request("?");
  large.max_output_tokens = 8'000;
  EXPECT_TRUE(ask(model, large).has_value());
  const auto refused = ask(model).error();
  EXPECT_EQ(refused.code(), Errc::rate_limited);
  EXPECT_GT(refused.retry_after().value(), 50s);
}

TEST_F(UpstreamTest, RefusalStopsAllUntilTheTimeItTold) {
  UpstreamLimitOptions options;
  options.allowance = make_rate_allowance();
  options.longest_wait = 10ms;
  const auto model = make_upstream_limited(inner_, options);
  inner_->fail(Error(Errc::rate_limited, "busy").with_retry_after(60s)).answer("never");
  EXPECT_EQ(ask(model).error().code(), Errc::rate_limited);
  const auto next = ask(model).error();
  EXPECT_EQ(next.code(), Errc::rate_limited);
  EXPECT_GT(next.retry_after().value(), 30s);
  EXPECT_EQ(inner_->chat_requests().size(), 1U);
}

/// Grants all, and notes what was asked.
class NotedAllowance final : public RateAllowance {
 public:
  boost::asio::awaitable<Result<void>> acquire(std::int64_t tokens, SteadyTime) override {
    asked.push_back(tokens);
    co_return Result<void>();
  }
  void settle(std::int64_t, std::int64_t, bool) override {}
  void report(const RateReport&) override {}
  void pause(std::chrono::milliseconds) override {}

  std::vector<std::int64_t> asked;
};

TEST_F(UpstreamTest, TrafficThatGrewTooFastIsHalvedForMinutes) {
  UpstreamLimitOptions options;
  const auto allowance = std::make_shared<NotedAllowance>();
  options.allowance = allowance;
  const auto model = make_upstream_limited(inner_, options);
  const Error busy(Errc::rate_limited, "busy");
  inner_->answer("there")
      .fail(busy)
      .answer("there")
      .fail(with_fault(busy, AnswerFault::too_fast))
      .answer("there")
      .fail(with_fault(busy, AnswerFault::too_fast))
      .answer("there");
  for (int i = 0; i < 7; ++i) (void)ask(model);

  const auto& asked = allowance->asked;
  ASSERT_EQ(asked.size(), 7U);
  // An ordinary refusal changes nothing; of several at once the first counts.
  EXPECT_EQ(asked[2], asked[0]);
  EXPECT_NEAR(static_cast<double>(asked[4]), 2.0 * static_cast<double>(asked[0]), 2);
  EXPECT_NEAR(static_cast<double>(asked[6]), 2.0 * static_cast<double>(asked[0]), 2);
}

TEST_F(UpstreamTest, UpstreamsOwnWordSetsTheLimit) {
  UpstreamLimitOptions options;
  options.allowance = make_rate_allowance();
  options.longest_wait = 10ms;
  const auto model = make_upstream_limited(inner_, options);
  RateReport report;
  report.requests.limit = 6;
  report.requests.remaining = 1;
  on_io(runtime_, [&] { options.allowance->report(report); });
  inner_->answer("1").answer("2");
  EXPECT_TRUE(ask(model).has_value());
  EXPECT_EQ(ask(model).error().code(), Errc::rate_limited);
}

TEST_F(UpstreamTest, WhoGivesUpWaitingTakesNothing) {
  RateAllowanceOptions rates;
  rates.requests_per_minute = 60;
  rates.burst = 1s;
  UpstreamLimitOptions options;
  options.allowance = make_rate_allowance(rates);
  const auto model = make_upstream_limited(inner_, options);
  inner_->answer_with([](const ChatRequest&) {
    ChatReply reply;
    reply.content = "there";
    return reply;
  });
  ASSERT_TRUE(ask(model).has_value());
  std::vector<std::shared_ptr<tests::StartedCall>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(start(runtime_, model, chat_request("?")));
  on_io(runtime_, [] {});
  for (const auto& call : waiting) call->task.cancel();
  for (const auto& call : waiting) {
    ASSERT_TRUE(eventually(runtime_, [&] { return call->end.has_value(); }));
  }
  // Not behind twenty who are gone.
  auto request = chat_request("?");
  request.deadline = Clock::now() + 5s;
  EXPECT_TRUE(ask(model, std::move(request)).has_value());
}

TEST_F(UpstreamTest, BreakerSparesAnUpstreamThatFails) {
  net::CircuitBreakerOptions options;
  options.failures = 3;
  options.open_for = 60s;
  const auto model = make_breaking(inner_, options);
  inner_->fail(Error(Errc::unavailable, "1")).fail(Error(Errc::corrupt, "2"));
  inner_->fail(Error(Errc::rate_limited, "tells nothing"));
  inner_->fail(Error(Errc::deadline_exceeded, "3"));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(ask(model).has_value());
  const auto refused = ask(model).error();
  EXPECT_EQ(refused.code(), Errc::unavailable);
  EXPECT_GT(refused.retry_after().value(), 30s);
  EXPECT_EQ(inner_->chat_requests().size(), 4U);
}

TEST_F(UpstreamTest, SpentKeyOpensTheBreakerAtOnce) {
  net::CircuitBreakerOptions options;
  options.open_for = 60s;
  const auto model = make_breaking(inner_, options);
  inner_->fail(Error(Errc::budget_exceeded, "quota"));
  EXPECT_EQ(ask(model).error().code(), Errc::budget_exceeded);
  EXPECT_EQ(ask(model).error().code(), Errc::budget_exceeded);
  EXPECT_EQ(inner_->chat_requests().size(), 1U);
}

TEST_F(UpstreamTest, ProbeClosesTheBreakerOfAKeyThatIsPaidAgain) {
  net::CircuitBreakerOptions options;
  options.open_for = 1ms;
  const auto model = make_breaking(inner_, options);
  inner_->fail(Error(Errc::budget_exceeded, "quota")).answer("paid again").answer("and again");
  EXPECT_EQ(ask(model).error().code(), Errc::budget_exceeded);
  run(runtime_, sleep_for(5ms)).value();
  EXPECT_TRUE(ask(model).has_value());
  EXPECT_TRUE(ask(model).has_value());
}

TEST_F(UpstreamTest, SpentKeyIsForgottenWhenTheProbeFailsOtherwise) {
  net::CircuitBreakerOptions options;
  options.open_for = 200ms;
  const auto model = make_breaking(inner_, options);
  inner_->fail(Error(Errc::budget_exceeded, "quota")).fail(Error(Errc::unavailable, "down"));
  EXPECT_EQ(ask(model).error().code(), Errc::budget_exceeded);
  run(runtime_, sleep_for(220ms)).value();
  EXPECT_EQ(ask(model).error().code(), Errc::unavailable);
  inner_->answer("up again");
  // Refused by the breaker, or let through when this machine was slow: no quota in either case.
  const auto next = ask(model);
  EXPECT_TRUE(next.has_value() || next.error().code() == Errc::unavailable);
}

TEST_F(UpstreamTest, CancelledProbeLetsTheNextOneTry) {
  net::CircuitBreakerOptions options;
  options.failures = 1;
  options.open_for = 1ms;
  const auto model = make_breaking(gated_, options);
  on_io(runtime_, [this] {
    gated_->answer = Error(Errc::unavailable, "down");
    gated_->let_go(1);
  });
  EXPECT_FALSE(ask(model).has_value());
  run(runtime_, sleep_for(5ms)).value();
  const auto probe = start(runtime_, model, chat_request("?"));
  ASSERT_TRUE(eventually(runtime_, [this] { return gated_->active == 1; }));
  probe->task.cancel();
  ASSERT_TRUE(eventually(runtime_, [&] { return probe->end.has_value(); }));
  on_io(runtime_, [this] {
    gated_->answer = std::string("half up");
    gated_->let_go(5);
  });
  EXPECT_TRUE(ask(model).has_value());
}

TEST_F(UpstreamTest, SilentAttemptIsGivenUpAndSaysWhichLimit) {
  AttemptLimits limits;
  limits.first_piece = 10s;
  limits.between_pieces = 20ms;
  limits.total = 20s;
  std::string seen;
  const auto cut = stream(make_attempt_limited(gated_, limits), &seen).error();
  EXPECT_EQ(cut.code(), Errc::deadline_exceeded);
  EXPECT_THAT(cut.message(), HasSubstr("no further piece"));
  EXPECT_EQ(seen, "half ");

  limits.between_pieces = 10s;
  limits.total = 20ms;
  EXPECT_THAT(stream(make_attempt_limited(gated_, limits), &seen).error().message(),
              HasSubstr("took longer"));
  EXPECT_THAT(ask(make_attempt_limited(gated_, limits)).error().message(),
              HasSubstr("took longer"));
  EXPECT_TRUE(eventually(runtime_, [this] { return gated_->active == 0; }));
  EXPECT_EQ(gated_->dropped, 3);
}

TEST_F(UpstreamTest, DeadlineOfTheWholeIsToldAndEnforced) {
  DeadlineOptions options;
  options.chat = 30ms;
  const auto model = make_deadline(gated_, options);
  EXPECT_EQ(ask(model).error().code(), Errc::deadline_exceeded);
  std::string seen;
  EXPECT_EQ(stream(model, &seen).error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(gated_->active, 0);
  const auto told = make_deadline(inner_, options);
  inner_->answer("x");
  ASSERT_TRUE(ask(told).has_value());
  EXPECT_LE(inner_->chat_requests()[0].deadline, Clock::now() + 30ms);
}

TEST_F(UpstreamTest, ChainGoesOnWhenARequestIsTooLongOrAMemberTooSlow) {
  FallbackOptions options;
  options.time_share = 0.01;
  const auto slow = make_attempt_limited(gated_);
  const auto chain = make_fallback({slow, inner_}, options);
  inner_->answer("second");
  auto request = chat_request("?");
  request.deadline = Clock::now() + 10s;
  const auto reply = ask(chain, std::move(request)).value();
  EXPECT_EQ(reply.content, "second");
  EXPECT_TRUE(reply.from_fallback);

  auto first = std::make_shared<ScriptedModel>("small");
  first->fail(with_fault(Error(Errc::invalid_argument, "too long"), AnswerFault::context_too_long));
  inner_->answer("large");
  EXPECT_EQ(ask(make_fallback({first, inner_})).value().content, "large");
  FallbackOptions never;
  never.except = {FallbackReason::rate_limited};
  first->fail(Error(Errc::rate_limited, "busy"));
  EXPECT_EQ(ask(make_fallback({first, inner_}, never)).error().code(), Errc::rate_limited);
}

}  // namespace
}  // namespace rwp::ai
