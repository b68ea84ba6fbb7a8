#include "support/run.hpp"
#include <rwp/ai/similarity.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using tests::run;

ChatRequest question() {
  ChatRequest request;
  request.messages.push_back({Role::user, "What is this?"});
  return request;
}

class ModelTest : public ::testing::Test {
 protected:
  Errc chat_code(ChatRequest request) {
    auto reply = run(runtime_, model_->chat(std::move(request)));
    return reply ? Errc::none : reply.error().code();
  }
  Errc embed_code(EmbedRequest request) {
    auto reply = run(runtime_, model_->embed(std::move(request)));
    return reply ? Errc::none : reply.error().code();
  }

  Runtime runtime_;
  std::shared_ptr<ScriptedModel> model_ = std::make_shared<ScriptedModel>();
};

TEST_F(ModelTest, ValidRequestReachesTheImplementation) {
  model_->answer("a test");

  const auto reply = run(runtime_, model_->chat(question()));

  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->content, "a test");
  ASSERT_EQ(model_->chat_requests().size(), 1U);
}

TEST_F(ModelTest, RequestWithoutMessagesIsRefused) {
  EXPECT_EQ(chat_code(ChatRequest()), Errc::invalid_argument);
  EXPECT_TRUE(model_->chat_requests().empty());
}

TEST_F(ModelTest, EmptyMessageIsRefused) {
  auto request = question();
  request.messages.push_back({Role::assistant, ""});

  EXPECT_EQ(chat_code(std::move(request)), Errc::invalid_argument);
}

TEST_F(ModelTest, BytesThatAreNotUtf8AreRefused) {
  for (const char* bad : {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "abc\xE2\x82", "\xFF"}) {
    auto request = question();
    request.messages[0].content = bad;
    EXPECT_EQ(chat_code(std::move(request)), Errc::invalid_argument);
  }
  auto request = question();
  request.messages[0].content = "\xF4\x8F\xBF\xBF \xED\x9F\xBF \xE0\xA0\x80 \xC2\x80 \xE2\x82\xAC";
  model_->answer("fine");
  EXPECT_EQ(chat_code(std::move(request)), Errc::none);
}

TEST_F(ModelTest, MessagesBeyondFourMebibytesAreRefused) {
  auto request = question();
  request.messages[0].content.assign(std::size_t{4} << 20U, 'a');
  model_->answer("fine");
  EXPECT_EQ(chat_code(request), Errc::none);

  request.messages[0].content += 'a';
  EXPECT_EQ(chat_code(std::move(request)), Errc::invalid_argument);
}

TEST_F(ModelTest, TemperatureOutsideItsRangeIsRefused) {
  for (const double bad : {-0.1, 2.1, std::numeric_limits<double>::quiet_NaN()}) {
    auto request = question();
    request.temperature = bad;
    EXPECT_EQ(chat_code(std::move(request)), Errc::invalid_argument);
  }
}

TEST_F(ModelTest, SchemaNameKeepsItsRule) {
  for (const auto& bad : {std::string(), std::string("two words"), std::string(65, 'a')}) {
    auto request = question();
    request.output_schema = OutputSchema{bad, JsonText::trusted("{}")};
    EXPECT_EQ(chat_code(std::move(request)), Errc::invalid_argument);
  }
  auto request = question();
  request.output_schema = OutputSchema{std::string(64, 'a'), JsonText::trusted("{}")};
  model_->answer("{}");
  EXPECT_EQ(chat_code(std::move(request)), Errc::none);
}

TEST_F(ModelTest, SchemaThatIsNoObjectIsRefused) {
  auto request = question();
  request.output_schema = OutputSchema{"answer", JsonText::trusted("true")};

  EXPECT_EQ(chat_code(std::move(request)), Errc::invalid_argument);
}

TEST_F(ModelTest, ImagesBelongToUsersAndHaveAnAddressOrBytes) {
  auto request = question();
  request.messages[0].images.push_back({.url = "https://example.org/a.png"});
  request.messages[0].images.push_back({.bytes = "PNG", .media_type = "image/png"});
  request.messages[0].content.clear();
  EXPECT_NE(chat_code(request), Errc::invalid_argument);

  for (const Image& bad :
       {Image(), Image{.url = "ftp://a/b"}, Image{.url = "https://a", .bytes = "x"},
        Image{.bytes = "x"}, Image{.bytes = "x", .media_type = "text/html"},
        Image{.url = "https://a", .detail = "huge"}}) {
    request.messages[0].images = {bad};
    EXPECT_EQ(chat_code(request), Errc::invalid_argument) << bad.url;
  }
  request.messages[0].images = {{.url = "https://example.org/a.png"}};
  request.messages[0].role = Role::assistant;
  EXPECT_EQ(chat_code(request), Errc::invalid_argument);
}

TEST_F(ModelTest, ToolsAreWellNamedAndTheirAnswersSayToWhichCall) {
  auto request = question();
  Tool tool{.name = "look_up", .parameters = JsonText::trusted(R"({"type":"object"})")};
  request.tools.push_back(tool);
  request.tool_choice = "look_up";
  request.messages.push_back({.role = Role::assistant, .tool_calls = {{"c1", "look_up", "{}"}}});
  request.messages.push_back({.role = Role::tool, .tool_call_id = "c1"});
  EXPECT_NE(chat_code(request), Errc::invalid_argument);

  request.messages.back().tool_call_id.clear();
  EXPECT_EQ(chat_code(request), Errc::invalid_argument);
  request.messages.back().tool_call_id = "c1";
  request.tool_choice = "other";
  EXPECT_EQ(chat_code(request), Errc::invalid_argument);
  request.tool_choice = "auto";
  request.tools.clear();
  EXPECT_EQ(chat_code(request), Errc::invalid_argument);
  tool.name = "look up";
  request.tools.push_back(tool);
  EXPECT_EQ(chat_code(request), Errc::invalid_argument);
}

TEST_F(ModelTest, ExtraFieldsAreAnObjectAndTakeNothingOver) {
  auto request = question();
  request.extra_fields = JsonText::trusted(R"({"seed":7,"stop":["END"]})");
  EXPECT_NE(chat_code(request), Errc::invalid_argument);
  for (const char* bad : {"[]", R"({"model":"x"})", R"({"n":2})", R"({"stream":true})"}) {
    request.extra_fields = JsonText::trusted(bad);
    EXPECT_EQ(chat_code(request), Errc::invalid_argument) << bad;
  }
}

TEST_F(ModelTest, NegativeTokenLimitIsRefused) {
  auto request = question();
  request.max_output_tokens = -1;

  EXPECT_EQ(chat_code(std::move(request)), Errc::invalid_argument);
}

TEST_F(ModelTest, PassedDeadlineEndsTheCallBeforeItBegins) {
  auto request = question();
  request.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);

  EXPECT_EQ(chat_code(std::move(request)), Errc::deadline_exceeded);
  EXPECT_TRUE(model_->chat_requests().empty());
}

TEST_F(ModelTest, StreamWithoutAReaderIsRefused) {
  const auto reply = run(runtime_, model_->stream(question(), OnDelta()));

  EXPECT_EQ(reply.error().code(), Errc::invalid_argument);
}

TEST_F(ModelTest, InputsToEmbedAreOneTo2048AndNotEmpty) {
  model_->embed_with([](const EmbedRequest&) { return EmbedReply(); });
  EmbedRequest request;
  EXPECT_EQ(embed_code(request), Errc::invalid_argument);

  request.inputs.assign(2'048, "text");
  EXPECT_EQ(embed_code(request), Errc::none);

  request.inputs.emplace_back("one more");
  EXPECT_EQ(embed_code(request), Errc::invalid_argument);

  request.inputs = {"text", ""};
  EXPECT_EQ(embed_code(request), Errc::invalid_argument);
}

TEST(SimilarityTest, SameDirectionIsOneAndOppositeIsMinusOne) {
  const std::vector<float> left{1.0F, 2.0F, 3.0F};
  const std::vector<float> longer{2.0F, 4.0F, 6.0F};
  const std::vector<float> opposite{-1.0F, -2.0F, -3.0F};
  const std::vector<float> across{3.0F, 0.0F, -1.0F};

  EXPECT_NEAR(cosine_similarity(left, longer), 1.0, 1e-9);
  EXPECT_NEAR(cosine_similarity(left, opposite), -1.0, 1e-9);
  EXPECT_NEAR(cosine_similarity(left, across), 0.0, 1e-9);
}

TEST(SimilarityTest, ZeroVectorIsLikeNothing) {
  const std::vector<float> zero{0.0F, 0.0F};
  const std::vector<float> some{1.0F, 0.0F};

  EXPECT_EQ(cosine_similarity(zero, some), 0.0);
}

}  // namespace
}  // namespace rwp::ai
