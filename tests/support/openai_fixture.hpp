#pragma once

#include "support/run.hpp"
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/testing/captured_log.hpp>
#include <rwp/testing/fake_openai.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::tests {

/// An OpenAiModel that talks to a FakeOpenAi over loopback HTTP.
class OpenAiFixture : public ::testing::Test {
 protected:
  static constexpr const char* kKey = "sk-very-secret-key";

  void start(testing::FakeOpenAiOptions options = testing::FakeOpenAiOptions()) {
    auto started = testing::FakeOpenAi::start(std::move(options));
    ASSERT_TRUE(started.has_value()) << started.error().to_string();
    fake_ = std::move(*started);
    use(ai_openai::OpenAiOptions());
  }

  /// A model with these options, on the fake's address and with a key.
  void use(ai_openai::OpenAiOptions options) {
    options.base_url = fake_->base_url();
    options.api_key = Secret(kKey);
    if (options.model == ai_openai::kDefaultModel) options.model = "fake-gpt";
    options.log = observability::Logger(log_);
    auto made = ai_openai::OpenAiModel::make(transport_, std::move(options));
    ASSERT_TRUE(made.has_value()) << made.error().to_string();
    model_ = std::move(*made);
  }

  void play(const std::vector<std::string>& words) {
    std::vector<testing::FakeStep> steps;
    for (const auto& word : words) steps.push_back(testing::parse_fake_step(word).value());
    fake_->play(std::move(steps));
  }

  static ai::ChatRequest question() {
    ai::ChatRequest request;
    request.messages.push_back(
        {ai::Role::user,
         "Title: Community Nurse\n\nWe are looking for a community nurse who visits people at "
         "home in Leeds. You will plan care with patients and their families."});
    return request;
  }

  Result<ai::ChatReply> ask(ai::ChatRequest request = question()) {
    return run(runtime_, model_->chat(std::move(request)));
  }
  Result<ai::ChatReply> ask_stream(ai::ChatRequest request = question()) {
    pieces_.clear();
    ai::OnDelta keep = [this](std::string_view piece) {
      pieces_ += piece;
      return true;
    };
    return run(runtime_, model_->stream(std::move(request), std::move(keep)));
  }

  Runtime runtime_;
  std::shared_ptr<testing::CapturedLog> log_ = std::make_shared<testing::CapturedLog>();
  std::shared_ptr<net::HttpTransport> transport_ = net::make_curl_transport(runtime_);
  std::unique_ptr<testing::FakeOpenAi> fake_;
  std::shared_ptr<ai_openai::OpenAiModel> model_;
  std::string pieces_;
};

}  // namespace rwp::tests
