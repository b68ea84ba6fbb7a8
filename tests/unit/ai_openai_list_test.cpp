#include "support/run.hpp"
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;

/// Lists one model; the first time late, and then whether it was cancelled or not.
class LateLister final : public net::HttpTransport {
 private:
  class Exchange final : public net::HttpExchange {
   public:
    explicit Exchange(std::string body) : body_(std::move(body)) { head_.status = 200; }
    const net::HttpResponseHead& head() const noexcept override { return head_; }
    boost::asio::awaitable<Result<std::string>> read() override {
      co_return std::exchange(body_, std::string());
    }

   private:
    net::HttpResponseHead head_;
    std::string body_;
  };

  boost::asio::awaitable<Result<std::unique_ptr<net::HttpExchange>>> do_open(
      net::HttpRequest request) override {
    if (std::exchange(is_first_, false)) (void)co_await sleep_for(1h);
    const bool lists = request.url.ends_with("/models");
    co_return std::make_unique<Exchange>(
        lists ? R"({"data":[{"id":"only"}]})"
              : R"({"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]})");
  }

  bool is_first_ = true;
};

TEST(ModelListTest, CancelledListingHoldsNobodyUp) {
  Runtime runtime;
  ai_openai::OpenAiOptions options;
  options.base_url = "http://host/v1";
  options.model.clear();
  const auto model =
      ai_openai::OpenAiModel::make(std::make_shared<LateLister>(), std::move(options)).value();
  ai::ChatRequest request;
  request.messages.push_back({ai::Role::user, "hello"});
  const auto soon = std::chrono::steady_clock::now() + 50ms;
  const auto given_up = block_on(runtime, with_deadline(model->chat(request), soon));
  EXPECT_FALSE(given_up.has_value());

  const auto reply = run(runtime, model->chat(request));

  ASSERT_TRUE(reply.has_value()) << reply.error().to_string();
  EXPECT_EQ(reply->content, "hi");
  EXPECT_EQ(reply->model, "only");
}

}  // namespace
}  // namespace rwp::tests
