#include "support/openai_fixture.hpp"
#include <rwp/ai_openai/batch_api.hpp>
#include <rwp/ai_openai/moderations.hpp>
#include <rwp/ai_openai/responses.hpp>

#include <gmock/gmock.h>

#include <algorithm>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// What stands beside chats and embeddings, over real HTTP.
class OpenAiRoutesTest : public OpenAiFixture {
 protected:
  void SetUp() override { start(); }

  ai_openai::OpenAiOptions options() {
    ai_openai::OpenAiOptions options;
    options.base_url = fake_->base_url();
    options.api_key = Secret(kKey);
    options.model = "fake-gpt";
    return options;
  }

  static std::string line(const std::string& id) {
    return R"({"custom_id":")" + id +
           R"(","method":"POST","url":"/v1/chat/completions","body":{"model":"fake-gpt",)"
           R"("messages":[{"role":"user","content":"Nurse )" +
           id + R"( wanted in Leeds."}]}})" + "\n";
  }

  std::string content_of(ai::BatchApi& api, const std::string& id) {
    std::string content;
    ai::OnFilePiece keep = [&](std::string_view piece) {
      content += piece;
      return true;
    };
    const auto got = run(runtime_, api.download(id, keep));
    EXPECT_TRUE(got.has_value()) << got.error().to_string();
    return content;
  }
};

TEST_F(OpenAiRoutesTest, ToolIsCalledAndItsResultAnswered) {
  auto request = question();
  ai::Tool tool;
  tool.name = "save_ad";
  tool.parameters = JsonText::trusted(
      R"({"type":"object","properties":{"title":{"type":"string"}},"required":["title"],)"
      R"("additionalProperties":false})");
  tool.strict = true;
  request.tools.push_back(tool);

  const auto called = ask(request).value();
  EXPECT_EQ(called.finish_reason, ai::FinishReason::tool_calls);
  ASSERT_EQ(called.tool_calls.size(), 1U);
  EXPECT_THAT(called.tool_calls[0].arguments, HasSubstr("Community Nurse"));
  EXPECT_EQ(ask_stream(request).value().tool_calls, called.tool_calls);
  EXPECT_EQ(pieces_, "");

  request.messages.push_back({.role = ai::Role::assistant, .tool_calls = called.tool_calls});
  request.messages.push_back(
      {.role = ai::Role::tool, .content = "saved", .tool_call_id = called.tool_calls[0].id});
  EXPECT_EQ(ask(request).value().finish_reason, ai::FinishReason::stop);
}

TEST_F(OpenAiRoutesTest, LogprobsAndPicturesGoThere) {
  auto request = question();
  request.top_logprobs = 2;
  request.messages[0].images.push_back({.bytes = "PNG", .media_type = "image/png"});
  EXPECT_THAT(ask(request).value().logprobs.str(), HasSubstr("\"token\""));
  EXPECT_THAT(ask_stream(request).value().logprobs.str(), HasSubstr("\"token\""));
  EXPECT_THAT(fake_->requests().back().body, HasSubstr("data:image/png;base64,UE5H"));
}

TEST_F(OpenAiRoutesTest, ResponsesAnswerStreamAndCount) {
  const auto responses = ai_openai::Responses::make(transport_, options()).value();
  ai_openai::ResponseRequest request;
  request.body = JsonText::trusted(R"({"input":"Community nurse in Leeds, with a car."})");

  const auto whole = run(runtime_, responses->create(request)).value();
  EXPECT_EQ(whole.status, "completed");
  EXPECT_FALSE(whole.text.empty());
  std::size_t events = 0;
  ai_openai::OnResponseEvent count = [&](std::string_view, const JsonText&) { return ++events; };
  EXPECT_EQ(run(runtime_, responses->stream(request, count)).value().text, whole.text);
  EXPECT_GE(events, 3U);
  EXPECT_GT(run(runtime_, responses->count_input_tokens(request)).value(), 5);

  for (const char* word : {"cut", "empty"}) {
    play({word});
    EXPECT_FALSE(run(runtime_, responses->stream(request, count)).has_value()) << word;
  }
  play({"quota"});
  EXPECT_EQ(run(runtime_, responses->create(request)).error().code(), Errc::budget_exceeded);
}

TEST_F(OpenAiRoutesTest, ModerationsFlag) {
  const auto moderations = ai_openai::Moderations::make(transport_, options()).value();
  ai_openai::ModerationRequest request;
  request.texts = {"a nurse", "an attack"};
  const auto reply = run(runtime_, moderations->moderate(request)).value();
  EXPECT_FALSE(reply.results[0].flagged);
  EXPECT_TRUE(reply.results[1].flagged);
}

TEST_F(OpenAiRoutesTest, BatchGoesFromItsFileToItsAnswers) {
  const auto api = ai_openai::make_openai_batch_api(transport_, options()).value();
  ai::FileUpload upload;
  upload.filename = "b7.jsonl";
  upload.content = line("a") + line("b") + line("c");
  const auto file = run(runtime_, api->upload(upload)).value();
  EXPECT_EQ(file.bytes, static_cast<std::int64_t>(upload.content.size()));
  EXPECT_EQ(run(runtime_, api->files("batch", ai::PageQuery())).value().items.at(0).filename,
            "b7.jsonl");

  fake_->play_batches({testing::parse_fake_batch_step("partial:2").value()});
  ai::BatchRequest request;
  request.input_file_id = file.id;
  request.metadata = {{"ours", "b7"}};
  const auto made = run(runtime_, api->create(request)).value();
  EXPECT_EQ(made.status, ai::BatchStatus::validating);
  const auto ended = run(runtime_, api->get(made.id)).value();

  EXPECT_EQ(ended.status, ai::BatchStatus::completed);
  EXPECT_EQ(ended.metadata.at("ours"), "b7");
  EXPECT_EQ(ended.completed, 2);
  EXPECT_EQ(ended.failed, 1);
  const std::string good = content_of(*api, ended.output_file_id);
  EXPECT_EQ(std::count(good.begin(), good.end(), '\n'), 2);
  EXPECT_THAT(content_of(*api, ended.error_file_id), HasSubstr("\"custom_id\":\"b\""));
  EXPECT_EQ(fake_->bill().batch_answers, 2U);
  EXPECT_EQ(fake_->bill().answers, 0U);
  EXPECT_EQ(run(runtime_, api->cancel(ended.id)).error().code(), Errc::conflict);
  EXPECT_TRUE(run(runtime_, api->remove_file(file.id)).has_value());
  EXPECT_EQ(run(runtime_, api->file(file.id)).error().code(), Errc::not_found);
}

TEST_F(OpenAiRoutesTest, LostAndLateCreationsLeaveTheOutcomeUnknown) {
  const auto api = ai_openai::make_openai_batch_api(transport_, options()).value();
  ai::FileUpload upload;
  upload.filename = "b8.jsonl";
  upload.content = line("a");
  const auto file = run(runtime_, api->upload(upload)).value();
  fake_->play_batches({testing::parse_fake_batch_step("lost").value(),
                       testing::parse_fake_batch_step("late:600000").value()});
  ai::BatchRequest request;
  request.input_file_id = file.id;

  for (int i = 0; i < 2; ++i) {
    const auto made = run(runtime_, api->create(request));
    EXPECT_EQ(made.error().code(), Errc::unavailable);
    EXPECT_FALSE(ai::made_nothing(made.error()));
  }
  EXPECT_EQ(run(runtime_, api->list(ai::PageQuery())).value().items.size(), 1U);
  EXPECT_EQ(fake_->batch_count(), 2U);
}

TEST_F(OpenAiRoutesTest, LimitIsStrictAndTheBillCountsDistinctQuestions) {
  testing::FakeOpenAiOptions strict;
  strict.rate.requests_per_minute = 3;
  strict.rate.minute = 600s;
  start(std::move(strict));
  ai_openai::OpenAiOptions once;
  once.max_attempts = 1;
  use(once);

  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ask().has_value());
  const auto beyond = ask();

  ASSERT_EQ(beyond.error().code(), Errc::rate_limited);
  EXPECT_GT(beyond.error().retry_after().value(), 60s);
  // What goes on beyond the limit waits the longer.
  EXPECT_GT(ask().error().retry_after().value(), beyond.error().retry_after().value());
  EXPECT_EQ(fake_->limited_count(), 2U);
  EXPECT_EQ(fake_->bill().answers, 3U);
  EXPECT_EQ(fake_->bill().distinct, 1U);
  EXPECT_GT(fake_->bill().microdollars, 0);
}

TEST_F(OpenAiRoutesTest, EachFormOfA429SaysHowLongToWaitWhenItSays) {
  ai_openai::OpenAiOptions once;
  once.max_attempts = 1;
  use(once);
  const auto told = [&](const char* word) {
    play({word});
    const auto reply = ask();
    EXPECT_EQ(reply.error().code(), Errc::rate_limited) << word;
    return reply.error().retry_after();
  };
  EXPECT_EQ(told("rate_limit:250"), 250ms);
  EXPECT_EQ(told("rate_ms:250"), 250ms);
  EXPECT_EQ(told("rate_seconds:2000"), 2s);
  EXPECT_GT(told("rate_date:600000").value(), 500s);
  EXPECT_EQ(told("rate_bare"), std::nullopt);
  EXPECT_EQ(told("rate_reset:250"), std::nullopt);
  EXPECT_EQ(told("slow_down"), std::nullopt);
}

TEST_F(OpenAiRoutesTest, ResetIsUnavailableAndASlowTokenIsNoFault) {
  ai_openai::OpenAiOptions once;
  once.max_attempts = 1;
  use(once);
  play({"reset", "reset", "slow_token:20", "slow_token:20"});
  EXPECT_EQ(ask().error().code(), Errc::unavailable);
  EXPECT_EQ(ask_stream().error().code(), Errc::unavailable);
  EXPECT_TRUE(ask().has_value());
  EXPECT_TRUE(ask_stream().has_value());
}

}  // namespace
}  // namespace rwp::tests
