#include "ai_openai/wire_stream.hpp"
#include <rwp/ai/wire.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

namespace rwp::ai_openai {
namespace {

constexpr std::size_t kMost = 4'096;
constexpr std::string_view kPiece =
    "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}";
constexpr std::string_view kEnd =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}";
constexpr std::string_view kUsage =
    "data: {\"choices\" : [ ],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}";

/// All that is handed on of a stream that comes in pieces of so many bytes.
std::string handed_on(WireStream& stream, std::string_view bytes, std::size_t piece) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    auto taken = stream.take(bytes.substr(at, piece));
    out += taken.bytes;
    if (taken.wrong) return out + "WRONG";
  }
  auto taken = stream.take_end();
  return out + taken.bytes + (taken.wrong ? "WRONG" : "");
}

std::string joined(std::initializer_list<std::string_view> events, std::string_view end) {
  std::string out;
  for (const auto event : events) out.append(event).append(end).append(end);
  return out;
}

TEST(WireStreamTest, EventsAreHandedOnAsTheyCameHoweverTheyWereCut) {
  for (const std::string_view line_end : {"\n", "\r\n"}) {
    const std::string all = joined({kPiece, kPiece, kEnd, kUsage, "data: [DONE]"}, line_end);
    for (std::size_t piece = 1; piece < 40; ++piece) {
      WireStream stream(ai::WireApi::chat_completions, true, kMost);
      EXPECT_EQ(handed_on(stream, all, piece), all) << piece;
      EXPECT_TRUE(stream.done());
      const auto reply = std::get<ai::ChatReply>(stream.finish());
      EXPECT_EQ(reply.content, "hihi");
      EXPECT_EQ(reply.usage.output_tokens, 2);
    }
  }
}

TEST(WireStreamTest, UsageThatNobodyAskedForAndCommentsStayHere) {
  WireStream stream(ai::WireApi::chat_completions, false, kMost);
  const std::string all = joined({": alive", kPiece, kEnd, kUsage, "data: [DONE]"}, "\n");
  EXPECT_EQ(handed_on(stream, all, all.size()), joined({kPiece, kEnd, "data: [DONE]"}, "\n"));
  EXPECT_EQ(std::get<ai::ChatReply>(stream.finish()).usage.input_tokens, 3);
}

TEST(WireStreamTest, TextThatSpeaksOfUsageIsNoUsageEvent) {
  constexpr std::string_view kTricky =
      R"(data: {"choices":[{"delta":{"content":"\"choices\":[] \"usage\":{}"}}],"usage":null})";
  WireStream stream(ai::WireApi::chat_completions, false, kMost);
  const std::string all = joined({kTricky}, "\n");
  EXPECT_EQ(handed_on(stream, all, all.size()), all);
}

TEST(WireStreamTest, WhatStandsBeforeABadEventIsGoodAndNothingBehindIt) {
  for (const std::string_view bad :
       {"data: {broken", "data: {\"error\":{\"message\":\"no\"}}", "event: error\ndata: {}"}) {
    WireStream stream(ai::WireApi::chat_completions, false, kMost);
    const std::string all = joined({kPiece, bad, kPiece}, "\n");
    EXPECT_EQ(handed_on(stream, all, all.size()), joined({kPiece}, "\n") + "WRONG") << bad;
  }
}

TEST(WireStreamTest, EventLargerThanTheLimitIsWrong) {
  WireStream stream(ai::WireApi::chat_completions, false, kMost);
  const std::string all = "data: " + std::string(2 * kMost, 'x');
  EXPECT_EQ(handed_on(stream, all, 100), "WRONG");
}

TEST(WireStreamTest, StreamThatDoesNotEndIsWrongAtSomeTime) {
  constexpr std::string_view kDelta =
      R"(data: {"type":"response.output_text.delta","delta":"more and more"})";
  WireStream stream(ai::WireApi::responses, false, kMost);
  std::string all;
  while (all.size() <= 8 * kMost) all += joined({kDelta}, "\n");
  const std::string out = handed_on(stream, all, 100);
  EXPECT_TRUE(out.ends_with("WRONG"));
  EXPECT_LE(out.size(), 4 * kMost + 5);
}

TEST(WireStreamTest, EventWithinAnotherIsNotHandedOn) {
  WireStream stream(ai::WireApi::chat_completions, false, kMost);
  const std::string all = std::string(kPiece) + "\r\rdata: {\"error\":{\"message\":\"no\"}}\n\n";
  EXPECT_EQ(handed_on(stream, all, all.size()), "WRONG");
}

TEST(WireStreamTest, StreamWithoutAnEndIsNoAnswer) {
  for (const auto api : {ai::WireApi::chat_completions, ai::WireApi::responses}) {
    WireStream stream(api, false, kMost);
    const std::string all = joined(
        {api == ai::WireApi::responses ? "data: {\"type\":\"response.created\"}" : kPiece}, "\n");
    EXPECT_EQ(handed_on(stream, all, all.size()), all);
    EXPECT_TRUE(std::holds_alternative<Wrong>(stream.finish()));
  }
}

TEST(WireCallTest, CanonicalFormLeavesOutWhatChangesNoAnswer) {
  const auto form_of = [](std::string body) {
    ai::WireCall call;
    call.body = JsonText::parse(std::move(body)).value();
    return ai::canonical_wire(call);
  };
  const auto form = form_of(R"({"seed":1,"messages":[{"role":"user","content":"a b"}]})");
  EXPECT_EQ(form, form_of(R"({ "messages" : [ {"content":"a b","role":"user"} ], "seed" : 1,
      "model":"m","user":"u","metadata":{"a":"b"},"stream":true,"tools":null})"));
  EXPECT_NE(form, form_of(R"({"seed":2,"messages":[{"role":"user","content":"a b"}]})"));
  EXPECT_NE(form, form_of(R"({"seed":1,"messages":[{"role":"user","content":"ab"}]})"));
}

}  // namespace
}  // namespace rwp::ai_openai
