#include "support/ai_fixture.hpp"
#include "support/openai_fixture.hpp"
#include <rwp/ai/model_stack.hpp>
#include <rwp/ai_openai/prices.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using ai::FinishReason;

/// What becomes of a fault without a fallback.
struct Outcome {
  const char* word;
  /// None: an answer.
  Errc code = Errc::none;
  FinishReason finish = FinishReason::stop;
  /// Whether another model is asked, where a stream has not begun.
  bool falls_back = false;
  /// A stream has handed out something before the fault.
  bool begins = false;
};

const std::vector<Outcome>& outcomes() {
  static const std::vector<Outcome> all = {
      {"ok"},
      {"slow:50"},
      {"rate_limit:40", Errc::rate_limited, FinishReason::stop, true},
      {"quota", Errc::budget_exceeded, FinishReason::stop, true},
      {"bad_key", Errc::unauthenticated},
      {"server_error", Errc::unavailable, FinishReason::stop, true},
      {"overloaded", Errc::unavailable, FinishReason::stop, true},
      {"bad_gateway", Errc::unavailable, FinishReason::stop, true},
      {"wrong_type", Errc::corrupt, FinishReason::stop, true},
      {"empty", Errc::corrupt, FinishReason::stop, true, true},
      {"malformed", Errc::corrupt, FinishReason::stop, true, true},
      {"cut", Errc::unavailable, FinishReason::stop, true, true},
      {"error_event", Errc::unavailable, FinishReason::stop, true, true},
      {"hang", Errc::deadline_exceeded, FinishReason::stop, true},
      {"stall", Errc::deadline_exceeded, FinishReason::stop, true, true},
      {"refusal", Errc::none, FinishReason::refusal},
      {"length", Errc::none, FinishReason::length},
      {"content_filter", Errc::none, FinishReason::content_filter},
  };
  return all;
}

bool is_silent(const std::string& word) { return word == "hang" || word == "stall"; }

class AiStackFaultTest : public OpenAiFixture {
 protected:
  void SetUp() override {
    net::CurlTransportOptions transport;
    transport.metrics = metrics_;
    transport_ = net::make_curl_transport(runtime_, std::move(transport));
    start();
  }

  /// The whole stack over the fake; `silent`: with time limits that a silence soon exceeds.
  void build(bool fallback, bool silent) {
    ai_openai::OpenAiOptions options;
    options.max_attempts = 1;
    use(std::move(options));
    std::vector<ai::StackMember> members(1);
    members[0].model = model_;
    auto& of_member = members[0].options;
    of_member.retried->max_attempts = 1;
    of_member.breaking->failures = 1'000'000;
    // Out of money opens it; the next call shall not wait for that.
    of_member.breaking->open_for = 1ms;
    if (silent) {
      of_member.attempts->first_piece = 1s;
      of_member.attempts->between_pieces = 1s;
      of_member.attempts->total = 1s;
    }
    if (fallback) {
      second_ = std::make_shared<testing::ScriptedModel>("second");
      second_->answer_with([](const ai::ChatRequest&) {
        ai::ChatReply reply;
        reply.content = "the second model's";
        return reply;
      });
      ai::StackMember member;
      member.model = second_;
      members.push_back(std::move(member));
    }
    ai::StackOptions stack;
    ai::BudgetOptions budget;
    budget.ledger = ledger_;
    budget.prices = ai::PriceTable::make(ai_openai::openai_prices()).value();
    budget.rules.push_back({.limit = Money{1'000'000'000}});
    stack.budgeted = std::move(budget);
    ai::TenantLimitOptions tenants;
    tenants.running = 1;  // A place that leaks shows at the next call.
    stack.tenant_limited = std::move(tenants);
    stack.redacted = ai::RedactOptions();
    stack.cached = ai::CachedOptions();
    stack.cached->cache = ai::make_memory_cache();
    stack.metered = ai::MeterOptions();
    stack.metered->metrics = metrics_;
    stack_ = ai::build_model(std::move(members), std::move(stack)).value();
  }

  ai::ChatRequest fresh_question() {
    auto request = question();
    request.tenant = "acme";
    request.max_output_tokens = 500;
    request.messages[0].content += " No. " + std::to_string(++asked_);
    request.deadline = std::chrono::steady_clock::now() + 15s;
    return request;
  }
  Result<ai::ChatReply> ask_stack(bool streamed) {
    if (!streamed) return run(runtime_, stack_->chat(fresh_question()));
    pieces_.clear();
    ai::OnDelta keep = [this](std::string_view piece) {
      pieces_ += piece;
      return true;
    };
    return run(runtime_, stack_->stream(fresh_question(), std::move(keep)));
  }

  /// Nothing is held any more, and a good call gets through.
  void expect_nothing_leaked(const std::string& what) {
    EXPECT_TRUE(eventually(runtime_, [this] { return ledger_->open_reservations() == 0; })) << what;
    auto& in_flight = metrics_->gauge("rwp_http_client_in_flight", "HTTP exchanges under way.");
    EXPECT_TRUE(eventually(runtime_, [&in_flight] { return in_flight.value() == 0; })) << what;
    run(runtime_, sleep_for(2ms)).value();
    for (const bool streamed : {false, true}) {
      auto good = ask_stack(streamed);
      // The time limits of the silent faults may be too short for a machine that stops.
      if (!good && good.error().code() == Errc::deadline_exceeded) good = ask_stack(streamed);
      EXPECT_TRUE(good.has_value()) << what << ": " << good.error().to_string();
    }
  }

  std::shared_ptr<observability::Metrics> metrics_ = observability::make_metrics();
  std::shared_ptr<MemoryLedger> ledger_ = std::make_shared<MemoryLedger>();
  std::shared_ptr<testing::ScriptedModel> second_;
  std::shared_ptr<ai::Model> stack_;
  int asked_ = 0;
};

TEST_F(AiStackFaultTest, EveryFaultHasItsOutcomeAndLeaksNothing) {
  for (const auto& outcome : outcomes()) {
    for (const bool fallback : {false, true}) {
      for (const bool streamed : {false, true}) {
        const std::string what = std::string(outcome.word) + (streamed ? ", stream" : "") +
                                 (fallback ? ", fallback" : "");
        build(fallback, is_silent(outcome.word));
        play({outcome.word});
        std::int64_t before = 0;
        on_io(runtime_, [&] { before = ledger_->settled_micro_usd(); });

        const auto reply = ask_stack(streamed);

        const bool cut = streamed && outcome.begins && !pieces_.empty();
        const bool saved = fallback && outcome.falls_back && !cut;
        if (saved) {
          ASSERT_TRUE(reply.has_value()) << what << ": " << reply.error().to_string();
          EXPECT_EQ(reply->content, "the second model's") << what;
          EXPECT_TRUE(reply->from_fallback) << what;
        } else if (outcome.code != Errc::none) {
          ASSERT_FALSE(reply.has_value()) << what;
          EXPECT_EQ(reply.error().code(), outcome.code) << what << reply.error().to_string();
        } else {
          ASSERT_TRUE(reply.has_value()) << what << ": " << reply.error().to_string();
          EXPECT_EQ(reply->finish_reason, outcome.finish) << what;
          if (streamed) {
            EXPECT_EQ(pieces_, reply->content) << what;
          }
        }
        expect_nothing_leaked(what);
        // Never more than the worst case of three calls: this one, and the two good ones.
        std::int64_t spent = 0;
        on_io(runtime_, [&] { spent = ledger_->settled_micro_usd() - before; });
        const ai::PriceTable prices = ai::PriceTable::make(ai_openai::openai_prices()).value();
        const auto worst = prices.at_most("fake-gpt", 200, 500).micro_usd;
        EXPECT_LE(spent, (fallback ? 4 : 3) * worst) << what;
      }
    }
  }
}

TEST_F(AiStackFaultTest, CallerWhoGoesLeavesNothingBehindWhereverItIs) {
  for (const char* word : {"hang", "stall", "slow:5000"}) {
    for (const bool streamed : {false, true}) {
      build(false, false);
      play({word});
      const auto before = fake_->request_count();
      const auto call = tests::start(runtime_, stack_, fresh_question(), streamed);
      ASSERT_TRUE(eventually(runtime_, [&] { return fake_->request_count() > before; })) << word;
      call->task.cancel();
      ASSERT_TRUE(eventually(runtime_, [&] { return call->end.has_value(); })) << word;
      EXPECT_EQ(call->end->error().code(), Errc::cancelled) << word;
      expect_nothing_leaked(word);
    }
  }
  EXPECT_TRUE(eventually(runtime_, [this] { return fake_->abandoned_count() >= 4; }));
}

TEST_F(AiStackFaultTest, EndOfTheRuntimeInTheMiddleIsClean) {
  build(true, false);
  play({"hang", "stall"});
  const auto before = fake_->request_count();
  (void)tests::start(runtime_, stack_, fresh_question(), false);
  (void)tests::start(runtime_, stack_, fresh_question(), true);
  EXPECT_TRUE(eventually(runtime_, [&] { return fake_->request_count() > before; }));
  // The fixture's members go, with two calls in flight: sanitizers look on.
}

TEST_F(AiStackFaultTest, SameQuestionIsPaidOnceAndAnsweredTwice) {
  build(false, false);
  auto request = fresh_question();
  const auto first = run(runtime_, stack_->chat(request));
  ASSERT_TRUE(first.has_value()) << first.error().to_string();
  const auto second = run(runtime_, stack_->chat(request));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->source, ai::AnswerSource::cache);
  EXPECT_EQ(second->content, first->content);
  EXPECT_EQ(fake_->request_count(), 1U);
  EXPECT_EQ(ledger_->entries.size(), 1U);
}

}  // namespace
}  // namespace rwp::tests
