#include "pods/ai_routes.hpp"
#include "pods/written_model.hpp"
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
  /// What the pod answers, where nothing has been sent.
  int status = 200;
  FinishReason finish = FinishReason::stop;
  /// Whether another model is asked, where a stream has not begun.
  bool falls_back = false;
  /// A stream has handed out something before the fault.
  bool begins = false;
};

Outcome fails(const char* word, Errc code, int status, bool falls_back = true,
              bool begins = false) {
  return {word, code, status, FinishReason::stop, falls_back, begins};
}

Outcome ends(const char* word, FinishReason finish) { return {word, Errc::none, 200, finish}; }

const std::vector<Outcome>& outcomes() {
  static const std::vector<Outcome> all = {
      {"ok"},
      {"slow:50"},
      {"slow_token:50"},
      fails("rate_limit:40", Errc::rate_limited, 429),
      fails("rate_seconds", Errc::rate_limited, 429),
      fails("rate_date", Errc::rate_limited, 429),
      fails("rate_ms:40", Errc::rate_limited, 429),
      fails("rate_reset:40", Errc::rate_limited, 429),
      fails("rate_bare", Errc::rate_limited, 429),
      fails("slow_down", Errc::rate_limited, 429),
      fails("quota", Errc::budget_exceeded, 429),
      fails("bad_key", Errc::unauthenticated, 502, false),
      fails("server_error", Errc::unavailable, 503),
      fails("overloaded", Errc::unavailable, 503),
      fails("bad_gateway", Errc::unavailable, 503),
      fails("reset", Errc::unavailable, 503),
      fails("wrong_type", Errc::corrupt, 502),
      fails("empty", Errc::corrupt, 502, true, true),
      fails("malformed", Errc::corrupt, 502, true, true),
      fails("huge:20", Errc::corrupt, 502, true, true),
      fails("cut", Errc::unavailable, 503, true, true),
      fails("error_event", Errc::unavailable, 503, true, true),
      fails("hang", Errc::deadline_exceeded, 504),
      fails("stall", Errc::deadline_exceeded, 504, true, true),
      ends("refusal", FinishReason::refusal),
      ends("length", FinishReason::length),
      ends("content_filter", FinishReason::content_filter),
      // Whoever asks for a schema holds the answer to it; without one it is an answer.
      {"misfit"},
  };
  return all;
}

bool is_silent(const std::string& word) { return word == "hang" || word == "stall"; }

/// Keeps what a streamed answer of the pod writes.
class KeptPieces final : public server::ResponseWriter {
 public:
  boost::asio::awaitable<Result<void>> write(std::string piece) override {
    text += piece;
    co_return Result<void>();
  }
  std::string text;
};

boost::asio::awaitable<Result<server::Response>> as_result(
    boost::asio::awaitable<server::Response> answer) {
  co_return co_await std::move(answer);
}

/// What the pod answered: the body, of a stream all of it.
struct PodAnswer {
  int status = 0;
  std::string body{};
  /// Whether a stream came to its end; else the connection is cut.
  bool whole = true;
};

class AiStackFaultTest : public OpenAiFixture {
 protected:
  void SetUp() override {
    net::CurlTransportOptions transport;
    transport.metrics = metrics_;
    transport_ = net::make_curl_transport(runtime_, std::move(transport));
    start();
  }

  /// The whole stack over the fake; `silent`: with time limits that a silence soon exceeds; `pod`:
  /// as a pod has it.
  void build(bool fallback, bool silent, bool pod = false) {
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
    // Some faults tell waits of a second, which are another test's.
    of_member.limited.reset();
    if (silent) {
      of_member.attempts->first_piece = 500ms;
      of_member.attempts->between_pieces = 500ms;
      of_member.attempts->total = 500ms;
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
      if (pod) member.model = pods::write_as_openai(second_);
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
    if (!pod) stack.redacted = ai::RedactOptions();
    if (pod) stack.validated.reset();
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

  /// The same through the routes of a pod.
  PodAnswer ask_pod(bool streamed) {
    pods::AiRoutes routes;
    routes.model = stack_;
    routes.model_executor = runtime_.executor();
    routes.other_models = true;
    routes.pass_through = true;
    const auto handlers = pods::make_ai_handlers(std::move(routes));
    server::Request request;
    request.method = "POST";
    request.headers.set("Content-Type", "application/json");
    request.identity.tenant = "acme";
    request.body = R"({"model":"fake-gpt","max_completion_tokens":500,"messages":[{"role":"user",)"
                   R"("content":"Title: Community Nurse, Leeds. No. )" +
                   std::to_string(++asked_) + "\"}]" + (streamed ? R"(,"stream":true})" : "}");
    PodAnswer answer;
    auto response = run(runtime_, as_result(handlers.chat(std::move(request))));
    if (!response) return answer;
    answer.status = response->status;
    answer.body = response->body;
    if (response->stream) {
      KeptPieces pieces;
      answer.whole = run(runtime_, response->stream(pieces)).has_value();
      answer.body = pieces.text;
      // Gone on the thread that it belongs to.
      on_io(runtime_, [&] { response->stream = nullptr; });
    }
    return answer;
  }

  void check_pod(const Outcome& outcome, bool streamed, bool fallback, const std::string& what) {
    const auto answer = ask_pod(streamed);
    const bool begun = answer.status == 200 && streamed;
    const bool cut = begun && outcome.begins && outcome.code != Errc::none && !answer.whole;
    if (cut) {
      // Never a short answer that looks whole: an error of the API's form, and no end.
      EXPECT_THAT(answer.body, ::testing::HasSubstr("\"error\"")) << what;
      EXPECT_THAT(answer.body, ::testing::Not(::testing::HasSubstr("[DONE]"))) << what;
      return;
    }
    const bool saved = fallback && outcome.falls_back;
    EXPECT_EQ(answer.status, saved ? 200 : outcome.status) << what << answer.body.substr(0, 300);
    EXPECT_TRUE(answer.whole) << what;
    if (saved) {
      EXPECT_THAT(answer.body, ::testing::HasSubstr("second")) << what;
    }
    if (answer.status != 200) {
      EXPECT_THAT(answer.body, ::testing::StartsWith("{\"error\":")) << what;
    } else if (streamed) {
      EXPECT_THAT(answer.body, ::testing::HasSubstr("[DONE]")) << what;
    }
  }

  /// Nothing is held any more, and a good call gets through. How many more that took, as each may
  /// have been paid for.
  int expect_nothing_leaked(const std::string& what) {
    EXPECT_TRUE(eventually(runtime_, [this] { return ledger_->open_reservations() == 0; })) << what;
    auto& in_flight = metrics_->gauge("rwp_http_client_in_flight", "HTTP exchanges under way.");
    EXPECT_TRUE(eventually(runtime_, [&in_flight] { return in_flight.value() == 0; })) << what;
    run(runtime_, sleep_for(2ms)).value();
    auto good = ask_stack(asked_ % 2 == 0);
    // The time limits of the silent faults may be too short for a machine that stops.
    int more = 0;
    while (more < 20 && !good && good.error().code() == Errc::deadline_exceeded) {
      ++more;
      good = ask_stack(false);
    }
    EXPECT_TRUE(good.has_value()) << what << ": " << good.error().to_string();
    return more;
  }

  static void expect_asked_once(std::uint64_t requests, const std::string& word,
                                const std::string& what) {
    // Within a short time limit a slow machine may not have asked at all.
    const std::uint64_t least = is_silent(word) ? 0 : 1;
    EXPECT_THAT(requests, ::testing::AllOf(::testing::Ge(least), ::testing::Le(1U))) << what;
  }

  std::int64_t settled() {
    std::int64_t sum = 0;
    on_io(runtime_, [&] { sum = ledger_->settled_micro_usd(); });
    return sum;
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
        const auto before = settled();
        const auto requests = fake_->request_count();

        const auto reply = ask_stack(streamed);

        expect_asked_once(fake_->request_count() - requests, outcome.word, what);
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
        const int more = expect_nothing_leaked(what);
        // Never more than the worst case of each call: this one, its fallback, and the good one.
        const ai::PriceTable prices = ai::PriceTable::make(ai_openai::openai_prices()).value();
        const auto worst = prices.at_most("fake-gpt", 200, 500).micro_usd;
        const int most = fallback ? 3 + 2 * more : 2 + more;
        EXPECT_LE(settled() - before, most * worst) << what;
      }
    }
  }
}

TEST_F(AiStackFaultTest, EveryFaultHasItsOutcomeThroughThePodToo) {
  for (const auto& outcome : outcomes()) {
    for (const bool fallback : {false, true}) {
      for (const bool streamed : {false, true}) {
        const std::string what = std::string(outcome.word) + ", pod" +
                                 (streamed ? ", stream" : "") + (fallback ? ", fallback" : "");
        build(fallback, is_silent(outcome.word), true);
        play({outcome.word});
        const auto before = settled();
        const auto requests = fake_->request_count();

        check_pod(outcome, streamed, fallback, what);

        expect_asked_once(fake_->request_count() - requests, outcome.word, what);
        const int more = expect_nothing_leaked(what);
        const ai::PriceTable prices = ai::PriceTable::make(ai_openai::openai_prices()).value();
        const auto worst = prices.at_most("fake-gpt", 200, 500).micro_usd;
        const int most = fallback ? 3 + 2 * more : 2 + more;
        EXPECT_LE(settled() - before, most * worst) << what;
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
