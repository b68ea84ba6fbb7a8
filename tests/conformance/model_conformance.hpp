#pragma once

#include "support/run.hpp"
#include <rwp/ai/json_schema.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/ai/similarity.hpp>
#include <rwp/core/runtime.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

/// What every ai::Model keeps; each implementation's test file instantiates it.
namespace rwp::tests {

struct ModelBackend {
  std::string name{};
  std::function<std::shared_ptr<ai::Model>()> make{};
  /// Unset: the model has no embeddings, and says `Errc::unsupported`.
  bool embeds = true;
};

inline std::ostream& operator<<(std::ostream& out, const ModelBackend& backend) {
  return out << backend.name;
}

class ModelConformance : public ::testing::TestWithParam<ModelBackend> {
 protected:
  static ai::ChatRequest advertisement() {
    ai::ChatRequest request;
    request.messages.push_back({ai::Role::system, "You describe job advertisements."});
    request.messages.push_back(
        {ai::Role::user,
         "Title: Community Nurse\nLocation: Leeds\n\nWe are looking for a community nurse who "
         "visits "
         "people at home in Leeds. You will plan care with patients and their families. Driving "
         "licence needed. \xE2\x82\xAC and \xC2\xA3 are currency signs."});
    return request;
  }

  static ai::OutputSchema schema() {
    return {
        "advertisement",
        JsonText::trusted(
            R"({"type":"object","properties":{"title":{"type":"string"},"score":{"type":"integer",)"
            R"("minimum":0,"maximum":100},"tags":{"type":"array","items":{"type":"string"},"maxItems":3},)"
            R"("salary":{"type":["number","null"]}},"required":["title","score","tags","salary"],)"
            R"("additionalProperties":false})")};
  }

  Runtime runtime_;
  std::shared_ptr<ai::Model> model_ = GetParam().make();
};

TEST_P(ModelConformance, AnswerHasTextAndNamesItsModel) {
  const auto reply = run(runtime_, model_->chat(advertisement()));

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_FALSE(reply->content.empty());
  EXPECT_FALSE(reply->model.empty());
  EXPECT_EQ(reply->finish_reason, ai::FinishReason::stop);
  EXPECT_GT(reply->usage.input_tokens, 0);
  EXPECT_GT(reply->usage.output_tokens, 0);
}

TEST_P(ModelConformance, AnswerToASchemaIsAValueOfIt) {
  auto request = advertisement();
  request.output_schema = schema();

  const auto reply = run(runtime_, model_->chat(std::move(request)));

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  const auto document = JsonText::parse(reply->content);
  ASSERT_TRUE(document.has_value());
  const auto judge = ai::JsonSchema::compile(schema().schema);
  EXPECT_TRUE(judge->validate(*document).has_value());
}

TEST_P(ModelConformance, PiecesOfAStreamAreTheContent) {
  std::string pieces;
  int count = 0;
  ai::OnDelta keep = [&pieces, &count](std::string_view piece) {
    pieces += piece;
    ++count;
    return true;
  };

  const auto reply = run(runtime_, model_->stream(advertisement(), std::move(keep)));

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(pieces, reply->content);
  EXPECT_GT(count, 1);
}

TEST_P(ModelConformance, StreamThatItsReaderEndsIsCancelled) {
  int count = 0;
  ai::OnDelta stop = [&count](std::string_view) {
    ++count;
    return false;
  };

  const auto reply = run(runtime_, model_->stream(advertisement(), std::move(stop)));

  EXPECT_EQ(reply.error().code(), Errc::cancelled);
  EXPECT_EQ(count, 1);
}

TEST_P(ModelConformance, RequestsThatBreakTheRulesAreRefused) {
  EXPECT_EQ(run(runtime_, model_->chat(ai::ChatRequest())).error().code(), Errc::invalid_argument);

  auto hot = advertisement();
  hot.temperature = 3.0;
  EXPECT_EQ(run(runtime_, model_->chat(std::move(hot))).error().code(), Errc::invalid_argument);

  auto misnamed = advertisement();
  misnamed.output_schema = schema();
  misnamed.output_schema->name = "two words";
  EXPECT_EQ(run(runtime_, model_->chat(std::move(misnamed))).error().code(),
            Errc::invalid_argument);

  EXPECT_EQ(run(runtime_, model_->embed(ai::EmbedRequest())).error().code(),
            Errc::invalid_argument);
}

TEST_P(ModelConformance, DeadlineThatHasPassedIsTold) {
  auto request = advertisement();
  request.deadline = std::chrono::steady_clock::now() - std::chrono::milliseconds(1);

  EXPECT_EQ(run(runtime_, model_->chat(std::move(request))).error().code(),
            Errc::deadline_exceeded);
}

TEST_P(ModelConformance, EmbeddingsHaveLengthOneAndTheOrderOfTheInputs) {
  if (!GetParam().embeds) GTEST_SKIP() << "this model has no embeddings";
  ai::EmbedRequest request;
  request.inputs = {"community nurse in Leeds", "backend engineer for databases",
                    "community nurse in Leeds"};

  const auto reply = run(runtime_, model_->embed(std::move(request)));

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  ASSERT_EQ(reply->vectors.size(), 3U);
  for (const auto& vector : reply->vectors) {
    double squares = 0.0;
    for (const float value : vector) squares += static_cast<double>(value) * value;
    EXPECT_NEAR(squares, 1.0, 1e-4);
  }
  EXPECT_GT(ai::cosine_similarity(reply->vectors[0], reply->vectors[2]),
            ai::cosine_similarity(reply->vectors[0], reply->vectors[1]));
}

TEST_P(ModelConformance, EmbeddingsHaveTheDimensionsAskedFor) {
  if (!GetParam().embeds) GTEST_SKIP() << "this model has no embeddings";
  ai::EmbedRequest request;
  request.inputs = {"community nurse"};
  request.dimensions = 64;

  const auto reply = run(runtime_, model_->embed(std::move(request)));

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(reply->vectors.at(0).size(), 64U);
}

TEST_P(ModelConformance, CallsMayOverlapWithoutMixingTheirAnswers) {
  auto other = advertisement();
  other.messages.back().content =
      "Title: Welder\n\nYou will weld steel frames in our workshop in Cardiff.";
  auto first = model_->chat(advertisement());
  auto second = model_->chat(std::move(other));

  const auto second_reply = run(runtime_, std::move(second));
  const auto first_reply = run(runtime_, std::move(first));

  ASSERT_TRUE(first_reply.has_value() && second_reply.has_value());
  EXPECT_NE(first_reply->content, second_reply->content);
}

}  // namespace rwp::tests
