#include "support/ai_fixture.hpp"
#include <rwp/ai/cached.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using tests::chat_request;
using tests::run;
using namespace std::chrono_literals;

class MapBlobs final : public BlobStore {
 public:
  std::map<std::string, std::string> blobs{};
  bool away = false;

  boost::asio::awaitable<Result<void>> put_blob(std::string key, std::string content) override {
    if (away) co_return Error(Errc::unavailable, "away");
    blobs[key] = std::move(content);
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<std::string>> get_blob(std::string key) override {
    if (away) co_return Error(Errc::unavailable, "away");
    const auto found = blobs.find(key);
    if (found == blobs.end()) co_return Error(Errc::not_found, "none");
    co_return found->second;
  }
  boost::asio::awaitable<Result<void>> remove_blob(std::string key) override {
    blobs.erase(key);
    co_return Result<void>();
  }
};

/// Each promise is held to both caches.
class CachedTest : public ::testing::TestWithParam<bool> {
 protected:
  CachedTest() {
    if (GetParam()) {
      options_.cache = make_blob_cache(blobs_, "c/", [this] {
        return std::chrono::system_clock::time_point(1'000'000'000s + passed_);
      });
    } else {
      MemoryCacheOptions memory;
      memory.now = [this] { return std::chrono::steady_clock::time_point(1'000'000s + passed_); };
      options_.cache = make_memory_cache(std::move(memory));
    }
    options_.time_to_live = 60s;
  }

  Result<ChatReply> ask(ChatRequest request) {
    if (!model_) model_ = make_cached(inner_, options_);
    return run(runtime_, model_->chat(std::move(request)));
  }
  Result<ChatReply> stream(ChatRequest request, std::vector<std::string>* pieces) {
    if (!model_) model_ = make_cached(inner_, options_);
    OnDelta keep = [pieces](std::string_view piece) {
      pieces->emplace_back(piece);
      return true;
    };
    return run(runtime_, model_->stream(std::move(request), std::move(keep)));
  }
  std::size_t asked() const { return inner_->chat_requests().size(); }

  std::chrono::seconds passed_{0};
  std::shared_ptr<MapBlobs> blobs_ = std::make_shared<MapBlobs>();
  CachedOptions options_;
  std::shared_ptr<ScriptedModel> inner_ = std::make_shared<ScriptedModel>("m");
  std::shared_ptr<Model> model_;
  Runtime runtime_;
};

TEST_P(CachedTest, SameRequestIsAnsweredFromTheCacheUntilItsTimeHasPassed) {
  ChatReply reply;
  reply.content = "answer";
  reply.usage.output_tokens = 7;
  reply.id = "id-1";
  inner_->answer(reply).answer("another");

  EXPECT_EQ(ask(chat_request("?")).value().source, AnswerSource::model);
  passed_ = 59s;
  const auto hit = ask(chat_request("?")).value();
  EXPECT_EQ(hit.source, AnswerSource::cache);
  EXPECT_EQ(hit.content, "answer");
  EXPECT_EQ(hit.model, "m");
  EXPECT_EQ(hit.id, "id-1");
  EXPECT_EQ(hit.usage.output_tokens, 7);
  passed_ = 61s;
  EXPECT_EQ(ask(chat_request("?")).value().content, "another");
}

TEST_P(CachedTest, WhateverMayChangeTheAnswerIsADifferentRequest) {
  inner_->answer_with([](const ChatRequest&) {
    ChatReply reply;
    reply.content = "{}";
    return reply;
  });
  std::vector<ChatRequest> different(13, chat_request("?"));
  different[1].messages[0].content = "??";
  different[2].messages[0].role = Role::system;
  different[3].messages.push_back({Role::user, "?"});
  different[4].model = "other";
  different[5].max_output_tokens = 9;
  different[6].output_schema = OutputSchema{"a", JsonText::trusted(R"({"type":"object"})")};
  different[7].output_schema = OutputSchema{"b", JsonText::trusted(R"({"type":"object"})")};
  different[8].messages[0].images.push_back({.bytes = "a", .media_type = "image/png"});
  different[9].messages[0].images.push_back({.bytes = "b", .media_type = "image/png"});
  different[10].tools.push_back({.name = "f"});
  different[11].top_logprobs = 1;
  different[12].extra_fields = JsonText::trusted(R"({"seed":7})");
  for (const auto& request : different) ASSERT_TRUE(ask(request).has_value());
  EXPECT_EQ(asked(), different.size());

  auto same = chat_request("?");
  same.kind = "other";
  same.priority = CallPriority::urgent;
  same.model = "m";  // The default by its name.
  EXPECT_EQ(ask(same).value().source, AnswerSource::cache);
  auto spaced = chat_request("?");
  spaced.output_schema = OutputSchema{"a", JsonText::trusted("{\n  \"type\" : \"object\" }")};
  EXPECT_EQ(ask(spaced).value().source, AnswerSource::cache);
  spaced.output_schema = OutputSchema{"a", JsonText::trusted(R"({"type":"object","title":"a b"})")};
  ASSERT_TRUE(ask(spaced).has_value());
  spaced.output_schema = OutputSchema{"a", JsonText::trusted(R"({"type":"object","title":"ab"})")};
  EXPECT_EQ(ask(spaced).value().source, AnswerSource::model);
}

TEST_P(CachedTest, TenantsDoNotSeeEachOthersAnswersUnlessToldSo) {
  inner_->answer("for a").answer("for b");
  ASSERT_TRUE(ask(chat_request("?", "a")).has_value());
  EXPECT_EQ(ask(chat_request("?", "b")).value().content, "for b");

  options_.scope = CacheScope::all;
  model_ = nullptr;
  inner_->answer("for all");
  ASSERT_TRUE(ask(chat_request("?", "a")).has_value());
  EXPECT_EQ(ask(chat_request("?", "b")).value().source, AnswerSource::cache);
}

TEST_P(CachedTest, NothingCutRefusedFilteredMisfittingOrFailedIsKept) {
  for (const auto reason :
       {FinishReason::length, FinishReason::refusal, FinishReason::content_filter}) {
    ChatReply reply;
    reply.content = "{}";
    reply.finish_reason = reason;
    inner_->answer(reply);
    ASSERT_TRUE(ask(chat_request("?")).has_value());
  }
  inner_->fail(Error(Errc::unavailable, "no"));
  EXPECT_FALSE(ask(chat_request("?")).has_value());
  inner_->answer("whole");
  EXPECT_EQ(ask(chat_request("?")).value().source, AnswerSource::model);

  auto structured = chat_request("!");
  structured.output_schema =
      OutputSchema{"a", JsonText::trusted(R"({"type":"object","required":["x"]})")};
  inner_->answer("{}").answer(R"({"x":1})");
  ASSERT_TRUE(ask(structured).has_value());
  EXPECT_EQ(ask(structured).value().content, R"({"x":1})");
  EXPECT_EQ(ask(structured).value().source, AnswerSource::cache);
}

TEST_P(CachedTest, StreamIsPlayedBackInPiecesBetweenCharacters) {
  std::string content;
  for (int i = 0; i < 900; ++i) content += "aé€";
  inner_->answer(content);
  std::vector<std::string> first;
  ASSERT_TRUE(stream(chat_request("?"), &first).has_value());

  std::vector<std::string> again;
  const auto reply = stream(chat_request("?"), &again).value();

  EXPECT_EQ(reply.source, AnswerSource::cache);
  EXPECT_GT(again.size(), 1U);
  std::string joined;
  for (const auto& piece : again) {
    EXPECT_NE(static_cast<unsigned char>(piece[0]) & 0xC0U, 0x80U);
    joined += piece;
  }
  EXPECT_EQ(joined, content);
  EXPECT_EQ(ask(chat_request("?")).value().content, content);
  EXPECT_EQ(asked(), 1U);
}

TEST_P(CachedTest, BrokenStreamIsNotKept) {
  inner_->break_stream("half an answer", 1, Error(Errc::unavailable, "cut")).answer("whole");
  std::vector<std::string> pieces;
  EXPECT_FALSE(stream(chat_request("?"), &pieces).has_value());
  EXPECT_EQ(ask(chat_request("?")).value().content, "whole");
}

TEST_P(CachedTest, AnswerOfAFallbackIsKeptForTheModelThatGaveIt) {
  ChatReply reply;
  reply.content = "second best";
  reply.model = "fallback";
  reply.from_fallback = true;
  inner_->answer(reply).answer("best");
  ASSERT_TRUE(ask(chat_request("?")).has_value());
  EXPECT_EQ(ask(chat_request("?")).value().content, "best");
  auto of_fallback = chat_request("?");
  of_fallback.model = "fallback";
  EXPECT_EQ(ask(of_fallback).value().content, "second best");
}

TEST_P(CachedTest, EmbeddingsAreKeptExactly) {
  inner_->embed_with([](const EmbedRequest&) {
    EmbedReply reply;
    reply.vectors = {{0.6F, -0.8F}, {1.0F, 0.0F}};
    reply.usage.input_tokens = 4;
    return reply;
  });
  model_ = make_cached(inner_, options_);
  EmbedRequest request;
  request.inputs = {"a", "b"};
  const auto first = run(runtime_, model_->embed(request)).value();
  const auto again = run(runtime_, model_->embed(request)).value();
  EXPECT_EQ(again.source, AnswerSource::cache);
  EXPECT_EQ(again.vectors, first.vectors);
  EXPECT_EQ(inner_->embed_requests().size(), 1U);
}

TEST_P(CachedTest, TimeToLiveWithoutBoundIsKeptAndOverflowsNothing) {
  inner_->answer("kept");
  options_.time_to_live = std::chrono::seconds::max();
  ASSERT_TRUE(ask(chat_request("?")).has_value());
  EXPECT_EQ(ask(chat_request("?")).value().source, AnswerSource::cache);
}

INSTANTIATE_TEST_SUITE_P(Caches, CachedTest, ::testing::Bool(), [](const auto& tested) {
  return std::string(tested.param ? "Blobs" : "Memory");
});

TEST(MemoryCacheTest, WhatWasNotReadForLongestGoesWhenItIsFull) {
  Runtime runtime;
  MemoryCacheOptions options;
  options.max_bytes = 3'000;
  const auto cache = make_memory_cache(std::move(options));
  const auto put = [&](const char* key) {
    ASSERT_TRUE(run(runtime, cache->put(key, std::string(700, 'x'), 60s)).has_value());
  };
  const auto has = [&](const char* key) {
    return run(runtime, cache->get(key)).value().has_value();
  };
  put("a");
  put("b");
  put("c");
  EXPECT_TRUE(has("a"));
  put("d");

  EXPECT_TRUE(has("a"));
  EXPECT_FALSE(has("b"));
  EXPECT_TRUE(has("d"));
  ASSERT_TRUE(run(runtime, cache->put("big", std::string(4'000, 'x'), 60s)).has_value());
  EXPECT_FALSE(has("big"));
  EXPECT_TRUE(has("a"));
}

TEST(BlobCacheTest, StoreThatIsAwayIsAMissAndRubbishIsNone) {
  Runtime runtime;
  auto blobs = std::make_shared<MapBlobs>();
  CachedOptions options;
  options.cache = make_blob_cache(blobs);
  auto inner = std::make_shared<ScriptedModel>("m");
  inner->answer("one").answer("two").answer("three");
  const auto model = make_cached(inner, options);

  blobs->away = true;
  EXPECT_EQ(run(runtime, model->chat(chat_request("?"))).value().content, "one");
  blobs->away = false;
  EXPECT_EQ(run(runtime, model->chat(chat_request("?"))).value().content, "two");
  ASSERT_EQ(blobs->blobs.size(), 1U);
  for (const char* rubbish :
       {"", "rubbish", "rwp-ai-cache 1 9999999999\n", "rwp-ai-cache 1 x\nc"}) {
    blobs->blobs.begin()->second = rubbish;
    inner->answer("three");
    EXPECT_EQ(run(runtime, model->chat(chat_request("?"))).value().source, AnswerSource::model);
  }
}

}  // namespace
}  // namespace rwp::ai
