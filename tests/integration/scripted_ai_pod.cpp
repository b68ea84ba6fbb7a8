// ai_pod in front of models that misbehave: `--ai-url scripted:limited`, `scripted:broken`.

#include <rwp/ai/model.hpp>
#include <rwp/pods/ai_pod.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace {

using boost::asio::awaitable;
using rwp::Errc;
using rwp::Error;
using rwp::Result;

class Misbehaving final : public rwp::ai::Model {
 public:
  explicit Misbehaving(std::string how) : how_(std::move(how)) {}
  std::string default_model() const override { return "scripted"; }

 private:
  Error failure() const {
    if (how_ == "limited") {
      return Error(Errc::rate_limited, "too many requests")
          .with_retry_after(std::chrono::milliseconds(1'500));
    }
    return {Errc::unavailable, "the connection to the service broke"};
  }

  awaitable<Result<rwp::ai::ChatReply>> do_chat(rwp::ai::ChatRequest) override {
    co_return failure();
  }
  awaitable<Result<rwp::ai::ChatReply>> do_stream(rwp::ai::ChatRequest,
                                                  rwp::ai::OnDelta on_delta) override {
    if (how_ == "limited") co_return failure();
    on_delta("A beginning");
    // So that it has left before the failure is known.
    auto slept = co_await rwp::sleep_for(std::chrono::milliseconds(50));
    if (!slept) co_return slept.error();
    co_return failure();
  }
  awaitable<Result<rwp::ai::EmbedReply>> do_embed(rwp::ai::EmbedRequest) override {
    co_return failure();
  }

  const std::string how_;
};

rwp::SchemeRegistry with_scripted(rwp::BuiltinOptions options) {
  auto schemes = rwp::builtin_schemes(std::move(options));
  schemes.add<rwp::ai::Model>(
      "scripted",
      [](const rwp::Url& url, rwp::Runtime&) -> Result<std::shared_ptr<rwp::ai::Model>> {
        return std::shared_ptr<rwp::ai::Model>(std::make_shared<Misbehaving>(url.rest()));
      });
  return schemes;
}

}  // namespace

int main(int argc, char** argv) {
  return rwp::pods::run_program(rwp::pods::Role::ai, argc, argv, &rwp::pods::run_ai_pod,
                                &with_scripted);
}
