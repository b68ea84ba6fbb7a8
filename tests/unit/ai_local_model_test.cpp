#include "support/run.hpp"
#include <rwp/ai/json_schema.hpp>
#include <rwp/ai_local/local_model.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

namespace rwp::ai_local {
namespace {

using ::testing::HasSubstr;
using tests::run;

constexpr const char* kAdvert =
    "Title: Senior Python Developer\nLocation: Leeds\nSalary: \xC2\xA3"
    "60,000 - \xC2\xA3"
    "70,000 per annum\n\n"
    "You will build booking services in Python and PostgreSQL for ambulance teams, part-time or "
    "full-time. "
    "We are looking for a rockstar with at least 4 years of experience. Hybrid working, pension, "
    "27 days "
    "of annual leave. Send your application to [email].";

class LocalModelTest : public ::testing::Test {
 protected:
  Result<ai::ChatReply> ask(std::string schema, std::string text = kAdvert) {
    ai::ChatRequest request;
    request.messages.push_back({ai::Role::user, std::move(text)});
    if (!schema.empty()) {
      request.output_schema =
          ai::OutputSchema{"answer", JsonText::parse(std::move(schema)).value()};
    }
    return run(runtime_, model_->chat(std::move(request)));
  }
  std::string answer(std::string schema) {
    auto reply = ask(std::move(schema));
    return reply ? reply->content : reply.error().to_string();
  }

  Runtime runtime_;
  std::shared_ptr<ai::Model> model_ = make_local_model();
};

TEST_F(LocalModelTest, PlainAnswerIsASummaryAndKeyPhrases) {
  const auto reply = ask("");

  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->model, "rwp-local");
  EXPECT_THAT(reply->content, HasSubstr("You will build booking services in Python"));
  EXPECT_THAT(reply->content, HasSubstr("\n\nKey phrases: "));
}

TEST_F(LocalModelTest, SameQuestionHasTheSameAnswer) {
  EXPECT_EQ(ask("")->content, ask("")->content);
}

TEST_F(LocalModelTest, PropertiesAreFilledByNameAndType) {
  const auto reply = ask(R"({"type":"object","properties":{
      "title":{"type":"string"},"seniority":{"enum":["junior","senior",null]},
      "employmentType":{"type":"string","enum":["Full-time","Part-time"]},
      "salary":{"type":["object","null"],"properties":{"min":{"type":"number"},"max":{"type":"number"},
        "currency":{"type":"string"},"period":{"enum":["hour","year"]}},
        "required":["min","max","currency","period"]},
      "skills":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},
        "category":{"type":"string"}},"required":["name","category"]}},
      "skill_names":{"type":"array","items":{"type":"string"},"maxItems":1},
      "remote":{"enum":["on_site","hybrid","remote",null]},"years_experience":{"type":["integer","null"]},
      "off_putting_wording":{"type":"array","items":{"type":"object","properties":{
        "phrase":{"type":"string"},"reason":{"type":"string"}},"required":["phrase","reason"]}},
      "shoe_size":{"type":["integer","null"]}},
      "required":["title","seniority","employmentType","salary","skills","skill_names","remote",
        "years_experience","off_putting_wording","shoe_size"]})");

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  const JsonDocument document(JsonText::trusted(reply->content));
  const auto root = document.root();
  EXPECT_EQ(root.find("title")->as_string(), "Senior Python Developer");
  EXPECT_EQ(root.find("seniority")->as_string(), "senior");
  EXPECT_EQ(root.find("employmentType")->as_string(), "Part-time");
  EXPECT_EQ(root.find("salary")->find("min")->as_double(), 60'000.0);
  EXPECT_EQ(root.find("salary")->find("max")->as_double(), 70'000.0);
  EXPECT_EQ(root.find("salary")->find("currency")->as_string(), "GBP");
  EXPECT_EQ(root.find("salary")->find("period")->as_string(), "year");
  EXPECT_THAT(reply->content, HasSubstr(R"({"category":"technical","name":"PostgreSQL"})"));
  EXPECT_EQ(root.find("skill_names")->size(), 1U);
  EXPECT_EQ(root.find("remote")->as_string(), "hybrid");
  EXPECT_EQ(root.find("years_experience")->as_int64(), 4);
  EXPECT_EQ(root.find("off_putting_wording")->at(0).find("phrase")->as_string(), "rockstar");
  EXPECT_TRUE(root.find("shoe_size")->is_null());
}

TEST_F(LocalModelTest, AdvertAsJsonIsRead) {
  const auto reply = ask(
      R"({"type":"object","properties":{"salary":{"type":"object","properties":{"currency":{"type":"string"}}},
          "skills":{"type":"array","items":{"type":"string"}}}})",
      R"({"title":"Welder","country":"NZ","salary_text":"$36 to $44 per hour",
          "description":"Good communication. You weld steel frames, read drawings and weld again: MIG welding."})");

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(
      reply->content,
      R"({"salary":{"currency":"NZD"},"skills":["Welding","Technical drawings","Communication"]})");
}

TEST_F(LocalModelTest, SchemaKeywordsAreKept) {
  EXPECT_EQ(answer(R"({"const":{"a":[1]}})"), R"({"a":[1]})");
  EXPECT_EQ(answer(R"({"enum":["x","y"]})"), R"("x")");
  EXPECT_EQ(answer(R"({"type":"integer","minimum":7,"multipleOf":5})"), "10");
  EXPECT_EQ(answer(R"({"type":"number","exclusiveMinimum":0,"maximum":1,"multipleOf":0.25})"),
            "0.25");
  EXPECT_EQ(answer(R"({"type":"string","minLength":3})"), R"("not stated")");
  EXPECT_EQ(answer(R"({"type":"array","items":{"type":"boolean"},"minItems":2})"), "[false,false]");
  EXPECT_EQ(answer(R"({"type":"object"})"), "{}");
  EXPECT_EQ(answer(R"({"anyOf":[{"type":"integer","minimum":2,"maximum":1},{"type":"null"}]})"),
            "null");
  EXPECT_EQ(answer(R"({"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{
      "title":{"type":"string","maxLength":6}}}}})"),
            R"({"title":"Senior"})");
  EXPECT_EQ(answer(R"({"allOf":[{"type":"object","properties":{"city":{"type":"string"}}},
      {"required":["city"]}]})"),
            R"({"city":"Leeds"})");
}

TEST_F(LocalModelTest, AlternativeThatTakesTheFactIsChosen) {
  EXPECT_EQ(
      answer(
          R"({"type":"object","properties":{"title":{"anyOf":[{"type":"null"},{"type":"string"}]},
      "none_of_it":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["title","none_of_it"]})"),
      R"({"none_of_it":null,"title":"Senior Python Developer"})");
}

TEST_F(LocalModelTest, SchemaWithoutAValueIsUnsupportedAndNamesTheSpot) {
  const auto impossible = ask(
      R"({"type":"object","properties":{"code":{"type":"integer","minimum":2,"maximum":1}},"required":["code"]})");
  EXPECT_EQ(impossible.error().code(), Errc::unsupported);
  EXPECT_THAT(impossible.error().message(), HasSubstr("/code"));

  const auto pattern = ask(
      R"({"type":"object","properties":{"code":{"type":"string","pattern":"^[0-9]{4}$"}},"required":["code"]})");
  EXPECT_EQ(pattern.error().code(), Errc::unsupported);
  EXPECT_THAT(pattern.error().message(), HasSubstr("/code"));

  const auto endless =
      ask(R"({"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]})");
  EXPECT_EQ(endless.error().code(), Errc::unsupported);
}

TEST_F(LocalModelTest, SchemasOfTheTestSuiteAreSatisfiedOrRefused) {
  const std::filesystem::path suite = "/usr/share/json-schema-test-suite/tests/draft7";
  if (!std::filesystem::is_directory(suite)) {
    GTEST_SKIP() << "package json-schema-test-suite is not installed";
  }
  int satisfied = 0;
  int unsupported = 0;
  for (const auto& entry : std::filesystem::directory_iterator(suite)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    const std::string content(std::istreambuf_iterator<char>(file), {});
    const JsonDocument groups(JsonText::trusted(content));
    for (std::size_t i = 0; i < groups.root().size(); ++i) {
      const auto schema = groups.root().at(i).find("schema")->text();
      const auto judge = ai::JsonSchema::compile(schema);
      if (!judge || !schema.str().starts_with('{')) continue;
      const auto reply = ask(schema.str());
      if (reply) {
        EXPECT_TRUE(judge->validate(JsonText::parse(reply->content).value()).has_value())
            << schema.str();
        ++satisfied;
      } else {
        EXPECT_EQ(reply.error().code(), Errc::unsupported) << schema.str();
        ++unsupported;
      }
    }
  }
  std::printf("%d schemas satisfied, %d refused\n", satisfied, unsupported);
  EXPECT_GT(satisfied, 9 * unsupported);
}

TEST_F(LocalModelTest, BrokenSchemaIsAnInvalidArgument) {
  EXPECT_EQ(ask(R"({"type":"colour"})").error().code(), Errc::invalid_argument);
}

TEST_F(LocalModelTest, QualityFallsWithWhatIsMissing) {
  const std::string schema = R"({"type":"object","properties":{"quality_score":{"type":"integer"}},
      "required":["quality_score"]})";
  const auto score = [&](std::string text) {
    const JsonDocument document(JsonText::trusted(ask(schema, std::move(text))->content));
    return document.root().find("quality_score")->as_int64().value();
  };

  EXPECT_LT(score("HVAC TECH NEEDED ASAP"), 45);
  EXPECT_GT(score(kAdvert), score("HVAC TECH NEEDED ASAP"));
}

TEST_F(LocalModelTest, EveryTextHasAnAnswer) {
  for (const std::string text :
       {"!", "\xF0\x9F\x8D\xB9", "1", "a", "\n\n\n", "- - -", "Title:", "{}", "<p>", "&amp;",
        "\xC2\xA3", "\xC2\xA3 5", "5k", "R", "C", "years", "5 years", "based in ", "$"}) {
    const auto plain = ask("", text);
    ASSERT_TRUE(plain.has_value()) << text;
    EXPECT_FALSE(plain->content.empty()) << text;
    EXPECT_TRUE(
        ask(R"({"type":"object","properties":{"summary":{"type":"string"},"location":{"type":["string","null"]},
        "quality_score":{"type":"number"},"salary":{"type":["object","null"]}}})",
            text)
            .has_value())
        << text;
  }
}

TEST_F(LocalModelTest, SystemMessagesAloneAreNothingToRead) {
  ai::ChatRequest request;
  request.messages.push_back({ai::Role::system, "Be kind."});

  EXPECT_EQ(run(runtime_, model_->chat(std::move(request))).error().code(), Errc::invalid_argument);
}

TEST_F(LocalModelTest, TextBeyondTheLimitIsRefused) {
  LocalModelOptions options;
  options.max_input_bytes = 10;
  model_ = make_local_model(std::move(options));

  EXPECT_EQ(ask("", "longer than ten").error().code(), Errc::invalid_argument);
  EXPECT_TRUE(ask("", "ten bytes.").has_value());
}

TEST_F(LocalModelTest, AnswerBeyondItsTokensIsCut) {
  ai::ChatRequest request;
  request.messages.push_back({ai::Role::user, kAdvert});
  request.max_output_tokens = 5;

  const auto reply = run(runtime_, model_->chat(std::move(request)));

  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->finish_reason, ai::FinishReason::length);
  EXPECT_LE(reply->content.size(), 20U);
}

TEST_F(LocalModelTest, OwnSkillsComeFirst) {
  LocalModelOptions options;
  options.extra_skills = "Snake charming\tsoft\tPython";
  model_ = make_local_model(std::move(options));

  EXPECT_THAT(
      answer(
          R"({"type":"object","properties":{"skills":{"type":"array","items":{"type":"string"}}}})"),
      HasSubstr("Snake charming"));
}

TEST_F(LocalModelTest, DimensionsOutsideTheirRangeAreRefused) {
  for (const std::int64_t dimensions : {7, 4'097}) {
    ai::EmbedRequest request;
    request.inputs = {"text"};
    request.dimensions = dimensions;
    EXPECT_EQ(run(runtime_, model_->embed(std::move(request))).error().code(),
              Errc::invalid_argument);
  }
}

TEST_F(LocalModelTest, EmbeddingIsTheSameEverywhere) {
  ai::EmbedRequest request;
  request.inputs = {"community nurse"};
  request.dimensions = 8;

  const auto reply = run(runtime_, model_->embed(std::move(request)));

  ASSERT_TRUE(reply.has_value());
  const std::vector<float> expected{-0.229658F, -0.229658F, 0.229658F, 0.688973F,
                                    0.0F,       0.229658F,  0.321521F, -0.459315F};
  ASSERT_EQ(reply->vectors[0].size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(reply->vectors[0][i], expected[i], 1e-4) << i;
}

TEST_F(LocalModelTest, SchemaThatMultipliesItsValuesIsRefusedSoon) {
  std::string schema = R"({"type":"string","minLength":9000})";
  for (int level = 0; level < 8; ++level) {
    schema = R"({"type":"array","minItems":90,"items":)" + schema + "}";
  }

  EXPECT_THAT(answer(schema), HasSubstr("too many values"));
}

TEST_F(LocalModelTest, SchemeOpensIt) {
  SchemeRegistry registry;
  register_local(registry);

  const auto model = registry.open<ai::Model>("local:?dimensions=32", runtime_);
  ASSERT_TRUE(model.has_value()) << model.error().to_string();
  EXPECT_EQ((*model)->default_model(), "rwp-local");
  EXPECT_EQ(registry.open<ai::Model>("local:?dimensions=2", runtime_).error().code(),
            Errc::invalid_argument);
  EXPECT_EQ(registry.open<ai::Model>("local:file", runtime_).error().code(),
            Errc::invalid_argument);
  EXPECT_EQ(registry.open<ai::Model>("local:?colour=red", runtime_).error().code(),
            Errc::invalid_argument);
}

}  // namespace
}  // namespace rwp::ai_local
