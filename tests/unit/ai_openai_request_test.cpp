#include "ai_openai/request_json.hpp"
#include <rwp/ai_openai/strict_schema.hpp>
#include <rwp/core/json.hpp>
#include <rwp/recruitment/enriched_ad.hpp>

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace rwp::ai_openai {
namespace {

using nlohmann::json;

ai::ChatRequest hello() {
  ai::ChatRequest request;
  request.messages.push_back({ai::Role::system, "Be brief."});
  request.messages.push_back({ai::Role::user, "Say \"hi\" \xE2\x82\xAC"});
  return request;
}

json sent(const ai::ChatRequest& request, const ChatForm& form) {
  return to_json(chat_json(request, form));
}

ChatForm form_of(std::string model) {
  ChatForm form;
  form.avoid = avoid_by_name(model);
  form.model = std::move(model);
  return form;
}

bool fits(const std::string& schema) {
  const auto text = JsonText::parse(schema);
  return fits_strict_mode(JsonDocument(text.value()).root());
}

TEST(ChatJsonTest, MessagesKeepOrderRoleAndText) {
  const auto body = sent(hello(), form_of("gpt-4.1-mini"));

  EXPECT_EQ(body, json::parse(R"({"model":"gpt-4.1-mini","messages":[
      {"role":"system","content":"Be brief."},{"role":"user","content":"Say \"hi\" €"}]})"));
}

TEST(ChatJsonTest, LimitsAreSaidByTheirNewNames) {
  auto request = hello();
  request.temperature = 0.0;
  request.max_output_tokens = 4'000;

  const auto body = sent(request, form_of("gpt-4.1-mini"));

  EXPECT_EQ(body.at("temperature"), 0.0);
  EXPECT_EQ(body.at("max_completion_tokens"), 4'000);
  EXPECT_FALSE(body.contains("max_tokens"));
}

TEST(ChatJsonTest, WhatAModelAvoidsIsLeftOut) {
  auto request = hello();
  request.temperature = 0.5;
  request.max_output_tokens = 10;
  auto form = form_of("old-server-model");
  form.stream = true;
  form.reasoning_effort = "low";
  form.avoid = {.temperature = true,
                .max_completion_tokens = true,
                .reasoning_effort = true,
                .stream_options = true};

  const auto body = sent(request, form);

  EXPECT_EQ(body.at("max_tokens"), 10);
  EXPECT_EQ(body.at("stream"), true);
  for (const char* name :
       {"temperature", "max_completion_tokens", "reasoning_effort", "stream_options"}) {
    EXPECT_FALSE(body.contains(name)) << name;
  }
}

TEST(ChatJsonTest, ModelsThatReasonGetNoTemperature) {
  for (const char* name : {"o3", "o4-mini", "gpt-5", "gpt-5.6-luna", "openai/o1"}) {
    EXPECT_TRUE(avoid_by_name(name).temperature) << name;
  }
  for (const char* name :
       {"gpt-4o-mini", "gpt-4.1-mini", "gpt-5-chat-latest", "rwp-local", "olmo", "openhermes"}) {
    EXPECT_FALSE(avoid_by_name(name).temperature) << name;
  }
}

TEST(ChatJsonTest, StreamAsksForItsUsage) {
  auto form = form_of("m");
  form.stream = true;
  form.reasoning_effort = "minimal";

  const auto body = sent(hello(), form);

  EXPECT_EQ(body.at("stream_options"), json::parse(R"({"include_usage":true})"));
  EXPECT_EQ(body.at("reasoning_effort"), "minimal");
}

TEST(ChatJsonTest, SchemaGoesAsAResponseFormat) {
  auto request = hello();
  const std::string schema =
      R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],)"
      R"("additionalProperties":false})";
  request.output_schema = ai::OutputSchema{.name = "answer", .schema = JsonText::trusted(schema)};

  auto format = sent(request, form_of("m")).at("response_format");

  EXPECT_EQ(format.at("type"), "json_schema");
  EXPECT_EQ(format.at("json_schema").at("name"), "answer");
  EXPECT_EQ(format.at("json_schema").at("strict"), true);
  EXPECT_EQ(format.at("json_schema").at("schema"), json::parse(schema));

  auto form = form_of("m");
  form.avoid.strict_schema = true;
  EXPECT_EQ(sent(request, form).at("response_format").at("json_schema").at("strict"), false);
}

TEST(ChatJsonTest, ToolsAndWhatBecameOfThemAreTold) {
  auto request = hello();
  ai::Tool tool;
  tool.name = "weather";
  tool.description = "Of a town";
  tool.parameters = JsonText::trusted(
      R"({"type":"object","properties":{"town":{"type":"string"}},"required":["town"],)"
      R"("additionalProperties":false})");
  tool.strict = true;
  request.tools.push_back(tool);
  request.tool_choice = "weather";
  request.parallel_tool_calls = false;
  request.messages.push_back(
      {.role = ai::Role::assistant, .tool_calls = {{"c1", "weather", R"({"town":"Ulm"})"}}});
  request.messages.push_back({.role = ai::Role::tool, .content = "rain", .tool_call_id = "c1"});

  const auto body = sent(request, form_of("gpt-4.1-mini"));
  EXPECT_EQ(body["tools"][0]["type"], "function");
  EXPECT_EQ(body["tools"][0]["function"]["name"], "weather");
  EXPECT_EQ(body["tools"][0]["function"]["strict"], true);
  EXPECT_EQ(body["tool_choice"]["function"]["name"], "weather");
  EXPECT_EQ(body["parallel_tool_calls"], false);
  EXPECT_TRUE(body["messages"][2]["content"].is_null());
  EXPECT_EQ(body["messages"][2]["tool_calls"][0]["function"]["arguments"], R"({"town":"Ulm"})");
  EXPECT_EQ(body["messages"][3]["tool_call_id"], "c1");
  EXPECT_EQ(body["messages"][3]["content"], "rain");

  auto form = form_of("gpt-4.1-mini");
  form.avoid.strict_schema = true;
  EXPECT_FALSE(sent(request, form)["tools"][0]["function"].contains("strict"));
  request.tool_choice = "required";
  EXPECT_EQ(sent(request, form)["tool_choice"], "required");
}

TEST(ChatJsonTest, ImagesGoByAddressOrAsADataUrl) {
  ai::ChatRequest request;
  request.messages.push_back({.content = "What is this?"});
  request.messages[0].images.push_back({.url = "https://example.org/a.png", .detail = "low"});
  request.messages[0].images.push_back({.bytes = "hi", .media_type = "image/png"});

  const auto parts = sent(request, form_of("gpt-4.1-mini"))["messages"][0]["content"];
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0]["text"], "What is this?");
  EXPECT_EQ(parts[1]["image_url"], json({{"url", "https://example.org/a.png"}, {"detail", "low"}}));
  EXPECT_EQ(parts[2]["image_url"]["url"], "data:image/png;base64,aGk=");
}

TEST(ChatJsonTest, ExtraFieldsAndLogprobsGoAlong) {
  auto request = hello();
  request.top_logprobs = 3;
  request.extra_fields =
      JsonText::trusted(R"({"seed":7,"reasoning_effort":"low","x":{"deep":[1,null]}})");
  auto form = form_of("gpt-4.1-mini");
  form.reasoning_effort = "high";

  const auto body = sent(request, form);
  EXPECT_EQ(body["seed"], 7);
  EXPECT_EQ(body["x"], json::parse(R"({"deep":[1,null]})"));
  EXPECT_EQ(body["reasoning_effort"], "low");
  EXPECT_EQ(body["logprobs"], true);
  EXPECT_EQ(body["top_logprobs"], 3);
}

TEST(EmbeddingsJsonTest, AsksForBase64) {
  const std::vector<std::string> inputs = {"one", "two"};

  EXPECT_EQ(to_json(embeddings_json(inputs, "e", 64)),
            json::parse(R"({"model":"e","input":["one","two"],"dimensions":64,)"
                        R"("encoding_format":"base64"})"));
  EXPECT_FALSE(to_json(embeddings_json(inputs, "e", 0)).contains("dimensions"));
}

TEST(StrictSchemaTest, SchemasOfDescribedStructsFit) {
  EXPECT_TRUE(fits(json_schema<recruitment::AdAnswer>().str()));
}

TEST(StrictSchemaTest, OpenOrIncompleteObjectsDoNotFit) {
  EXPECT_FALSE(fits(R"({"type":"object","properties":{},"required":[]})"));
  EXPECT_FALSE(fits(R"({"type":"object","properties":{"a":{"type":"string"}},"required":[],)"
                    R"("additionalProperties":false})"));
  EXPECT_FALSE(fits(R"({"type":"object","properties":{"a":{"type":"object",)"
                    R"("additionalProperties":{"type":"string"}}},"required":["a"],)"
                    R"("additionalProperties":false})"));
}

TEST(StrictSchemaTest, RootIsAnObjectAndNoChoice) {
  EXPECT_FALSE(fits(R"({"type":"array","items":{"type":"string"}})"));
  EXPECT_FALSE(
      fits(R"({"type":"object","anyOf":[{"type":"object"}],"additionalProperties":false})"));
  EXPECT_FALSE(fits("{}"));
}

TEST(StrictSchemaTest, KeywordsThatStrictModeRefusesDoNotFit) {
  const auto with = [](const std::string& member) {
    return R"({"type":"object","properties":{"a":{"type":"string",)" + member +
           R"(}},"required":["a"],"additionalProperties":false})";
  };
  EXPECT_TRUE(fits(with(R"("pattern":"^a")")));
  EXPECT_FALSE(fits(with(R"("default":"x")")));
  EXPECT_FALSE(fits(with(R"("minLength":3)")));
  EXPECT_FALSE(fits(with(R"("allOf":[])")));
}

TEST(StrictSchemaTest, MembersWithoutATypeDoNotFit) {
  EXPECT_FALSE(fits(R"({"type":"object","properties":{"a":{}},"required":["a"],)"
                    R"("additionalProperties":false})"));
}

TEST(StrictSchemaTest, RecursionByReferenceFitsAndTooManyLevelsDoNot) {
  EXPECT_TRUE(fits(R"({"type":"object","properties":{"next":{"$ref":"#/$defs/n"}},)"
                   R"("required":["next"],"additionalProperties":false,"$defs":{"n":{"anyOf":[)"
                   R"({"type":"null"},{"$ref":"#/$defs/n"}]}}})"));
  std::string deep = R"({"type":"string"})";
  for (int level = 0; level < 12; ++level) {
    deep = R"({"type":"object","properties":{"a":)" + deep +
           R"(},"required":["a"],"additionalProperties":false})";
  }
  EXPECT_FALSE(fits(deep));
}

}  // namespace
}  // namespace rwp::ai_openai
