#include "support/ai_fixture.hpp"
#include <rwp/ai/attempt_limited.hpp>
#include <rwp/ai/budgeted.hpp>
#include <rwp/ai/fallback.hpp>
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

/// A dollar for each token of the output, nothing for the input.
PriceTable dollar_a_token() {
  std::vector<ModelPrice> prices(1);
  prices[0].pattern = "*";
  prices[0].output_micro_usd = 1'000'000'000'000;
  return PriceTable::make(std::move(prices)).value();
}

class BudgetedTest : public ::testing::Test {
 protected:
  ~BudgetedTest() override { EXPECT_EQ(open_reservations(), 0U); }

  void limit(std::int64_t dollars, BudgetRule rule = BudgetRule()) {
    rule.limit = Money{dollars * 1'000'000};
    options_.rules.push_back(std::move(rule));
  }
  std::shared_ptr<Model> around(std::shared_ptr<Model> inner) {
    options_.ledger = ledger_;
    options_.prices = dollar_a_token();
    return make_budgeted(make_attempt_limited(std::move(inner)), options_);
  }
  static ChatRequest request_of(std::int64_t tokens, std::string tenant = "acme") {
    auto request = chat_request("?", std::move(tenant));
    request.max_output_tokens = tokens;
    return request;
  }
  static ChatReply reply_of(std::int64_t tokens) {
    ChatReply reply;
    reply.content = "answer";
    reply.usage.output_tokens = tokens;
    return reply;
  }
  std::int64_t settled_dollars() {
    std::int64_t micro = 0;
    on_io(runtime_, [&] { micro = ledger_->settled_micro_usd(); });
    return micro / 1'000'000;
  }
  std::size_t open_reservations() {
    EXPECT_TRUE(eventually(runtime_, [this] { return ledger_->open_reservations() == 0; }));
    return ledger_->open_reservations();
  }

  BudgetOptions options_;
  std::shared_ptr<tests::MemoryLedger> ledger_ = std::make_shared<tests::MemoryLedger>();
  std::shared_ptr<ScriptedModel> inner_ = std::make_shared<ScriptedModel>("m");
  Runtime runtime_;
};

TEST_F(BudgetedTest, SixtyFourParallelCallsOnABudgetForTenTakeExactlyIt) {
  limit(10 * 7);
  auto gated = std::make_shared<tests::GatedModel>();
  gated->usage.output_tokens = 7;
  const auto model = around(gated);
  std::vector<std::shared_ptr<tests::StartedCall>> calls;
  for (int i = 0; i < 64; ++i) calls.push_back(start(runtime_, model, request_of(7)));
  on_io(runtime_, [&] { gated->let_go(64); });
  int answered = 0;
  for (const auto& call : calls) {
    ASSERT_TRUE(eventually(runtime_, [&] { return call->end.has_value(); }));
    if (call->end->has_value()) {
      ++answered;
    } else {
      EXPECT_EQ(call->end->error().code(), Errc::budget_exceeded);
    }
  }

  EXPECT_EQ(answered, 10);
  EXPECT_EQ(gated->begun, 10);
  EXPECT_EQ(settled_dollars(), 70);
}

TEST_F(BudgetedTest, UsageReplacesTheWorstCase) {
  limit(100);
  inner_->answer(reply_of(3));
  const auto model = around(inner_);

  ASSERT_TRUE(run(runtime_, model->chat(request_of(90))).has_value());

  EXPECT_EQ(settled_dollars(), 3);
  inner_->answer(reply_of(1));
  EXPECT_TRUE(run(runtime_, model->chat(request_of(97))).has_value());
  EXPECT_EQ(run(runtime_, model->chat(request_of(97))).error().code(), Errc::budget_exceeded);
}

TEST_F(BudgetedTest, CallThatDoesNotBoundItsOutputIsBounded) {
  limit(50);
  options_.output_tokens = 40;
  inner_->answer(reply_of(1));
  const auto model = around(inner_);

  ASSERT_TRUE(run(runtime_, model->chat(request_of(0))).has_value());

  EXPECT_EQ(inner_->chat_requests()[0].max_output_tokens, 40);
}

TEST_F(BudgetedTest, RefusalOfTheModelCostsNothing) {
  limit(10);
  const auto model = around(inner_);
  for (const Errc code : {Errc::rate_limited, Errc::unavailable, Errc::invalid_argument,
                          Errc::unauthenticated, Errc::not_found}) {
    inner_->fail(Error(code, "no"));
    EXPECT_EQ(run(runtime_, model->chat(request_of(5))).error().code(), code);
  }
  EXPECT_EQ(settled_dollars(), 0);
  EXPECT_TRUE(ledger_->entries.empty());
}

TEST_F(BudgetedTest, StreamThatBreaksOffIsSettledByWhatHadCome) {
  limit(1'000);
  inner_->piece_bytes(4).break_stream("one two three four five six", 3,
                                      Error(Errc::unavailable, "cut"));
  const auto model = around(inner_);
  OnDelta read = [](std::string_view) { return true; };

  EXPECT_FALSE(run(runtime_, model->stream(request_of(500), std::move(read))).has_value());

  EXPECT_GE(settled_dollars(), 2);
  EXPECT_LE(settled_dollars(), 5);
  ASSERT_EQ(ledger_->entries.size(), 1U);
  EXPECT_GT(ledger_->entries[0].cost.micro_usd, 0);
}

TEST_F(BudgetedTest, AttemptsOfUnknownOutcomeNeverExceedTheBudgetTogether) {
  limit(15);
  options_.ledger = ledger_;
  options_.prices = dollar_a_token();
  auto second = std::make_shared<ScriptedModel>("second");
  inner_->fail(Error(Errc::corrupt, "no answer"));
  second->fail(Error(Errc::corrupt, "none either"));
  std::vector<std::shared_ptr<Model>> members = {make_attempt_limited(inner_),
                                                 make_attempt_limited(second)};
  const auto model = make_budgeted(make_fallback(std::move(members)), options_);

  const auto refused = run(runtime_, model->chat(request_of(10)));

  EXPECT_EQ(refused.error().code(), Errc::budget_exceeded);
  EXPECT_THAT(refused.error().message(), HasSubstr("does not hold"));
  EXPECT_TRUE(second->chat_requests().empty());
  EXPECT_EQ(settled_dollars(), 10);
}

TEST_F(BudgetedTest, EachAttemptThatMayBeChargedHasItsMoneySetAside) {
  limit(25);
  options_.ledger = ledger_;
  options_.prices = dollar_a_token();
  auto second = std::make_shared<tests::GatedModel>();
  second->usage.output_tokens = 4;
  inner_->fail(Error(Errc::corrupt, "no answer"));
  std::vector<std::shared_ptr<Model>> members = {make_attempt_limited(inner_),
                                                 make_attempt_limited(second)};
  const auto model = make_budgeted(make_fallback(std::move(members)), options_);

  const auto call = start(runtime_, model, request_of(10));
  ASSERT_TRUE(eventually(runtime_, [&] { return second->begun == 1; }));
  Money held;
  for (const auto& [name, account] : ledger_->accounts) {
    held = run(runtime_, ledger_->balance(name)).value();
  }
  on_io(runtime_, [&] { second->let_go(1); });
  ASSERT_TRUE(eventually(runtime_, [&] { return call->end.has_value(); }));

  EXPECT_EQ(held.micro_usd, 20'000'000);
  EXPECT_TRUE(call->end->has_value());
  EXPECT_EQ(settled_dollars(), 14);
}

TEST_F(BudgetedTest, CancelledCallIsSettled) {
  limit(1'000);
  for (const bool streamed : {false, true}) {
    auto gated = std::make_shared<tests::GatedModel>();
    const auto model = around(gated);
    const auto call = start(runtime_, model, request_of(30), streamed);
    ASSERT_TRUE(eventually(runtime_, [&] { return gated->active == 1; }));
    call->task.cancel();
    ASSERT_TRUE(eventually(runtime_, [&] { return call->end.has_value(); }));
    EXPECT_EQ(call->end->error().code(), Errc::cancelled);
    EXPECT_EQ(open_reservations(), 0U);
  }
  // The whole of what was under way without a stream; the word that had come of the other.
  EXPECT_GE(settled_dollars(), 31);
  EXPECT_LE(settled_dollars(), 33);
}

TEST_F(BudgetedTest, CallThatWasCancelledBeforeItWasSentCostsNothing) {
  limit(1'000);
  // No attempt is noted: as when it waits for the upstream's limit.
  auto gated = std::make_shared<tests::GatedModel>();
  options_.ledger = ledger_;
  options_.prices = dollar_a_token();
  const auto model = make_budgeted(gated, options_);
  const auto call = start(runtime_, model, request_of(30));
  ASSERT_TRUE(eventually(runtime_, [&] { return gated->active == 1; }));
  call->task.cancel();
  ASSERT_TRUE(eventually(runtime_, [&] { return call->end.has_value(); }));

  EXPECT_EQ(open_reservations(), 0U);
  EXPECT_EQ(settled_dollars(), 0);
}

TEST_F(BudgetedTest, EachTenantHasItsOwnAndTheKindCounts) {
  BudgetRule each;
  each.tenant = "*";
  limit(10, each);
  BudgetRule kind;
  kind.kind = "costly";
  limit(15, kind);
  inner_->answer_with([](const ChatRequest&) { return reply_of(10); });
  const auto model = around(inner_);

  EXPECT_TRUE(run(runtime_, model->chat(request_of(10, "a"))).has_value());
  EXPECT_TRUE(run(runtime_, model->chat(request_of(10, "b"))).has_value());
  EXPECT_FALSE(run(runtime_, model->chat(request_of(10, "a"))).has_value());
  auto costly = request_of(10, "c");
  costly.kind = "costly";
  EXPECT_TRUE(run(runtime_, model->chat(costly)).has_value());
  costly.tenant = "d";
  const auto refused = run(runtime_, model->chat(costly)).error();
  EXPECT_EQ(refused.code(), Errc::budget_exceeded);
  EXPECT_THAT(refused.message(), HasSubstr("kind:costly"));
  // What the first rule had held for it was released.
  costly.kind = "cheap";
  EXPECT_TRUE(run(runtime_, model->chat(costly)).has_value());
}

TEST_F(BudgetedTest, CallOfNoTenantCountsOnceForAllAndOnceForItself) {
  BudgetRule all;
  limit(20, all);
  BudgetRule each;
  each.tenant = "*";
  limit(10, each);
  inner_->answer_with([](const ChatRequest&) { return reply_of(10); });
  const auto model = around(inner_);

  EXPECT_TRUE(run(runtime_, model->chat(request_of(10, ""))).has_value());
  EXPECT_FALSE(run(runtime_, model->chat(request_of(10, ""))).has_value());
  EXPECT_TRUE(run(runtime_, model->chat(request_of(10, "a"))).has_value());
}

TEST_F(BudgetedTest, NextDayAndMonthBeginAnew) {
  BudgetRule month;
  month.period = BudgetPeriod::month;
  limit(25, month);
  limit(10);
  auto now = std::make_shared<std::chrono::system_clock::time_point>(
      std::chrono::sys_days(std::chrono::year(2026) / 11 / 30));
  options_.now = [now] { return *now; };
  inner_->answer_with([](const ChatRequest&) { return reply_of(10); });
  const auto model = around(inner_);
  const auto ask = [&] { return run(runtime_, model->chat(request_of(10))).has_value(); };

  EXPECT_TRUE(ask());
  EXPECT_FALSE(ask());
  on_io(runtime_, [&] { *now -= 24h; });
  EXPECT_TRUE(ask());
  on_io(runtime_, [&] { *now -= 24h; });
  EXPECT_FALSE(ask()) << "the month is spent";
  on_io(runtime_, [&] { *now += 72h; });
  EXPECT_TRUE(ask());
}

TEST_F(BudgetedTest, RefusalTellsWhenThePeriodEndsIfAnotherWouldHoldTheCall) {
  limit(10);
  BudgetRule month;
  month.period = BudgetPeriod::month;
  limit(25, month);
  auto now = std::make_shared<std::chrono::system_clock::time_point>(
      std::chrono::sys_days(std::chrono::year(2026) / 12 / 30) + 18h);
  options_.now = [now] { return *now; };
  inner_->answer_with([](const ChatRequest&) { return reply_of(10); });
  const auto model = around(inner_);
  const auto wait = [&](std::int64_t tokens) {
    return run(runtime_, model->chat(request_of(tokens))).error().retry_after();
  };

  EXPECT_EQ(wait(11), std::nullopt) << "no day holds it";
  ASSERT_TRUE(run(runtime_, model->chat(request_of(10))).has_value());
  EXPECT_EQ(wait(10), 6h);
  on_io(runtime_, [&] { *now += 12h; });
  ASSERT_TRUE(run(runtime_, model->chat(request_of(10))).has_value());
  on_io(runtime_, [&] { *now -= 36h; });
  EXPECT_EQ(wait(10), 54h) << "the month is spent";
}

TEST_F(BudgetedTest, LedgerThatIsAwayFailsTheCallBeforeMoneyIsSpent) {
  limit(10);
  ledger_->away = true;
  const auto model = around(inner_);

  EXPECT_EQ(run(runtime_, model->chat(request_of(5))).error().code(), Errc::unavailable);

  EXPECT_TRUE(inner_->chat_requests().empty());
}

TEST_F(BudgetedTest, DearestModelOfTheChainIsReserved) {
  std::vector<ModelPrice> prices(2);
  prices[0].pattern = "m";
  prices[0].output_micro_usd = 1'000'000;
  prices[1].pattern = "dear";
  prices[1].output_micro_usd = 1'000'000'000'000;
  options_.ledger = ledger_;
  options_.prices = PriceTable::make(std::move(prices)).value();
  options_.other_models = {"dear"};
  limit(10);
  const auto model = make_budgeted(inner_, options_);

  EXPECT_EQ(run(runtime_, model->chat(request_of(11))).error().code(), Errc::budget_exceeded);
  inner_->answer(reply_of(9));
  EXPECT_TRUE(run(runtime_, model->chat(request_of(9))).has_value());
}

}  // namespace
}  // namespace rwp::ai
