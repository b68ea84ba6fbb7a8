#include "support/openai_fixture.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

class OpenAiFaultTest : public OpenAiFixture {
 protected:
  void SetUp() override { start(); }

  void use_attempts(int attempts) {
    ai_openai::OpenAiOptions options;
    options.max_attempts = attempts;
    use(std::move(options));
  }

  /// The error of an answer to chat() and to stream() that meets `word` and is not repeated.
  std::vector<Error> errors_of(const std::string& word) {
    use_attempts(1);
    play({word, word});
    std::vector<Error> errors;
    for (const auto& reply : {ask(), ask_stream()}) {
      EXPECT_FALSE(reply.has_value()) << word;
      errors.push_back(reply ? Error() : reply.error());
    }
    return errors;
  }
};

struct Expected {
  const char* word;
  Errc code;
  bool retryable;
};

TEST_F(OpenAiFaultTest, EachFaultIsTheErrorThatSaysWhatCanBeDone) {
  const std::vector<Expected> cases = {
      {"rate_limit:40", Errc::rate_limited, true},
      {"quota", Errc::budget_exceeded, false},
      {"bad_key", Errc::unauthenticated, false},
      {"server_error", Errc::unavailable, true},
      {"overloaded", Errc::unavailable, true},
      {"bad_gateway", Errc::unavailable, true},
      {"cut", Errc::unavailable, true},
      {"malformed", Errc::corrupt, true},
      {"wrong_type", Errc::corrupt, true},
      {"empty", Errc::corrupt, true},
      {"error_event", Errc::unavailable, true},
  };
  for (const auto& one : cases) {
    for (const auto& error : errors_of(one.word)) {
      EXPECT_EQ(error.code(), one.code) << one.word << ": " << error.to_string();
      EXPECT_EQ(error.retryable(), one.retryable) << one.word << ": " << error.to_string();
    }
  }
}

TEST_F(OpenAiFaultTest, FailuresBeforeAnAnswerAreRepeated) {
  play({"server_error", "rate_limit:20", "ok"});
  const auto reply = ask();
  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(fake_->request_count(), 3U);

  play({"overloaded", "bad_gateway", "ok"});
  EXPECT_TRUE(ask_stream().has_value());
  EXPECT_EQ(fake_->request_count(), 6U);
}

TEST_F(OpenAiFaultTest, AttemptsEnd) {
  play({"rate_limit:10", "rate_limit:20", "rate_limit:30", "ok"});

  const auto reply = ask();

  EXPECT_EQ(reply.error().code(), Errc::rate_limited);
  EXPECT_EQ(reply.error().retry_after(), 30ms);
  EXPECT_EQ(fake_->request_count(), 3U);
}

TEST_F(OpenAiFaultTest, FinalRefusalsAreNotRepeated) {
  for (const char* word : {"quota", "bad_key"}) {
    fake_->forget_requests();
    play({word});
    EXPECT_FALSE(ask().has_value());
    EXPECT_EQ(fake_->request_count(), 1U) << word;
  }
}

TEST_F(OpenAiFaultTest, AnswersThatWerePaidForAreNotAskedForAgain) {
  for (const char* word : {"cut", "malformed", "empty", "error_event"}) {
    fake_->forget_requests();
    play({word});
    EXPECT_FALSE(ask_stream().has_value()) << word;
    play({word});
    EXPECT_FALSE(ask().has_value()) << word;
    EXPECT_EQ(fake_->request_count(), 2U) << word;
  }
}

TEST_F(OpenAiFaultTest, WaitThatTheDeadlineDoesNotHoldIsNotBegun) {
  play({"rate_limit:60000"});
  auto request = question();
  request.deadline = std::chrono::steady_clock::now() + 5s;
  const auto begun = std::chrono::steady_clock::now();

  const auto reply = ask(std::move(request));

  EXPECT_EQ(reply.error().code(), Errc::rate_limited);
  EXPECT_EQ(reply.error().retry_after(), 60s);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s);
}

TEST_F(OpenAiFaultTest, SilenceWithinAnAnswerEndsAtTheIdleTimeout) {
  ai_openai::OpenAiOptions options;
  options.idle_timeout = 150ms;
  use(std::move(options));
  play({"stall", "stall"});

  EXPECT_EQ(ask_stream().error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(ask().error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(fake_->request_count(), 2U);
}

TEST_F(OpenAiFaultTest, NoAnswerAtAllEndsAtTheHeadTimeoutAndIsNotRepeated) {
  ai_openai::OpenAiOptions options;
  options.head_timeout = 150ms;
  use(std::move(options));
  play({"hang"});

  EXPECT_EQ(ask().error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(fake_->request_count(), 1U);
}

TEST_F(OpenAiFaultTest, DeadlineEndsEachWait) {
  for (const char* word : {"hang", "stall"}) {
    for (const bool stream : {false, true}) {
      play({word});
      auto request = question();
      request.deadline = std::chrono::steady_clock::now() + 150ms;
      const auto reply = stream ? ask_stream(std::move(request)) : ask(std::move(request));
      EXPECT_EQ(reply.error().code(), Errc::deadline_exceeded) << word << stream;
    }
  }
}

TEST_F(OpenAiFaultTest, HugeAnswersAreBounded) {
  ai_openai::OpenAiOptions options;
  options.max_response_bytes = std::size_t{1} << 20U;
  use(std::move(options));
  play({"huge", "huge"});

  const auto whole = ask();
  const auto streamed = ask_stream();

  EXPECT_EQ(whole.error().code(), Errc::corrupt);
  EXPECT_FALSE(whole.error().retryable());
  EXPECT_EQ(streamed.error().code(), Errc::corrupt);
  EXPECT_LE(pieces_.size(), std::size_t{1} << 20U);
}

TEST_F(OpenAiFaultTest, CutStreamHandsOutPiecesAndThenAnError) {
  play({"cut"});

  const auto reply = ask_stream();

  EXPECT_FALSE(reply.has_value());
  EXPECT_NE(pieces_, "");
}

TEST_F(OpenAiFaultTest, KeyStandsInNoErrorAndNoLog) {
  for (const char* word : {"bad_key", "server_error", "cut", "malformed", "wrong_type"}) {
    for (const auto& error : errors_of(word)) {
      EXPECT_THAT(error.to_string(), Not(HasSubstr(kKey))) << word;
    }
  }
  play({"server_error", "ok"});
  use_attempts(3);
  EXPECT_TRUE(ask().has_value());
  EXPECT_EQ(fake_->requests().back().headers.find("authorization"), "Bearer " + std::string(kKey));
  EXPECT_FALSE(log_->lines().empty());
  for (const auto& line : log_->lines()) {
    for (const auto& field : line.fields) {
      const auto* text = std::get_if<std::string>(&field.value());
      if (text == nullptr) continue;
      EXPECT_THAT(*text, Not(HasSubstr(kKey)));
    }
  }
}

TEST_F(OpenAiFaultTest, NobodyListeningIsUnavailable) {
  use_attempts(2);
  fake_.reset();

  const auto reply = ask();

  EXPECT_EQ(reply.error().code(), Errc::unavailable);
  EXPECT_TRUE(reply.error().retryable());
}

/// Where a call waits when it is cancelled.
class OpenAiCancelTest : public OpenAiFaultTest,
                         public ::testing::WithParamInterface<const char*> {};

TEST_P(OpenAiCancelTest, CancellationEndsTheWaitAndTheRequest) {
  const std::string wait = GetParam();
  const bool stream = wait == "stall";
  play({wait});
  auto call = [](std::shared_ptr<ai_openai::OpenAiModel> model, bool streamed,
                 std::atomic<int>* seen,
                 std::optional<Result<ai::ChatReply>>* kept) -> boost::asio::awaitable<void> {
    if (streamed) {
      ai::OnDelta count = [seen](std::string_view) {
        ++*seen;
        return true;
      };
      kept->emplace(co_await model->stream(question(), std::move(count)));
    } else {
      kept->emplace(co_await model->chat(question()));
    }
  };
  std::atomic<int> pieces{0};
  std::optional<Result<ai::ChatReply>> outcome;
  std::promise<void> done;
  Task task(runtime_.executor(), call(model_, stream, &pieces, &outcome),
            [&](std::exception_ptr) { done.set_value(); });
  const auto limit = std::chrono::steady_clock::now() + kGuard;
  const auto until = [limit](auto&& condition) {
    while (!condition() && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    return condition();
  };
  ASSERT_TRUE(until([&] { return fake_->request_count() > 0 && (!stream || pieces > 0); }));
  if (wait.starts_with("rate_limit")) {
    ASSERT_TRUE(until([&] { return log_->count("request is repeated") > 0; }));
  }
  task.cancel();

  ASSERT_EQ(done.get_future().wait_for(kGuard), std::future_status::ready);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->error().code(), Errc::cancelled);
  if (!wait.starts_with("rate_limit")) {
    EXPECT_TRUE(until([&] { return fake_->abandoned_count() == 1; }))
        << "the other side works for nobody";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Waits, OpenAiCancelTest, ::testing::Values("hang", "stall", "rate_limit:60000"),
    [](const auto& wait) {
      return std::string(wait.param).substr(0, std::string(wait.param).find(':'));
    });

}  // namespace
}  // namespace rwp::tests
