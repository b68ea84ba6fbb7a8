#include "support/run.hpp"
#include "support/scripted_transport.hpp"
#include <rwp/ai_openai/batch_api.hpp>
#include <rwp/ai_openai/dialect.hpp>
#include <rwp/ai_openai/moderations.hpp>
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/ai_openai/responses.hpp>
#include <rwp/core/json.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/runtime.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace rwp::ai_openai {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using tests::run;
using tests::ScriptedTransport;

constexpr const char* kBatch =
    R"({"id":"batch_1","object":"batch","endpoint":"/v1/chat/completions","status":"expired",
 "input_file_id":"file-1","output_file_id":"file-2","error_file_id":null,"created_at":1760000000,
 "errors":null,"request_counts":{"total":3,"completed":2,"failed":1},
 "metadata":{"rwp_batch":"b7"},"model":"m"})";

const net::HttpHeaders kEvents{{"Content-Type", "text/event-stream"}};

OpenAiOptions options() {
  OpenAiOptions options;
  options.base_url = "http://ai.test/v1";
  options.api_key = Secret("sk-1");
  return options;
}

class RoutesTest : public ::testing::Test {
 protected:
  const net::HttpRequest& sent(std::size_t index = 0) { return transport_->requests().at(index); }

  Runtime runtime_;
  std::shared_ptr<ScriptedTransport> transport_ = std::make_shared<ScriptedTransport>();
  std::shared_ptr<ai::BatchApi> batches_ = make_openai_batch_api(transport_, options()).value();
  std::shared_ptr<Responses> responses_ = Responses::make(transport_, options()).value();
};

TEST_F(RoutesTest, BatchOfAnUnknownStatusHidesNoOtherAndHasNotEnded) {
  transport_->answer(200, {}, R"({"data":[{"id":"batch_1","status":"resting"},{"status":"failed"},
      {"id":"batch_2","status":"completed"}],"has_more":false})");

  const auto page = run(runtime_, batches_->list(ai::PageQuery())).value();

  ASSERT_EQ(page.items.size(), 2U);
  EXPECT_EQ(page.items[0].status, ai::BatchStatus::unknown);
  EXPECT_FALSE(has_ended(page.items[0].status));
  EXPECT_EQ(page.items[1].id, "batch_2");
}

TEST_F(RoutesTest, FileGoesAsAFormInParts) {
  transport_->answer(200, {}, R"({"id":"file-1","bytes":9,"filename":"a.jsonl","x":1})");
  ai::FileUpload upload;
  upload.filename = "a.jsonl";
  upload.content = "{\"a\":1}\r\n";

  const auto file = run(runtime_, batches_->upload(upload)).value();

  EXPECT_EQ(file.id, "file-1");
  EXPECT_THAT(file.document.str(), HasSubstr("\"x\":1"));
  EXPECT_EQ(sent().url, "http://ai.test/v1/files");
  const std::string type(sent().headers.find("content-type").value());
  const std::string boundary = type.substr(type.find('=') + 1);
  EXPECT_THAT(sent().body, HasSubstr("\r\n\r\n{\"a\":1}\r\n\r\n--" + boundary + "--\r\n"));
  EXPECT_THAT(sent().body, HasSubstr("name=\"purpose\"\r\n\r\nbatch\r\n"));

  upload.filename = "a\"\r\nX: y";
  EXPECT_EQ(run(runtime_, batches_->upload(upload)).error().code(), Errc::invalid_argument);
}

TEST_F(RoutesTest, BatchIsReadAsItStands) {
  transport_->answer(200, {}, kBatch);
  ai::BatchRequest request;
  request.input_file_id = "file-1";
  request.metadata = {{"rwp_batch", "b7"}};

  const auto batch = run(runtime_, batches_->create(request)).value();

  EXPECT_EQ(batch.status, ai::BatchStatus::expired);
  EXPECT_TRUE(has_ended(batch.status));
  EXPECT_EQ(batch.output_file_id, "file-2");
  EXPECT_EQ(batch.error_file_id, "");
  EXPECT_THAT(batch.metadata, ElementsAre(Pair("rwp_batch", "b7")));
  EXPECT_EQ(batch.total, 3);
  EXPECT_EQ(nlohmann::json::parse(sent().body)["metadata"]["rwp_batch"], "b7");
}

TEST_F(RoutesTest, WhatMakesSomethingIsNotRepeatedUnlessNothingWasMade) {
  transport_->fail(Error(Errc::unavailable, "reset"));
  ai::BatchRequest request;
  request.input_file_id = "file-1";
  auto batch = run(runtime_, batches_->create(request));
  EXPECT_EQ(batch.error().code(), Errc::unavailable);
  EXPECT_FALSE(ai::made_nothing(batch.error()));
  EXPECT_EQ(transport_->requests().size(), 1U);

  transport_->answer(429, {{"retry-after-ms", "0"}}, "{}");
  transport_->answer(200, {}, kBatch);
  EXPECT_TRUE(run(runtime_, batches_->create(request)).has_value());
  EXPECT_EQ(transport_->requests().size(), 3U);
}

TEST_F(RoutesTest, ListsHavePagesAndIdsAreEscaped) {
  transport_->answer(200, {}, R"({"data":[)" + std::string(kBatch) + R"(],"has_more":true})");
  ai::PageQuery query;
  query.after = "a/b?c";
  query.limit = 7;

  const auto page = run(runtime_, batches_->list(query)).value();

  EXPECT_TRUE(page.has_more);
  EXPECT_EQ(page.items.at(0).id, "batch_1");
  EXPECT_EQ(sent().url, "http://ai.test/v1/batches?limit=7&after=a%2Fb%3Fc");
}

TEST_F(RoutesTest, ContentIsHandedOnAsItComes) {
  transport_->answer(200, {}, "not JSON\n");
  std::string got;
  ai::OnFilePiece keep = [&](std::string_view piece) {
    got += piece;
    return true;
  };
  EXPECT_TRUE(run(runtime_, batches_->download("file-2", keep)).has_value());
  EXPECT_EQ(got, "not JSON\n");
  EXPECT_EQ(sent().url, "http://ai.test/v1/files/file-2/content");
}

TEST_F(RoutesTest, ResponseIsReadWithTextCallsAndUsage) {
  transport_->answer(200, {},
                     R"({"id":"resp_1","object":"response","status":"completed","model":"m",
 "error":null,"output":[{"type":"reasoning","id":"r"},
 {"type":"message","content":[{"type":"output_text","text":"Hel"},{"type":"output_text","text":"lo"}]},
 {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}],
 "usage":{"input_tokens":9,"output_tokens":4,"output_tokens_details":{"reasoning_tokens":2}}})");
  ResponseRequest request;
  request.body = JsonText::trusted(R"({"input":"Say hello","stream":true})");

  const auto reply = run(runtime_, responses_->create(request)).value();

  EXPECT_EQ(reply.text, "Hello");
  EXPECT_THAT(reply.tool_calls, ElementsAre(ai::ToolCall{"c1", "f", "{}"}));
  EXPECT_EQ(reply.usage.reasoning_tokens, 2);
  const auto body = nlohmann::json::parse(sent().body);
  EXPECT_EQ(body["model"], kDefaultModel);
  EXPECT_FALSE(body.contains("stream"));
}

TEST_F(RoutesTest, ResponseThatFailedOrHasNothingIsAnError) {
  const std::vector<std::pair<std::string, Errc>> bodies{
      {R"({"id":"r","object":"response","status":"failed",)"
       R"("error":{"code":"rate_limit_exceeded","message":"slow"}})",
       Errc::rate_limited},
      {R"({"id":"r","object":"response","status":"failed",)"
       R"("error":{"code":"invalid_prompt","message":"no"}})",
       Errc::invalid_argument},
      {R"({"id":"r","object":"response","status":"completed","output":[]})", Errc::corrupt},
      {R"({"object":"response"})", Errc::corrupt},
      {"<html>", Errc::corrupt}};
  for (const auto& [body, code] : bodies) {
    transport_->answer(200, {}, body);
    ResponseRequest request;
    request.body = JsonText::trusted("{}");
    EXPECT_EQ(run(runtime_, responses_->create(request)).error().code(), code) << body;
  }
}

TEST_F(RoutesTest, StreamedResponseEndsWithItsLastEventAndNotBefore) {
  const std::string begin =
      "event: response.output_text.delta\n"
      "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n";
  const std::string end =
      "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":"
      "{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"content\":"
      "[{\"type\":\"output_text\",\"text\":\"Hi\"}]}]}}\n\n";
  std::vector<std::string> types;
  OnResponseEvent keep = [&](std::string_view type, const JsonText&) {
    types.emplace_back(type);
    return true;
  };
  ResponseRequest request;
  request.body = JsonText::trusted("{}");

  transport_->answer(200, kEvents, begin + end);
  EXPECT_EQ(run(runtime_, responses_->stream(request, keep)).value().text, "Hi");
  EXPECT_THAT(types, ElementsAre("response.output_text.delta", "response.completed"));

  transport_->answer(200, kEvents, begin);
  EXPECT_EQ(run(runtime_, responses_->stream(request, keep)).error().code(), Errc::corrupt);
  transport_->answer(200, kEvents,
                     begin +
                         "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\","
                         "\"message\":\"oops\"}\n\n");
  EXPECT_EQ(run(runtime_, responses_->stream(request, keep)).error().code(), Errc::unavailable);
}

TEST_F(RoutesTest, ModerationHasAResultForEachText) {
  const auto moderations = Moderations::make(transport_, options()).value();
  transport_->answer(200, {}, R"({"model":"omni","results":[{"flagged":true,
 "categories":{"hate":true},"category_scores":{"hate":0.9}},{"flagged":false}]})");
  ModerationRequest request;
  request.texts = {"a", "b"};

  const auto reply = run(runtime_, moderations->moderate(request)).value();
  EXPECT_TRUE(reply.results[0].flagged);
  EXPECT_EQ(reply.results[0].scores.at("hate"), 0.9);
  EXPECT_FALSE(reply.results[1].flagged);

  transport_->answer(200, {}, R"({"results":[{"flagged":false}]})");
  EXPECT_EQ(run(runtime_, moderations->moderate(request)).error().code(), Errc::corrupt);
}

TEST_F(RoutesTest, AzureHasDeploymentsAVersionAndAKeyHeaderOfItsOwn) {
  auto azure = options();
  azure.base_url = "http://x.test/openai/";
  azure.dialect = "azure";
  azure.api_version = "2024-10-21";
  azure.model = "my/gpt";
  const auto model = OpenAiModel::make(transport_, azure).value();
  transport_->answer(200, {},
                     R"({"choices":[{"finish_reason":"stop","message":{"content":"x"}}]})");
  ai::ChatRequest request;
  request.messages.push_back({ai::Role::user, "?"});

  EXPECT_TRUE(run(runtime_, model->chat(request)).has_value());
  EXPECT_EQ(sent().url,
            "http://x.test/openai/deployments/my%2Fgpt/chat/completions?api-version=2024-10-21");
  EXPECT_EQ(sent().headers.find("api-key"), "sk-1");
  EXPECT_FALSE(sent().headers.contains("authorization"));
}

TEST_F(RoutesTest, DialectsSpareServersWhatTheyDoNotKnow) {
  for (const auto& dialect : dialects()) {
    auto theirs = options();
    theirs.dialect = dialect.name;
    theirs.model = "m";
    const auto model = OpenAiModel::make(transport_, theirs).value();
    transport_->answer(200, {}, R"({"choices":[{"message":{"content":"x"}}]})");
    ai::ChatRequest request;
    request.messages.push_back({ai::Role::user, "?"});
    request.max_output_tokens = 5;
    ASSERT_TRUE(run(runtime_, model->chat(request)).has_value());
    const auto body = nlohmann::json::parse(transport_->requests().back().body);
    EXPECT_EQ(body.contains("max_tokens"), dialect.legacy_max_tokens) << dialect.name;
    EXPECT_EQ(make_openai_batch_api(transport_, theirs).has_value(), dialect.batches);
  }
  auto unknown = options();
  unknown.dialect = "klingon";
  EXPECT_EQ(OpenAiModel::make(transport_, unknown).error().code(), Errc::invalid_argument);
}

TEST_F(RoutesTest, RetriesAreAShareOfTheCallsBeyondAReserve) {
  auto eager = options();
  eager.model = "m";
  eager.max_attempts = 2;
  const auto model = OpenAiModel::make(transport_, eager).value();
  ai::ChatRequest request;
  request.messages.push_back({ai::Role::user, "?"});
  constexpr std::size_t kCalls = 20;
  for (std::size_t i = 0; i < 2 * kCalls; ++i) {
    transport_->answer(503, {{"retry-after-ms", "0"}}, "{}");
  }

  for (std::size_t i = 0; i < kCalls; ++i) {
    EXPECT_EQ(run(runtime_, model->chat(request)).error().code(), Errc::unavailable);
  }

  EXPECT_GE(transport_->requests().size(), kCalls + 10);
  EXPECT_LE(transport_->requests().size(), kCalls + 10 + kCalls / 10);
}

TEST_F(RoutesTest, LimitOfOursCountsWhereTheCallersIsNull) {
  const auto model = OpenAiModel::make(transport_, options()).value();
  transport_->answer(200, {}, R"({"model":"m","choices":[{"message":{"content":"hi"},
                                  "finish_reason":"stop"}]})");
  const auto wire = std::make_shared<ai::WireCall>();
  wire->model = "m";
  wire->has_null_bound = true;
  // As a service reads it: the last of two members of one name is the one that counts.
  wire->body = JsonText::parse(R"({"model":"m","max_completion_t\u006fkens":null,"messages":[
      {"role":"user","content":"hi"}],"odd":[1.50]})")
                   .value();
  ai::ChatRequest request;
  request.model = "m";
  ai::Message message;
  message.content = "hi";
  request.messages.push_back(std::move(message));
  request.max_output_tokens = 77;
  request.wire = wire;

  ASSERT_TRUE(run(runtime_, model->chat(request)));

  const JsonDocument said(JsonText::parse(sent().body).value());
  EXPECT_EQ(said.root().find("max_completion_tokens")->as_int64(), 77);
  EXPECT_TRUE(said.root().find("odd").has_value());
}

}  // namespace
}  // namespace rwp::ai_openai
