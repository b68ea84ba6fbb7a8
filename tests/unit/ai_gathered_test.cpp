#include "support/ai_fixture.hpp"
#include <rwp/ai/attempt_limited.hpp>
#include <rwp/ai/gathered.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace rwp::ai {
namespace {

using rwp::testing::ScriptedModel;
using tests::eventually;
using tests::on_io;
using namespace std::chrono_literals;

struct StartedEmbed {
  std::optional<Result<EmbedReply>> end{};
  Task task{};
};

boost::asio::awaitable<void> run_embed(std::shared_ptr<Model> model, EmbedRequest request,
                                       std::shared_ptr<StartedEmbed> call) {
  auto reply = co_await model->embed(std::move(request));
  call->end = std::move(reply);
}

class GatheredTest : public ::testing::Test {
 protected:
  GatheredTest() {
    options_.window = 30ms;
    inner_->embed_with([](const EmbedRequest& request) -> Result<EmbedReply> {
      EmbedReply reply;
      for (const auto& input : request.inputs) {
        if (input == "bad") return Error(Errc::invalid_argument, "bad input");
        reply.vectors.push_back({static_cast<float>(input.size())});
      }
      reply.usage.input_tokens = 100 * static_cast<std::int64_t>(request.inputs.size());
      return reply;
    });
  }

  std::shared_ptr<StartedEmbed> start(std::vector<std::string> inputs,
                                      std::string model = std::string(),
                                      std::shared_ptr<CallProgress> progress = nullptr,
                                      std::string tenant = std::string()) {
    if (!model_) model_ = make_gathered(inner_, options_);
    EmbedRequest request;
    request.inputs = std::move(inputs);
    request.model = std::move(model);
    request.progress = std::move(progress);
    request.tenant = std::move(tenant);
    auto call = std::make_shared<StartedEmbed>();
    auto done = [call](const std::exception_ptr& thrown) {
      if (thrown) call->end = detail::from_exception(thrown);
    };
    call->task = Task(runtime_.executor(), run_embed(model_, std::move(request), call), done);
    return call;
  }
  bool ended(const std::shared_ptr<StartedEmbed>& call) {
    return eventually(runtime_, [call] { return call->end.has_value(); });
  }

  GatherOptions options_;
  std::shared_ptr<ScriptedModel> inner_ = std::make_shared<ScriptedModel>("m");
  std::shared_ptr<Model> model_;
  Runtime runtime_;
};

TEST_F(GatheredTest, CallsOfManyGoTogetherAndEachGetsItsOwn) {
  std::vector<std::shared_ptr<StartedEmbed>> calls;
  for (std::size_t i = 1; i <= 10; ++i) calls.push_back(start({std::string(i, 'x'), "yy"}));

  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    ASSERT_TRUE(ended(calls[i]));
    const auto& reply = calls[i]->end->value();
    ASSERT_EQ(reply.vectors.size(), 2U);
    EXPECT_EQ(reply.vectors[0][0], static_cast<float>(i + 1));
    tokens += reply.usage.input_tokens;
  }
  std::size_t inputs = 0;
  for (const auto& request : inner_->embed_requests()) inputs += request.inputs.size();
  EXPECT_EQ(inputs, 20U);
  // All ten within one window, but for a machine that stops in between.
  EXPECT_LT(inner_->embed_requests().size(), 10U);
  EXPECT_EQ(tokens, 2'000);
}

TEST_F(GatheredTest, ModelsAndLimitsSplitRequests) {
  options_.max_inputs = 4;
  const std::vector<std::shared_ptr<StartedEmbed>> calls = {
      start({"a", "b", "c"}), start({"d", "e"}), start({"f"}, "other"),
      start({"1", "2", "3", "4", "5"})};
  for (const auto& call : calls) {
    ASSERT_TRUE(ended(call));
    EXPECT_TRUE(call->end->has_value());
  }
  EXPECT_EQ(inner_->embed_requests().size(), 4U);
}

TEST_F(GatheredTest, TenantsGoApartWhereTheyAreToldApart) {
  options_.tenants_together = false;
  const std::vector<std::shared_ptr<StartedEmbed>> calls = {start({"a"}, "", nullptr, "acme"),
                                                            start({"b"}, "", nullptr, "other")};
  for (const auto& call : calls) ASSERT_TRUE(ended(call));
  ASSERT_EQ(inner_->embed_requests().size(), 2U);
  for (const auto& request : inner_->embed_requests()) {
    EXPECT_EQ(request.tenant, request.inputs[0] == "a" ? "acme" : "other");
    EXPECT_EQ(request.inputs.size(), 1U);
  }
}

TEST_F(GatheredTest, BadInputFailsItsCallerAlone) {
  std::vector<std::shared_ptr<StartedEmbed>> good;
  for (int i = 0; i < 5; ++i) good.push_back(start({"fine"}));
  const auto bad = start({"fine", "bad"});
  for (int i = 0; i < 5; ++i) good.push_back(start({"fine"}));

  for (const auto& call : good) {
    ASSERT_TRUE(ended(call));
    EXPECT_TRUE(call->end->has_value());
  }
  ASSERT_TRUE(ended(bad));
  EXPECT_EQ(bad->end->error().code(), Errc::invalid_argument);
}

TEST_F(GatheredTest, WhoGivesUpLeavesTheOthersAloneAndAllTogetherEndIt) {
  options_.window = 1s;
  const auto gone = start({"gone"});
  const auto stays = start({"stays"});
  on_io(runtime_, [] {});
  gone->task.cancel();
  ASSERT_TRUE(ended(gone));
  EXPECT_EQ(gone->end->error().code(), Errc::cancelled);
  ASSERT_TRUE(ended(stays));
  EXPECT_TRUE(stays->end->has_value());

  const std::size_t before = inner_->embed_requests().size();
  const auto alone = start({"alone"});
  on_io(runtime_, [] {});
  alone->task.cancel();
  ASSERT_TRUE(ended(alone));
  const auto next = start({"next"});
  ASSERT_TRUE(ended(next));
  EXPECT_TRUE(next->end->has_value());
  EXPECT_EQ(inner_->embed_requests().size(), before + 1);
}

TEST_F(GatheredTest, EachCallerHearsOfAnAttemptThatMayBeCharged) {
  auto failing = std::make_shared<ScriptedModel>("m");
  failing->embed_with(
      [](const EmbedRequest&) -> Result<EmbedReply> { return Error(Errc::corrupt, "no answer"); });
  model_ = make_gathered(make_attempt_limited(failing), options_);
  const auto first = std::make_shared<CallProgress>();
  const auto second = std::make_shared<CallProgress>();
  const auto one = start({"a"}, "", first);
  const auto other = start({"b"}, "", second);
  ASSERT_TRUE(ended(one));
  ASSERT_TRUE(ended(other));
  EXPECT_EQ(first->unsettled_attempts, 1);
  EXPECT_EQ(second->unsettled_attempts, 1);
}

TEST_F(GatheredTest, WhatIsAnsweredIsSettledForAll) {
  model_ = make_gathered(make_attempt_limited(inner_), options_);
  const auto first = std::make_shared<CallProgress>();
  const auto one = start({"a"}, "", first);
  const auto other = start({"b"});
  ASSERT_TRUE(ended(one));
  ASSERT_TRUE(ended(other));
  EXPECT_EQ(first->unsettled_attempts, 0);
}

}  // namespace
}  // namespace rwp::ai
