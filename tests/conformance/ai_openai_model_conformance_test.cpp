#include "conformance/model_conformance.hpp"
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/testing/fake_openai.hpp>

namespace rwp::tests {
namespace {

/// The suite's runtime is not at hand when a backend is made, so the transport has one of its own,
/// and calls cross over to it.
class Elsewhere final : public ai::Model {
 public:
  Elsewhere() {
    fake_ = testing::FakeOpenAi::start().value();
    ai_openai::OpenAiOptions options;
    options.base_url = fake_->base_url();
    options.model = "fake-gpt";
    options.embedding_model.clear();
    inner_ = ai_openai::OpenAiModel::make(net::make_curl_transport(runtime_), options).value();
  }

  std::string default_model() const override { return inner_->default_model(); }

 private:
  boost::asio::awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override {
    auto call = inner_->chat(std::move(request));
    co_return co_await on(runtime_.executor(), std::move(call));
  }
  boost::asio::awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                                          ai::OnDelta on_delta) override {
    auto call = inner_->stream(std::move(request), std::move(on_delta));
    co_return co_await on(runtime_.executor(), std::move(call));
  }
  boost::asio::awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest request) override {
    auto call = inner_->embed(std::move(request));
    co_return co_await on(runtime_.executor(), std::move(call));
  }

  Runtime runtime_;
  std::unique_ptr<testing::FakeOpenAi> fake_;
  std::shared_ptr<ai::Model> inner_;
};

INSTANTIATE_TEST_SUITE_P(Models, ModelConformance,
                         ::testing::Values(ModelBackend{
                             "openai", [] { return std::make_shared<Elsewhere>(); }}),
                         [](const auto& backend) { return backend.param.name; });

}  // namespace
}  // namespace rwp::tests
