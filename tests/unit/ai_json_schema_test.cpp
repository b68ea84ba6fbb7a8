#include <rwp/ai/json_schema.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rwp::ai {
namespace {

using ::testing::HasSubstr;

JsonText text(std::string json) { return JsonText::parse(std::move(json), 2'000).value(); }

Errc compile_code(std::string schema) {
  const auto compiled = JsonSchema::compile(text(std::move(schema)));
  return compiled ? Errc::none : compiled.error().code();
}

TEST(JsonSchemaTest, DocumentThatKeepsTheRulesIsAccepted) {
  const auto schema = JsonSchema::compile(
      text(R"({"type":"object","properties":{"n":{"type":["integer","null"]}},"required":["n"]})"));

  ASSERT_TRUE(schema.has_value());
  EXPECT_TRUE(schema->validate(text(R"({"n":1})")).has_value());
  EXPECT_TRUE(schema->validate(text(R"({"n":null})")).has_value());
}

TEST(JsonSchemaTest, ErrorNamesThePointerAndTheRule) {
  const auto schema =
      JsonSchema::compile(
          text(R"({"properties":{"a/b":{"items":{"properties":{"n":{"type":"integer"}}}}}})"))
          .value();

  const auto verdict = schema.validate(text(R"({"a/b":[{"n":1},{"n":"secret"}]})"));

  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(verdict.error().code(), Errc::invalid_argument);
  EXPECT_THAT(verdict.error().message(), HasSubstr("/a~1b/1/n"));
  EXPECT_THAT(verdict.error().message(), HasSubstr("type"));
  EXPECT_THAT(verdict.error().message(), ::testing::Not(HasSubstr("secret")));
}

TEST(JsonSchemaTest, ViewIsJudgedLikeText) {
  const auto schema = JsonSchema::compile(text(R"({"type":"array"})")).value();
  const JsonDocument list(text("[1]"));
  const JsonDocument number(text("1"));

  EXPECT_TRUE(schema.validate(list.root()).has_value());
  EXPECT_FALSE(schema.validate(number.root()).has_value());
}

TEST(JsonSchemaTest, DefaultAcceptsEverything) {
  EXPECT_TRUE(JsonSchema().validate(text("17")).has_value());
}

TEST(JsonSchemaTest, ReferenceIntoTheSchemaIsFollowed) {
  const auto schema =
      JsonSchema::compile(
          text(R"({"$defs":{"n":{"type":"integer"}},"items":{"$ref":"#/$defs/n"}})"))
          .value();

  EXPECT_TRUE(schema.validate(text("[1,2]")).has_value());
  EXPECT_FALSE(schema.validate(text(R"(["x"])")).has_value());
}

TEST(JsonSchemaTest, ReferenceToAnotherDocumentIsUnsupported) {
  EXPECT_EQ(compile_code(R"({"$ref":"https://example.com/schema.json"})"), Errc::unsupported);
  EXPECT_EQ(compile_code(R"({"properties":{"a":{"$ref":"other.json#/a"}}})"), Errc::unsupported);
}

TEST(JsonSchemaTest, PropertyNamedLikeAKeywordIsNoReference) {
  EXPECT_EQ(compile_code(R"({"properties":{"$ref":{"type":"string"}}})"), Errc::none);
}

TEST(JsonSchemaTest, RecursionOverTheDocumentIsFine) {
  const auto schema =
      JsonSchema::compile(
          text(R"({"properties":{"next":{"$ref":"#"},"n":{"type":"integer"}},"required":["n"]})"))
          .value();

  EXPECT_TRUE(schema.validate(text(R"({"n":1,"next":{"n":2}})")).has_value());
  EXPECT_FALSE(schema.validate(text(R"({"n":1,"next":{"next":{"n":2}}})")).has_value());
}

TEST(JsonSchemaTest, RecursionWithoutEndIsRefused) {
  EXPECT_EQ(compile_code(R"({"$ref":"#"})"), Errc::invalid_argument);
  EXPECT_EQ(compile_code(R"({"allOf":[{"$ref":"#"}]})"), Errc::invalid_argument);
  EXPECT_EQ(compile_code(R"({"definitions":{"a":{"$ref":"#/definitions/b"},
                                            "b":{"anyOf":[{"$ref":"#/definitions/a"}]}},
                             "items":{"$ref":"#/definitions/a"}})"),
            Errc::invalid_argument);
}

TEST(JsonSchemaTest, ReferenceToNothingIsRefused) {
  EXPECT_EQ(compile_code(R"({"$ref":"#/definitions/none"})"), Errc::invalid_argument);
}

TEST(JsonSchemaTest, SchemasThatAreNoneAreRefused) {
  EXPECT_EQ(compile_code("17"), Errc::invalid_argument);
  EXPECT_EQ(compile_code(R"({"type":"colour"})"), Errc::invalid_argument);
  EXPECT_EQ(compile_code(R"({"maxLength":"long"})"), Errc::invalid_argument);
}

TEST(JsonSchemaTest, SizeAndDepthAreBounded) {
  EXPECT_EQ(compile_code(R"({"title":")" + std::string(JsonSchema::kMaxBytes, 'a') + "\"}"),
            Errc::invalid_argument);
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += R"({"not":)";
  deep += "{}" + std::string(500, '}');
  EXPECT_EQ(compile_code(deep), Errc::invalid_argument);
}

TEST(JsonSchemaTest, PatternThatCannotBeJudgedIsUnsupported) {
  EXPECT_EQ(compile_code(R"({"pattern":"(unclosed"})"), Errc::unsupported);
}

TEST(JsonSchemaTest, LongStringIsNotGivenToAPattern) {
  const auto schema = JsonSchema::compile(text(R"({"pattern":"^(.|x)*$"})")).value();

  EXPECT_TRUE(
      schema.validate(text("\"" + std::string(JsonSchema::kMaxPatternInputBytes, 'a') + "\""))
          .has_value());
  EXPECT_EQ(schema.validate(text("\"" + std::string(200'000, 'a') + "\"")).error().code(),
            Errc::unsupported);
}

}  // namespace
}  // namespace rwp::ai
