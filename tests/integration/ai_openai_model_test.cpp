#include "support/openai_fixture.hpp"
#include <rwp/ai/json_schema.hpp>
#include <rwp/ai_local/local_model.hpp>
#include <rwp/ai_openai/register.hpp>
#include <rwp/core/json.hpp>
#include <rwp/observability/trace.hpp>
#include <rwp/recruitment/enrich.hpp>

#include <gmock/gmock.h>

namespace rwp::tests {
namespace {

using ::testing::HasSubstr;

class OpenAiModelTest : public OpenAiFixture {
 protected:
  static recruitment::JobAd ad() {
    recruitment::JobAd ad;
    ad.id = "a1";
    ad.title = "Community Nurse";
    ad.description = question().messages.front().content;
    return ad;
  }
  nlohmann::json last_body() const { return nlohmann::json::parse(fake_->requests().back().body); }
  Result<std::shared_ptr<ai::Model>> open(const std::string& url,
                                          ai_openai::OpenAiSchemeOptions options = {}) {
    SchemeRegistry registry;
    ai_openai::register_openai(registry, std::move(options));
    return registry.open<ai::Model>(url, runtime_);
  }
};

TEST_F(OpenAiModelTest, AnswerIsThatOfTheModelBehindTheServer) {
  start();
  const auto direct = run(runtime_, ai_local::make_local_model()->chat(question()));

  const auto reply = ask();

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(reply->content, direct->content);
  EXPECT_EQ(reply->usage.input_tokens, direct->usage.input_tokens);
  EXPECT_EQ(reply->usage.output_tokens, direct->usage.output_tokens);
  EXPECT_EQ(reply->model, "fake-gpt");
  EXPECT_EQ(reply->id, "chatcmpl-fake");
}

TEST_F(OpenAiModelTest, EachCallBelongsToTheTraceOfItsRequest) {
  start();
  const auto trace = observability::TraceContext::make_root();
  const auto sent = [this] {
    const auto request = fake_->requests().back();
    const auto header = request.headers.find("traceparent");
    return header ? observability::TraceContext::parse(*header).value()
                  : observability::TraceContext();
  };
  auto request = question();
  request.trace = trace;
  ai::EmbedRequest texts;
  texts.inputs = {"nurse"};
  texts.trace = trace;
  recruitment::CallOptions options;
  options.trace = trace;

  ASSERT_TRUE(ask().has_value());
  EXPECT_FALSE(sent().valid());
  ASSERT_TRUE(ask(request).has_value());
  EXPECT_EQ(sent(), trace);
  fake_->forget_requests();
  ASSERT_TRUE(ask_stream(request).has_value());
  EXPECT_EQ(sent().trace_id, trace.trace_id);
  fake_->forget_requests();
  ASSERT_TRUE(run(runtime_, model_->embed(texts)).has_value());
  EXPECT_EQ(sent().trace_id, trace.trace_id);
  fake_->forget_requests();
  ASSERT_TRUE(run(runtime_, recruitment::enrich(model_, ad(), options)).has_value());
  EXPECT_EQ(sent().trace_id, trace.trace_id);
}

TEST_F(OpenAiModelTest, StreamHasTheSameAnswerAndUsage) {
  start();
  const auto whole = ask();
  const auto streamed = ask_stream();

  ASSERT_TRUE(whole.has_value() && streamed.has_value());
  EXPECT_EQ(streamed->content, whole->content);
  EXPECT_EQ(pieces_, whole->content);
  EXPECT_EQ(streamed->usage.output_tokens, whole->usage.output_tokens);
  EXPECT_EQ(streamed->finish_reason, ai::FinishReason::stop);
}

TEST_F(OpenAiModelTest, EndsThatAreNoStopAreTold) {
  start();
  const std::vector<std::pair<const char*, ai::FinishReason>> ends = {
      {"refusal", ai::FinishReason::refusal},
      {"length", ai::FinishReason::length},
      {"content_filter", ai::FinishReason::content_filter}};
  for (const auto& [word, reason] : ends) {
    play({word, word});
    EXPECT_EQ(ask()->finish_reason, reason) << word;
    EXPECT_EQ(ask_stream()->finish_reason, reason) << word;
  }
}

TEST_F(OpenAiModelTest, AdvertIsEnrichedUnderAStrictSchema) {
  start();

  const auto enriched = run(runtime_, recruitment::enrich(model_, ad()));

  ASSERT_TRUE(enriched.has_value()) << enriched.error().to_string();
  EXPECT_NE(enriched->summary, "");
  EXPECT_EQ(enriched->provenance.model, "fake-gpt");
  EXPECT_EQ(last_body().at("response_format").at("json_schema").at("strict"), true);
  EXPECT_EQ(last_body().at("temperature"), 0.0);
  EXPECT_EQ(last_body().at("max_completion_tokens"), 4'000);
}

TEST_F(OpenAiModelTest, AnswerThatBreaksTheSchemaIsRepairedOnce) {
  start();
  play({"misfit", "ok"});
  EXPECT_TRUE(run(runtime_, recruitment::enrich(model_, ad())).has_value());
  EXPECT_EQ(fake_->request_count(), 2U);

  play({"misfit", "misfit"});
  EXPECT_EQ(run(runtime_, recruitment::enrich(model_, ad())).error().code(), Errc::corrupt);
}

TEST_F(OpenAiModelTest, RefusalLengthAndFilterAreTypedErrorsOfAnExtraction) {
  start();
  play({"refusal", "content_filter", "length"});
  const auto code = [this] {
    return run(runtime_, recruitment::enrich(model_, ad())).error().code();
  };
  EXPECT_EQ(code(), Errc::permission_denied);
  EXPECT_EQ(code(), Errc::permission_denied);
  EXPECT_EQ(code(), Errc::invalid_argument);
}

TEST_F(OpenAiModelTest, ParametersThatTheServerRefusesAreLeftOutFromThenOn) {
  testing::FakeOpenAiOptions options;
  options.refused_parameters = {"temperature", "max_completion_tokens", "stream_options"};
  start(std::move(options));
  auto request = question();
  request.temperature = 0.0;
  request.max_output_tokens = 500;

  EXPECT_TRUE(ask(request).has_value());
  EXPECT_FALSE(last_body().contains("temperature"));
  EXPECT_EQ(last_body().at("max_tokens"), 500);
  const auto streamed = ask_stream(request);
  ASSERT_TRUE(streamed.has_value()) << streamed.error().to_string();
  EXPECT_GT(streamed->usage.output_tokens, 0) << "estimated";
  EXPECT_EQ(fake_->request_count(), 2U) << "refusals are not answered by the model";
}

TEST_F(OpenAiModelTest, EmbeddingsComeAsBase64OrNumbers) {
  ai::EmbedRequest request;
  request.inputs = {"community nurse", "backend engineer"};
  request.dimensions = 64;
  const auto direct = run(runtime_, ai_local::make_local_model()->embed(request));
  for (const bool only_floats : {false, true}) {
    testing::FakeOpenAiOptions options;
    options.only_float_embeddings = only_floats;
    start(std::move(options));

    const auto reply = run(runtime_, model_->embed(request));

    ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
    EXPECT_EQ(last_body().at("encoding_format"), "base64");
    ASSERT_EQ(reply->vectors.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(reply->vectors[i].size(), 64U);
      for (std::size_t at = 0; at < 64; ++at) {
        EXPECT_FLOAT_EQ(reply->vectors[i][at], direct->vectors[i][at]);
      }
    }
  }
}

TEST_F(OpenAiModelTest, ManyInputsGoInSeveralRequests) {
  start();
  ai::EmbedRequest request;
  for (int i = 0; i < 600; ++i) request.inputs.push_back("text " + std::to_string(i));
  request.dimensions = 8;

  const auto reply = run(runtime_, model_->embed(request));

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(reply->vectors.size(), 600U);
  EXPECT_EQ(fake_->request_count(), 3U);
  request.inputs = {"text 599"};
  EXPECT_EQ(run(runtime_, model_->embed(request))->vectors[0], reply->vectors[599]);
}

TEST_F(OpenAiModelTest, ModelsAreListed) {
  testing::FakeOpenAiOptions options;
  options.models = {"one", "two/three:4"};
  start(std::move(options));

  const auto models = run(runtime_, model_->models());

  ASSERT_TRUE(models.has_value()) << models.error().to_string();
  ASSERT_EQ(models->size(), 2U);
  EXPECT_EQ(models->at(1).id, "two/three:4");
}

TEST_F(OpenAiModelTest, UnknownModelIsNotFound) {
  start();
  auto request = question();
  request.model = "fake:nonsense";

  const auto reply = ask(std::move(request));

  EXPECT_EQ(reply.error().code(), Errc::not_found);
  EXPECT_THAT(reply.error().message(), HasSubstr("model_not_found"));
}

TEST_F(OpenAiModelTest, UrlWithoutAModelTakesTheOneThatTheServerLists) {
  start();
  const auto model = open(fake_->base_url());
  ASSERT_TRUE(model.has_value()) << model.error().to_string();

  const auto reply = run(runtime_, (*model)->chat(question()));

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(reply->model, "fake-gpt");
  EXPECT_EQ((*model)->default_model(), "fake-gpt");
}

TEST_F(OpenAiModelTest, ServerWithSeveralModelsHasOneNamed) {
  testing::FakeOpenAiOptions options;
  options.models = {"one", "two"};
  start(std::move(options));

  const auto vague = open(fake_->base_url());
  const auto named = open(fake_->base_url() + "?model=two");

  const auto refused = run(runtime_, (*vague)->chat(question()));
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_THAT(refused.error().message(), HasSubstr("one, two"));
  EXPECT_EQ(run(runtime_, (*named)->chat(question()))->model, "two");
}

TEST_F(OpenAiModelTest, UrlsThatCannotWorkAreRefusedBeforeAnyRequest) {
  ai_openai::OpenAiSchemeOptions with_key;
  with_key.api_key = Secret("sk-12345678");
  EXPECT_EQ(open("openai:").error().code(), Errc::unauthenticated);
  EXPECT_EQ(open("openai:", with_key).value()->default_model(), ai_openai::kDefaultModel);
  EXPECT_EQ(open("openai:gpt-4o-mini", with_key).value()->default_model(), "gpt-4o-mini");
  EXPECT_EQ(open("openai:?model=o3&attempts=5", with_key).value()->default_model(), "o3");
  for (const char* url : {"openai:a?model=b", "openai:?modell=b", "openai:?attempts=0",
                          "openai:?timeout=soon", "openai:?max_tokens=new"}) {
    EXPECT_EQ(open(url, with_key).error().code(), Errc::invalid_argument) << url;
  }
  for (const char* url : {"http:", "http://", "http://user:pw@host/v1"}) {
    EXPECT_EQ(open(url).error().code(), Errc::invalid_argument) << url;
  }
}

TEST_F(OpenAiModelTest, KeyIsAskedForByTheServer) {
  testing::FakeOpenAiOptions options;
  options.api_key = Secret("sk-another");
  start(std::move(options));

  EXPECT_EQ(ask().error().code(), Errc::unauthenticated);

  ai_openai::OpenAiSchemeOptions scheme;
  scheme.api_key = Secret("sk-another");
  const auto model = open(fake_->base_url(), std::move(scheme));
  EXPECT_TRUE(run(runtime_, (*model)->chat(question())).has_value());
}

}  // namespace
}  // namespace rwp::tests
