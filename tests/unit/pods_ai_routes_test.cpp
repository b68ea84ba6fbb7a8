#include "pods/ai_routes.hpp"
#include "pods/openai_error.hpp"
#include "support/run.hpp"
#include <rwp/ai_local/local_model.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kHello = R"({"model":"test","messages":[{"role":"user","content":"Hello"}]})";

/// Keeps what a streamed answer writes.
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

boost::asio::awaitable<Result<std::vector<std::string>>> two_models() {
  co_return std::vector<std::string>{"a", "org/b:latest"};
}

/// An answer and, when it was streamed, all that was written and how it ended.
struct Answered {
  server::Response response{};
  std::string body{};
  Result<void> streamed{};

  JsonDocument json() const {
    const auto text = JsonText::parse(body);
    return JsonDocument(text ? *text : JsonText());
  }
};

class AiRoutesTest : public ::testing::Test {
 protected:
  Answered call(const server::Handler& handler, std::string body,
                std::string content_type = "application/json") {
    server::Request request;
    request.method = "POST";
    request.headers.set("Content-Type", std::move(content_type));
    request.body = std::move(body);
    request.identity.tenant = "acme";
    return ask(handler, std::move(request));
  }

  Answered ask(const server::Handler& handler, server::Request request) {
    Answered answered;
    auto response = tests::run(runtime_, as_result(handler(std::move(request))));
    if (!response) {
      ADD_FAILURE() << response.error().to_string();
      return answered;
    }
    answered.response = std::move(*response);
    answered.body = answered.response.body;
    if (answered.response.stream) {
      KeptPieces pieces;
      answered.streamed = tests::run(runtime_, answered.response.stream(pieces));
      answered.body = pieces.text;
    }
    // Gone on the thread that it belongs to.
    answered.response.stream = nullptr;
    return answered;
  }

  AiHandlers handlers_of(std::shared_ptr<ai::Model> model) {
    AiRoutes routes;
    routes.models = {model->default_model()};
    routes.model = std::move(model);
    routes.model_executor = runtime_.executor();
    routes.ping_every = 20ms;
    return make_ai_handlers(std::move(routes));
  }

  /// {status} {code} {param} of a refusal of this chat.
  std::string refusal(const std::string& body) { return refusal_of(call(handlers_.chat, body)); }
  std::string embed_refusal(const std::string& body) {
    return refusal_of(call(handlers_.embeddings, body));
  }
  static std::string refusal_of(const Answered& answered) {
    const auto document = answered.json();
    const auto error = document.root().find("error");
    if (!error) return std::to_string(answered.response.status) + " no error object";
    const auto text = [&](const char* name) {
      const auto member = error->find(name);
      if (!member) return std::string("absent");
      return std::string(member->as_string().value_or("null"));
    };
    if (text("message").empty() || text("type").empty()) return "no message or type";
    return std::to_string(answered.response.status) + " " + text("code") + " " + text("param");
  }
  /// A refusal of a chat with one member more.
  std::string refusal_with(const std::string& member) {
    return refusal(R"({"model":"test","messages":[{"role":"user","content":"Hello"}],)" + member +
                   "}");
  }

  Runtime runtime_;
  std::shared_ptr<testing::ScriptedModel> model_ = std::make_shared<testing::ScriptedModel>("test");
  AiHandlers handlers_ = handlers_of(model_);
};

TEST_F(AiRoutesTest, WhatTheServiceDoesNotFindIsNotTakenForItsResponses) {
  AiRoutes routes;
  routes.models = {"test"};
  routes.model = model_;
  routes.model_executor = runtime_.executor();
  routes.pass_through = true;
  const auto handlers = make_ai_handlers(std::move(routes));
  std::vector<ai::WireApi> asked;
  model_->answer_with([&asked](const ai::ChatRequest& request) -> Result<ai::ChatReply> {
    asked.push_back(request.wire->api);
    if (request.wire->body.str().find("pmpt_1") != std::string::npos) {
      request.wire->refusal.status = 404;
      request.wire->refusal.body = R"({"error":{"message":"Prompt with id 'pmpt_1' not found."}})";
      return Error(Errc::not_found, "no such prompt");
    }
    ai::ChatReply reply;
    reply.wire = std::make_shared<const std::string>(R"({"object":"response"})");
    return reply;
  });

  const auto missing =
      call(handlers.responses, R"({"model":"test","input":"x","prompt":{"id":"pmpt_1"}})");
  const auto other = call(handlers.responses, R"({"model":"test","input":"a \"prompt\""})");

  EXPECT_EQ(missing.response.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("pmpt_1"));
  EXPECT_EQ(other.body, R"({"object":"response"})");
  EXPECT_EQ(asked, std::vector<ai::WireApi>(2, ai::WireApi::responses));
}

TEST_F(AiRoutesTest, ChatAnswersAsOpenAiDoes) {
  ai::ChatReply reply;
  reply.content = "Hi.";
  reply.usage.input_tokens = 3;
  reply.usage.output_tokens = 2;
  reply.usage.cached_input_tokens = 1;
  model_->answer(reply);

  const auto answered = call(handlers_.chat, R"({"model":"test","temperature":0.5,"max_tokens":9,
      "messages":[{"role":"developer","content":"Be brief."},
                  {"role":"user","content":[{"type":"text","text":"Hel"},{"type":"text","text":"lo"}]},
                  {"role":"assistant","content":"Yes?","refusal":null,"annotations":[]},
                  {"role":"user","content":"Hello again"}]})");

  ASSERT_EQ(answered.response.status, 200) << answered.body;
  const auto document = answered.json();
  const auto root = document.root();
  EXPECT_THAT(std::string(*root.find("id")->as_string()), StartsWith("chatcmpl-"));
  EXPECT_EQ(root.find("object")->as_string(), "chat.completion");
  EXPECT_EQ(root.find("model")->as_string(), "test");
  const auto choice = root.find("choices")->at(0);
  EXPECT_EQ(choice.find("finish_reason")->as_string(), "stop");
  EXPECT_EQ(choice.find("message")->find("content")->as_string(), "Hi.");
  EXPECT_TRUE(choice.find("message")->find("refusal")->is_null());
  EXPECT_EQ(root.find("usage")->find("total_tokens")->as_int64(), 5);
  EXPECT_EQ(root.find("usage")->find("prompt_tokens_details")->find("cached_tokens")->as_int64(),
            1);
  ASSERT_THAT(model_->chat_requests(), SizeIs(1));
  const auto& asked = model_->chat_requests()[0];
  EXPECT_EQ(asked.tenant, "acme");
  EXPECT_EQ(asked.temperature, 0.5);
  EXPECT_EQ(asked.max_output_tokens, 9);
  ASSERT_THAT(asked.messages, SizeIs(4));
  EXPECT_EQ(asked.messages[0].role, ai::Role::system);
  EXPECT_EQ(asked.messages[1].content, "Hello");
  EXPECT_EQ(asked.messages[2].role, ai::Role::assistant);
}

TEST_F(AiRoutesTest, RefusalOfTheModelIsNoContent) {
  ai::ChatReply reply;
  reply.content = "I will not.";
  reply.finish_reason = ai::FinishReason::refusal;
  model_->answer(reply);

  const auto answered = call(handlers_.chat, kHello);

  const auto document = answered.json();
  const auto message = document.root().find("choices")->at(0).find("message");
  EXPECT_TRUE(message->find("content")->is_null());
  EXPECT_EQ(message->find("refusal")->as_string(), "I will not.");
}

TEST_F(AiRoutesTest, StructuredOutputReachesTheModelWithItsSchema) {
  model_->answer(R"({"skills":[]})");

  const auto answered =
      call(handlers_.chat, R"({"model":"test","messages":[{"role":"user","content":"x"}],
      "response_format":{"type":"json_schema","json_schema":{"name":"ad","strict":true,
      "schema":{"type":"object","properties":{"skills":{"type":"array"}},"required":["skills"],
                "additionalProperties":false}}}})");

  ASSERT_EQ(answered.response.status, 200) << answered.body;
  ASSERT_TRUE(model_->chat_requests().at(0).output_schema.has_value());
  EXPECT_EQ(model_->chat_requests()[0].output_schema->name, "ad");
  EXPECT_THAT(model_->chat_requests()[0].output_schema->schema.str(), HasSubstr("skills"));
}

TEST_F(AiRoutesTest, RefusalsNameTheParameterAndTheRule) {
  EXPECT_EQ(refusal("{"), "400 invalid_json null");
  EXPECT_EQ(refusal("[]"), "400 invalid_type null");
  EXPECT_EQ(refusal("\"\xC3\x28\""), "400 invalid_json null");
  EXPECT_EQ(refusal(std::string(1'000, '[') + std::string(1'000, ']')), "400 invalid_json null");
  EXPECT_EQ(refusal("{}"), "400 missing_required_parameter model");
  EXPECT_EQ(refusal(R"({"model":7})"), "400 invalid_type model");
  EXPECT_EQ(refusal(R"({"model":"test","messages":[],"messages":[]})"),
            "400 duplicate_parameter messages");
  EXPECT_EQ(refusal(R"({"model":"test"})"), "400 missing_required_parameter messages");
  EXPECT_EQ(refusal(R"({"model":"test","messages":{}})"), "400 invalid_type messages");
  EXPECT_EQ(refusal(R"({"model":"test","messages":[]})"), "400 invalid_value messages");
  EXPECT_EQ(refusal(R"({"model":"test","messages":["x"]})"), "400 invalid_type messages[0]");
  EXPECT_EQ(refusal(R"({"model":"test","messages":[{"content":"x"}]})"),
            "400 missing_required_parameter messages[0].role");
  EXPECT_EQ(refusal(R"({"model":"test","messages":[{"role":"tool","content":"x"}]})"),
            "400 unsupported_value messages[0].role");
  EXPECT_EQ(refusal(R"({"model":"test","messages":[{"role":"user","content":7}]})"),
            "400 invalid_type messages[0].content");
  EXPECT_EQ(refusal(R"({"model":"test","messages":[{"role":"user","content":""}]})"),
            "400 invalid_value messages[0].content");
  EXPECT_EQ(refusal(R"({"model":"test","messages":[{"role":"user","content":"x","nick":"y"}]})"),
            "400 unknown_parameter messages[0].nick");
  EXPECT_EQ(
      refusal(R"({"model":"test","messages":[{"role":"user","content":[{"type":"image_url"}]}]})"),
      "400 unsupported_value messages[0].content[0].type");
  EXPECT_EQ(refusal_with(R"("temperature":2.5)"), "400 invalid_value temperature");
  EXPECT_EQ(refusal_with(R"("temperature":"hot")"), "400 invalid_type temperature");
  EXPECT_EQ(refusal_with(R"("max_tokens":0)"), "400 invalid_value max_tokens");
  EXPECT_EQ(refusal_with(R"("max_tokens":1.5)"), "400 invalid_value max_tokens");
  EXPECT_EQ(refusal_with(R"("n":2)"), "400 invalid_value n");
  EXPECT_EQ(refusal_with(R"("stream":"yes")"), "400 invalid_type stream");
  EXPECT_EQ(refusal_with(R"("stream_options":{"include_usage":true})"),
            "400 invalid_value stream_options");
  EXPECT_EQ(refusal_with(R"("metadata":{"a":1})"), "400 invalid_type metadata.a");
  EXPECT_EQ(refusal_with(R"("colour":"red")"), "400 unknown_parameter colour");
  EXPECT_THAT(model_->chat_requests(), SizeIs(0));
}

TEST_F(AiRoutesTest, WhatAModelCannotDoIsRefusedAndNotLeftOut) {
  for (const auto* const member :
       {R"("tools":[])", R"("seed":1)", R"("stop":"x")", R"("logit_bias":{})",
        R"("reasoning_effort":"low")", R"("top_logprobs":2)", R"("audio":{})"}) {
    EXPECT_THAT(refusal_with(member), StartsWith("400 unsupported_parameter ")) << member;
  }
  EXPECT_EQ(refusal_with(R"("top_p":0.5)"), "400 invalid_value top_p");
  EXPECT_EQ(refusal_with(R"("store":true)"), "400 invalid_value store");
}

TEST_F(AiRoutesTest, WhatChangesNoAnswerIsTaken) {
  model_->answer("Hi.");

  const auto answered = call(handlers_.chat, R"({"model":"test","n":1,"top_p":1,"store":false,
      "presence_penalty":0,"frequency_penalty":null,"user":"u1","metadata":{"a":"b"},"seed":null,
      "logprobs":false,"service_tier":"auto","modalities":["text"],"stop":null,
      "response_format":{"type":"text"},"messages":[{"role":"user","content":"Hello"}]})");

  EXPECT_EQ(answered.response.status, 200) << answered.body;
}

TEST_F(AiRoutesTest, SchemaThatCouldTakeForeverIsRefused) {
  const auto refused = [&](const std::string& schema) {
    return refusal_with(R"("response_format":{"type":"json_schema","json_schema":{"name":"x",)"
                        R"("schema":)" +
                        schema + "}}");
  };
  std::string doubling = R"({"$ref":"#/$defs/a0","$defs":{)";
  for (int i = 0; i < 40; ++i) {
    const std::string next = R"({"$ref":"#/$defs/a)" + std::to_string(i + 1) + "\"}";
    doubling.append("\"a").append(std::to_string(i)).append(R"(":{"allOf":[)");
    doubling.append(next).append(",").append(next).append("]},");
  }
  doubling += R"("a40":{}}})";

  EXPECT_EQ(refused(R"({"type":"string","pattern":"(a+)+$"})"),
            "400 invalid_json_schema response_format");
  EXPECT_EQ(refused(R"({"patternProperties":{"(a+)+$":{}}})"),
            "400 invalid_json_schema response_format");
  EXPECT_EQ(refused(R"({"anyOf":[{"properties":{"x":{"$ref":"#"}}},{"type":"null"}]})"),
            "400 invalid_json_schema response_format");
  EXPECT_EQ(refused(doubling), "400 invalid_json_schema response_format");
  EXPECT_EQ(refused(R"({"type":"nonsense"})"), "400 invalid_json_schema response_format");
  EXPECT_EQ(refused("[]"), "400 invalid_type response_format.json_schema.schema");
}

TEST_F(AiRoutesTest, OtherModelIsNotFound) {
  EXPECT_EQ(refusal(R"({"model":"gpt-4o","messages":[{"role":"user","content":"x"}]})"),
            "404 model_not_found null");
  EXPECT_EQ(embed_refusal(R"({"model":"gpt-4o","input":"x"})"), "404 model_not_found null");
}

TEST_F(AiRoutesTest, BodyOfAnotherTypeIsRefused) {
  EXPECT_EQ(refusal_of(call(handlers_.chat, kHello, "text/plain")),
            "415 unsupported_media_type null");
  model_->answer("Hi.");
  EXPECT_EQ(call(handlers_.chat, kHello, "Application/JSON; charset=utf-8").response.status, 200);
}

TEST_F(AiRoutesTest, HugeInputsAreRefusedByTheirOwnNames) {
  std::string many = R"({"model":"test","messages":[)";
  for (int i = 0; i < 1'001; ++i) many += R"({"role":"user","content":"x"},)";
  many.back() = ']';
  std::string nodes = R"({"model":"test","messages":[)";
  for (int i = 0; i < 200'000; ++i) nodes += "[],";
  nodes.back() = ']';

  EXPECT_EQ(refusal(many + "}"), "400 invalid_value messages");
  EXPECT_EQ(refusal(nodes + "}"), "400 request_too_large null");
  EXPECT_EQ(refusal(R"({"model":"test","messages":[{"role":"user","content":")" +
                    std::string(5'000'000, 'x') + "\"}]}"),
            "400 invalid_value messages");
}

TEST_F(AiRoutesTest, FailureOfTheModelHasItsStatusAndCode) {
  const auto outcome = [&](Error error) {
    model_->fail(std::move(error));
    return refusal(kHello);
  };

  EXPECT_EQ(outcome(Error(Errc::unavailable, "down")), "503 model_unavailable null");
  EXPECT_EQ(outcome(Error(Errc::deadline_exceeded, "late")), "504 deadline_exceeded null");
  EXPECT_EQ(outcome(Error(Errc::corrupt, "garbled")), "502 bad_model_answer null");
  EXPECT_EQ(outcome(Error(Errc::budget_exceeded, "spent")), "429 insufficient_quota null");
  EXPECT_EQ(outcome(Error(Errc::unsupported, "no")), "400 unsupported_value null");
  EXPECT_EQ(outcome(Error(Errc::internal, "bug")), "500 internal_error null");
}

TEST_F(AiRoutesTest, RateLimitTellsHowLongToWait) {
  model_->fail(Error(Errc::rate_limited, "slow down").with_retry_after(2'500ms));

  const auto answered = call(handlers_.chat, kHello);

  EXPECT_EQ(refusal_of(answered), "429 rate_limit_exceeded null");
  EXPECT_EQ(answered.response.headers.find("Retry-After"), "3");
}

TEST_F(AiRoutesTest, SecretsOfThePodAreNotTold) {
  model_->fail(Error(Errc::unauthenticated, "key sk-pod was refused"));

  const auto answered = call(handlers_.chat, kHello);

  EXPECT_EQ(answered.response.status, 502);
  EXPECT_THAT(answered.body, Not(HasSubstr("sk-pod")));
}

TEST_F(AiRoutesTest, StreamIsRoleThenPiecesThenReasonThenUsageThenDone) {
  model_->piece_bytes(4).answer("Hello \"you\"");

  const auto answered =
      call(handlers_.chat, R"({"model":"test","stream":true,"stream_options":{"include_usage":true},
                               "messages":[{"role":"user","content":"Hello"}]})");

  ASSERT_TRUE(answered.streamed.has_value());
  EXPECT_EQ(answered.response.headers.find("Content-Type"), "text/event-stream");
  std::string content;
  std::vector<std::string> events;
  for (std::size_t at = 0; at < answered.body.size();) {
    const auto end = answered.body.find("\n\n", at);
    ASSERT_NE(end, std::string::npos);
    ASSERT_EQ(answered.body.substr(at, 6), "data: ");
    events.push_back(answered.body.substr(at + 6, end - at - 6));
    at = end + 2;
  }
  ASSERT_THAT(events, SizeIs(7));
  EXPECT_THAT(events[0], AllOf(HasSubstr(R"("role":"assistant")"), HasSubstr(R"("usage":null)")));
  for (std::size_t i = 1; i < 4; ++i) {
    const JsonDocument chunk(JsonText::parse(events[i]).value());
    content += *chunk.root().find("choices")->at(0).find("delta")->find("content")->as_string();
  }
  EXPECT_EQ(content, "Hello \"you\"");
  EXPECT_THAT(events[4], HasSubstr(R"("finish_reason":"stop")"));
  EXPECT_THAT(events[5], AllOf(HasSubstr(R"("choices":[])"), HasSubstr(R"("total_tokens")")));
  EXPECT_EQ(events[6], "[DONE]");
}

TEST_F(AiRoutesTest, StreamThatFailsBeforeItsFirstPieceHasAStatus) {
  model_->fail(Error(Errc::rate_limited, "slow down"));

  const auto answered =
      call(handlers_.chat,
           R"({"model":"test","stream":true,"messages":[{"role":"user","content":"Hello"}]})");

  EXPECT_EQ(refusal_of(answered), "429 rate_limit_exceeded null");
}

TEST_F(AiRoutesTest, StreamThatBreaksEndsInAnErrorEventAndIsCut) {
  model_->break_stream("Hello there, how", 1, Error(Errc::unavailable, "connection reset"));

  const auto answered =
      call(handlers_.chat,
           R"({"model":"test","stream":true,"messages":[{"role":"user","content":"Hello"}]})");

  EXPECT_EQ(answered.response.status, 200);
  EXPECT_FALSE(answered.streamed.has_value());
  EXPECT_THAT(answered.body, AllOf(HasSubstr(R"("content":"Hello th")"), HasSubstr(R"({"error":{)"),
                                   Not(HasSubstr("[DONE]")), Not(HasSubstr(R"("stop")"))));
}

TEST_F(AiRoutesTest, EmbeddingsComeAsFloatsOrAsBase64) {
  model_->embed_with([](const ai::EmbedRequest& request) {
    ai::EmbedReply reply;
    reply.vectors.assign(request.inputs.size(), {0.5F, -1.0F});
    reply.usage.input_tokens = 7;
    return Result<ai::EmbedReply>(reply);
  });

  const auto floats = call(handlers_.embeddings, R"({"model":"test","input":["a","b"]})");
  const auto encoded =
      call(handlers_.embeddings, R"({"model":"test","input":"a","encoding_format":"base64"})");

  ASSERT_EQ(floats.response.status, 200) << floats.body;
  const auto document = floats.json();
  ASSERT_EQ(document.root().find("data")->size(), 2U);
  EXPECT_EQ(document.root().find("data")->at(1).find("index")->as_int64(), 1);
  EXPECT_EQ(document.root().find("data")->at(1).find("embedding")->at(1).as_double(), -1.0);
  EXPECT_EQ(document.root().find("usage")->find("prompt_tokens")->as_int64(), 7);
  // 0000003f 000080bf
  EXPECT_THAT(encoded.body, HasSubstr(R"("embedding":"AAAAPwAAgL8=")"));
}

TEST_F(AiRoutesTest, EmbeddingRefusalsNameTheInput) {
  EXPECT_EQ(embed_refusal(R"({"model":"test"})"), "400 missing_required_parameter input");
  EXPECT_EQ(embed_refusal(R"({"model":"test","input":[]})"), "400 invalid_value input");
  EXPECT_EQ(embed_refusal(R"({"model":"test","input":""})"), "400 invalid_value input");
  EXPECT_EQ(embed_refusal(R"({"model":"test","input":["a",""]})"), "400 invalid_value input[1]");
  EXPECT_EQ(embed_refusal(R"({"model":"test","input":[1,2]})"), "400 unsupported_value input[0]");
  EXPECT_EQ(embed_refusal(R"({"model":"test","input":[[1],[2]]})"),
            "400 unsupported_value input[0]");
  EXPECT_EQ(embed_refusal(R"({"model":"test","input":["a"],"encoding_format":"hex"})"),
            "400 unsupported_value encoding_format");
  EXPECT_EQ(embed_refusal(R"({"model":"test","input":["a"],"dimensions":0})"),
            "400 invalid_value dimensions");
  EXPECT_EQ(embed_refusal(R"({"model":"test","input":["a"],"colour":1})"),
            "400 unknown_parameter colour");
}

TEST_F(AiRoutesTest, ModelsAreListedAndFoundByName) {
  server::Request request;
  const auto listed = ask(handlers_.list_models, request);
  request.parameters["model"] = "test";
  const auto found = ask(handlers_.get_model, request);
  request.parameters["model"] = "gpt-4o";
  const auto missing = ask(handlers_.get_model, request);

  EXPECT_THAT(listed.body, AllOf(HasSubstr(R"("object":"list")"), HasSubstr(R"("id":"test")")));
  EXPECT_THAT(found.body, AllOf(HasSubstr(R"("object":"model")"), HasSubstr(R"("id":"test")")));
  EXPECT_EQ(refusal_of(missing), "404 model_not_found null");
}

TEST_F(AiRoutesTest, ModelsOfAServiceAreThoseThatItLists) {
  AiRoutes routes;
  routes.model = model_;
  routes.model_executor = runtime_.executor();
  routes.other_models = true;
  routes.list_models = [](SteadyTime) { return two_models(); };
  const auto handlers = make_ai_handlers(std::move(routes));
  model_->answer("Hi.");
  server::Request request;
  request.parameters["model"] = "org/b:latest";

  EXPECT_THAT(ask(handlers.list_models, request).body, HasSubstr(R"("id":"a")"));
  EXPECT_EQ(ask(handlers.get_model, request).response.status, 200);
  request.parameters["model"] = "c";
  EXPECT_EQ(ask(handlers.get_model, request).response.status, 404);
  EXPECT_EQ(call(handlers.chat, R"({"model":"b","messages":[{"role":"user","content":"x"}]})")
                .response.status,
            200);
  EXPECT_EQ(model_->chat_requests().at(0).model, "b");
}

TEST_F(AiRoutesTest, LocalModelStreamsWhatItAnswers) {
  const auto handlers = handlers_of(ai_local::make_local_model());
  const std::string rest =
      R"("messages":[{"role":"user","content":"Nurse wanted in Leeds. Night shifts. Good pay."}]})";

  const auto whole = call(handlers.chat, R"({"model":"rwp-local",)" + rest);
  const auto streamed = call(handlers.chat, R"({"model":"rwp-local","stream":true,)" + rest);

  const auto document = whole.json();
  const auto content =
      *document.root().find("choices")->at(0).find("message")->find("content")->as_string();
  std::string joined;
  for (std::size_t at = 0; (at = streamed.body.find("data: {", at)) != std::string::npos;) {
    const auto end = streamed.body.find("\n\n", at);
    const JsonDocument chunk(JsonText::parse(streamed.body.substr(at + 6, end - at - 6)).value());
    const auto piece = chunk.root().find("choices")->at(0).find("delta")->find("content");
    if (piece) joined += *piece->as_string();
    at = end;
  }
  EXPECT_EQ(joined, content);
  EXPECT_THAT(streamed.body, EndsWith("data: [DONE]\n\n"));
}

TEST(OpenAiErrorTest, ServersOwnRefusalsAreErrorObjectsToo) {
  server::Problem problem;
  problem.status = 401;
  problem.code = "unauthenticated";
  problem.detail = "the key is not known";

  const auto response = openai_problem(problem);

  EXPECT_EQ(response.status, 401);
  EXPECT_THAT(response.body, HasSubstr(R"("code":"invalid_api_key")"));
  EXPECT_EQ(response.headers.find("WWW-Authenticate"), "Bearer");
}

}  // namespace
}  // namespace rwp::pods
