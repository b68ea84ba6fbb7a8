#include "ai_openai/chat_stream.hpp"
#include "ai_openai/reply_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rwp::ai_openai {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

/// Shaped as the vendor's API document has it.
constexpr const char* kAnswer =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":1760000000,
 "model":"gpt-4.1-mini-2025-04-14","service_tier":"default","system_fingerprint":"fp_1",
 "choices":[{"index":0,"finish_reason":"stop","logprobs":null,
   "message":{"role":"assistant","content":"Hello €","refusal":null,"annotations":[]}}],
 "usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,
   "prompt_tokens_details":{"cached_tokens":7,"audio_tokens":0},
   "completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":0}}})";

template <class T>
T good(Read<T> read) {
  EXPECT_TRUE(std::holds_alternative<T>(read)) << [&] {
    const auto* wrong = std::get_if<Wrong>(&read);
    const auto* why = wrong != nullptr ? std::get_if<std::string>(wrong) : nullptr;
    return why != nullptr ? *why : std::string("a server's error");
  }();
  return std::holds_alternative<T>(read) ? std::get<T>(std::move(read)) : T();
}

/// Why it is no answer; empty when it is one or the server said an error.
template <class T>
std::string why_wrong(const Read<T>& read) {
  const auto* wrong = std::get_if<Wrong>(&read);
  const auto* why = wrong != nullptr ? std::get_if<std::string>(wrong) : nullptr;
  return why != nullptr ? *why : std::string();
}

template <class T>
std::string said_error(const Read<T>& read) {
  const auto* wrong = std::get_if<Wrong>(&read);
  const auto* said = wrong != nullptr ? std::get_if<ServerError>(wrong) : nullptr;
  return said != nullptr ? said->message : std::string();
}

std::string with_choice(const std::string& choice) {
  return R"({"id":"c","model":"m","choices":[)" + choice + "]}";
}

TEST(ChatReplyTest, AnswerIsReadWhole) {
  const auto reply = good(read_chat(kAnswer));

  EXPECT_EQ(reply.content, "Hello \xE2\x82\xAC");
  EXPECT_EQ(reply.model, "gpt-4.1-mini-2025-04-14");
  EXPECT_EQ(reply.id, "chatcmpl-1");
  EXPECT_EQ(reply.finish_reason, ai::FinishReason::stop);
  EXPECT_EQ(reply.usage.input_tokens, 19);
  EXPECT_EQ(reply.usage.output_tokens, 10);
  EXPECT_EQ(reply.usage.cached_input_tokens, 7);
  EXPECT_EQ(reply.usage.reasoning_tokens, 4);
}

TEST(ChatReplyTest, ReasonOfTheEndIsKept) {
  const auto reason = [](const std::string& name) {
    const std::string choice =
        R"({"finish_reason":)" + name + R"(,"message":{"role":"assistant","content":"x"}})";
    return good(read_chat(with_choice(choice))).finish_reason;
  };
  EXPECT_EQ(reason(R"("length")"), ai::FinishReason::length);
  EXPECT_EQ(reason(R"("content_filter")"), ai::FinishReason::content_filter);
  EXPECT_EQ(reason(R"("tool_calls")"), ai::FinishReason::tool_calls);
  EXPECT_EQ(reason(R"("eos")"), ai::FinishReason::stop);
  EXPECT_EQ(reason("null"), ai::FinishReason::stop);
}

TEST(ChatReplyTest, RefusalIsNoContentOfTheAnswer) {
  const auto reply = good(read_chat(with_choice(
      R"({"finish_reason":"stop","message":{"content":null,"refusal":"I cannot help."}})")));

  EXPECT_EQ(reply.finish_reason, ai::FinishReason::refusal);
  EXPECT_EQ(reply.content, "I cannot help.");
}

TEST(ChatReplyTest, LimitReachedBeforeAnyContentIsALength) {
  const auto reply = good(read_chat(
      with_choice(R"({"finish_reason":"length","message":{"content":null,"refusal":null}})")));

  EXPECT_EQ(reply.finish_reason, ai::FinishReason::length);
  EXPECT_EQ(reply.content, "");
}

TEST(ChatReplyTest, BodiesThatAreNoAnswerSayWhy) {
  EXPECT_NE(why_wrong(read_chat(std::string(kAnswer).substr(0, 200))), "");
  EXPECT_NE(why_wrong(read_chat("<html>")), "");
  EXPECT_NE(why_wrong(read_chat("[]")), "");
  EXPECT_THAT(why_wrong(read_chat("{}")), HasSubstr("choices"));
  EXPECT_THAT(why_wrong(read_chat(R"({"choices":[]})")), HasSubstr("choices"));
  EXPECT_THAT(why_wrong(read_chat(with_choice("{}"))), HasSubstr("message"));
  EXPECT_THAT(why_wrong(read_chat(with_choice(R"({"message":{}})"))), HasSubstr("neither"));
  EXPECT_THAT(why_wrong(read_chat(with_choice(R"({"message":{"content":7}})"))),
              HasSubstr("content"));
  EXPECT_THAT(
      why_wrong(read_chat(with_choice(R"({"message":{"content":"a"},"finish_reason":"error"})"))),
      HasSubstr("error"));
}

TEST(ChatReplyTest, ToolCallsAreReadAndGiveTheReason) {
  const auto reply = good(read_chat(with_choice(
      R"({"finish_reason":"stop","message":{"content":null,"tool_calls":[)"
      R"({"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},)"
      R"({"id":"c2","type":"custom","custom":{"name":"g","input":"x"}}]}})")));

  EXPECT_EQ(reply.finish_reason, ai::FinishReason::tool_calls);
  EXPECT_THAT(reply.tool_calls,
              ElementsAre(ai::ToolCall{"c1", "f", R"({"a":1})"}, ai::ToolCall{"c2", "g", "x"}));
  EXPECT_NE(why_wrong(read_chat(with_choice(
                R"({"message":{"content":null,"tool_calls":[{"id":"c1","function":{}}]}})"))),
            "");
}

TEST(ChatReplyTest, WhatIsNotKnownSurvives) {
  const auto reply = good(read_chat(
      R"({"id":"c","system_fingerprint":"fp","timings":{"ms":3},"choices":[{"index":0,)"
      R"("stop_reason":151,"logprobs":{"content":[{"token":"a","logprob":-1}],"refusal":null},)"
      R"("message":{"content":"hi","annotations":[],"reasoning_content":"hm"}}]})"));

  EXPECT_EQ(reply.logprobs.str(), R"({"content":[{"logprob":-1,"token":"a"}]})");
  EXPECT_EQ(reply.extra_fields.str(),
            R"({"system_fingerprint":"fp","timings":{"ms":3},"choice":{"stop_reason":151},)"
            R"("message":{"reasoning_content":"hm"}})");
  EXPECT_TRUE(
      good(read_chat(with_choice(R"({"message":{"content":"hi"}})"))).extra_fields.is_null());
}

TEST(ChatReplyTest, ErrorInAGoodStatusIsAnError) {
  EXPECT_EQ(said_error(read_chat(R"({"error":{"message":"overloaded"}})")), "overloaded");
}

TEST(EmbeddingsReplyTest, Base64AndNumbersGiveTheSameVectors) {
  // 0.6f, 0.8f as little-endian floats.
  const auto base64 = good(read_embeddings(
      R"({"object":"list","model":"e","data":[{"index":0,"embedding":"mpkZP83MTD8="}],)"
      R"("usage":{"prompt_tokens":8,"total_tokens":8}})",
      1, 0));
  const auto numbers =
      good(read_embeddings(R"({"data":[{"index":0,"embedding":[0.6,0.8]}]})", 1, 2));

  EXPECT_THAT(base64.vectors.at(0), ElementsAre(FloatEq(0.6F), FloatEq(0.8F)));
  EXPECT_EQ(base64.vectors, numbers.vectors);
  EXPECT_EQ(base64.usage.input_tokens, 8);
  EXPECT_EQ(base64.model, "e");
}

TEST(EmbeddingsReplyTest, IndexDecidesTheOrderAndLengthBecomesOne) {
  const auto reply = good(read_embeddings(
      R"({"data":[{"index":1,"embedding":[0,3]},{"index":0,"embedding":[4,0]}]})", 2, 0));

  EXPECT_THAT(reply.vectors.at(0), ElementsAre(FloatEq(1), FloatEq(0)));
  EXPECT_THAT(reply.vectors.at(1), ElementsAre(FloatEq(0), FloatEq(1)));
}

TEST(EmbeddingsReplyTest, MissingDoubledOddAndEmptyVectorsAreRefused) {
  const std::vector<std::string> bodies = {
      R"({"data":[{"index":0,"embedding":[1]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":-1,"embedding":[1]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[0,1]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[0]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"####"}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"AAAA"}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"AADAfw=="}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1}]})",
  };
  for (const auto& body : bodies) EXPECT_NE(why_wrong(read_embeddings(body, 2, 0)), "") << body;
  EXPECT_NE(why_wrong(read_embeddings(R"({"data":[{"index":0,"embedding":[1]}]})", 1, 3)), "");
}

TEST(EmbeddingsReplyTest, Base64IsStrict) {
  EXPECT_EQ(decode_floats(""), std::vector<float>());
  EXPECT_EQ(decode_floats("AACAPw=="), std::vector<float>{1.0F});
  for (const char* bad : {"AACAPw", "AACA=w==", "AA A=Pw=", "====", "AACAPw=A", "AACAPw"}) {
    EXPECT_FALSE(decode_floats(bad).has_value()) << bad;
  }
}

TEST(ModelsReplyTest, IdsAreListed) {
  const auto models = good(
      read_models(R"({"object":"list","data":[{"id":"gpt-4o-mini","object":"model","created":1,)"
                  R"("owned_by":"system"},{"id":"a/b:c"}]})"));

  ASSERT_EQ(models.size(), 2U);
  EXPECT_EQ(models[0].owned_by, "system");
  EXPECT_EQ(models[1].id, "a/b:c");
  EXPECT_NE(why_wrong(read_models(R"({"data":[{"object":"model"}]})")), "");
}

class ChatStreamTest : public ::testing::Test {
 protected:
  std::string take(const std::string& data) { return good(stream_.take("", data)); }
  static std::string chunk(const std::string& choices, const std::string& usage = "null") {
    return R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",)"
           R"("choices":)" +
           choices + R"(,"usage":)" + usage + R"(,"obfuscation":"x7Q"})";
  }
  ChatStream stream_{1'000};
};

TEST_F(ChatStreamTest, PiecesMakeTheContentAndUsageComesLast) {
  EXPECT_EQ(take(chunk(R"([{"index":0,"delta":{"role":"assistant","content":"","refusal":null},)"
                       R"("logprobs":null,"finish_reason":null}])")),
            "");
  EXPECT_EQ(take(chunk(R"([{"index":0,"delta":{"content":"Hel"},"finish_reason":null}])")), "Hel");
  EXPECT_EQ(take(chunk(R"([{"index":0,"delta":{"content":"lo"},"finish_reason":null}])")), "lo");
  EXPECT_EQ(take(chunk(R"([{"index":0,"delta":{},"finish_reason":"stop"}])")), "");
  EXPECT_EQ(take(chunk("[]", R"({"prompt_tokens":3,"completion_tokens":2})")), "");
  EXPECT_EQ(take("[DONE]"), "");
  EXPECT_TRUE(stream_.done());

  const auto reply = good(stream_.finish());

  EXPECT_EQ(reply.content, "Hello");
  EXPECT_EQ(reply.id, "chatcmpl-1");
  EXPECT_EQ(reply.model, "m");
  EXPECT_EQ(reply.usage.input_tokens, 3);
  EXPECT_EQ(reply.usage.output_tokens, 2);
}

TEST_F(ChatStreamTest, EndWithoutAReasonIsNoShortAnswer) {
  take(chunk(R"([{"index":0,"delta":{"content":"Hel"},"finish_reason":null}])"));

  EXPECT_THAT(why_wrong(stream_.finish()), HasSubstr("finish_reason"));
}

TEST_F(ChatStreamTest, ReasonWithoutDoneAndDoneWithoutReasonAreEnds) {
  take(chunk(R"([{"delta":{"content":"a"},"finish_reason":"length"}])"));
  EXPECT_EQ(good(stream_.finish()).finish_reason, ai::FinishReason::length);

  ChatStream other(10);
  good(other.take("", chunk(R"([{"delta":{"content":"a"}}])")));
  good(other.take("", "[DONE]"));
  EXPECT_EQ(good(other.finish()).content, "a");
}

TEST_F(ChatStreamTest, UsageMayComeWithAChoice) {
  take(chunk(R"([{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}])",
             R"({"prompt_tokens":5,"completion_tokens":1})"));

  EXPECT_TRUE(stream_.has_usage());
  EXPECT_EQ(good(stream_.finish()).usage.input_tokens, 5);
}

TEST_F(ChatStreamTest, OtherChoicesAreNotMixedIn) {
  EXPECT_EQ(take(chunk(R"([{"index":1,"delta":{"content":"other"}},)"
                       R"({"index":0,"delta":{"content":"mine"}}])")),
            "mine");
}

TEST_F(ChatStreamTest, MalformedEventsSayWhy) {
  for (const char* bad :
       {"{", "", "[]", "7", "{}", R"({"choices":7})", R"({"choices":[{"delta":7}]})",
        R"({"choices":[{"delta":{"content":7}}]})",
        R"({"choices":[{"delta":{},"finish_reason":"error"}]})"}) {
    EXPECT_NE(why_wrong(ChatStream(10).take("", bad)), "") << bad;
  }
}

TEST_F(ChatStreamTest, ErrorEventsAreErrors) {
  const char* within = R"({"error":{"message":"busy","type":"server_error","param":null}})";
  EXPECT_EQ(said_error(ChatStream(10).take("", within)), "busy");
  EXPECT_EQ(said_error(ChatStream(10).take("error", within)), "busy");
  EXPECT_EQ(said_error(ChatStream(10).take("error", R"({"message":"bare"})")), "bare");
}

TEST_F(ChatStreamTest, ContentIsBounded) {
  const std::string piece(600, 'x');
  take(chunk(R"([{"delta":{"content":")" + piece + R"("}}])"));

  EXPECT_THAT(why_wrong(stream_.take("", chunk(R"([{"delta":{"content":")" + piece + R"("}}])"))),
              HasSubstr("1000 bytes"));
}

TEST_F(ChatStreamTest, PiecesOfToolCallsMayComeInTurn) {
  for (const char* delta :
       {R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":""}}]})",
        R"({"tool_calls":[{"index":1,"id":"c2","function":{"name":"g","arguments":"{"}}]})",
        R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]})",
        R"({"tool_calls":[{"index":1,"function":{"arguments":"}"}},)"
        R"({"index":0,"function":{"arguments":":1}"}}]})"}) {
    take(chunk(R"([{"delta":)" + std::string(delta) + "}]"));
  }
  take(chunk(R"([{"delta":{},"finish_reason":"tool_calls"}])"));

  const auto reply = good(stream_.finish());
  EXPECT_EQ(reply.finish_reason, ai::FinishReason::tool_calls);
  EXPECT_THAT(reply.tool_calls,
              ElementsAre(ai::ToolCall{"c1", "f", R"({"a":1})"}, ai::ToolCall{"c2", "g", "{}"}));
}

TEST_F(ChatStreamTest, ToolCallsWithoutAnIndexAreToldApartByTheirIds) {
  take(chunk(R"([{"delta":{"tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}},)"
             R"({"id":"c2","function":{"name":"g","arguments":"{"}}]}}])"));
  take(chunk(R"([{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]},"finish_reason":""}])"));
  take("[DONE]");

  EXPECT_THAT(good(stream_.finish()).tool_calls,
              ElementsAre(ai::ToolCall{"c1", "f", "{}"}, ai::ToolCall{"c2", "g", "{}"}));
}

TEST_F(ChatStreamTest, ToolCallOutOfItsOrderOrNamelessIsNoAnswer) {
  EXPECT_NE(why_wrong(ChatStream(10).take(
                "", chunk(R"([{"delta":{"tool_calls":[{"index":7,"id":"c"}]}}])"))),
            "");
  take(chunk(R"([{"delta":{"tool_calls":[{"index":0,"id":"c"}]},"finish_reason":"stop"}])"));
  EXPECT_NE(why_wrong(stream_.finish()), "");
}

TEST_F(ChatStreamTest, ReasoningAndLogprobsArePutTogether) {
  take(chunk(R"([{"delta":{"reasoning":"so ","x":1},"logprobs":{"content":[{"token":"a"}]}}])"));
  take(chunk(R"([{"delta":{"reasoning":"far","x":2},"logprobs":{"content":[{"token":"b"}]}}])"));
  take(chunk(R"([{"delta":{"content":"ok"},"finish_reason":"stop"}])"));

  const auto reply = good(stream_.finish());
  EXPECT_EQ(reply.extra_fields.str(), R"({"message":{"reasoning":"so far","x":2}})");
  EXPECT_EQ(reply.logprobs.str(), R"({"content":[{"token":"a"},{"token":"b"}]})");
}

TEST_F(ChatStreamTest, RefusalIsAReason) {
  take(chunk(R"([{"delta":{"refusal":"I cannot"}}])"));
  take(chunk(R"([{"delta":{},"finish_reason":"stop"}])"));

  const auto reply = good(stream_.finish());
  EXPECT_EQ(reply.finish_reason, ai::FinishReason::refusal);
  EXPECT_EQ(reply.content, "I cannot");
}

}  // namespace
}  // namespace rwp::ai_openai
