#include "testing_openai/fake_routes.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/server/server.hpp>
#include <rwp/testing/fake_openai.hpp>

#include <utility>

namespace rwp::testing {

struct FakeOpenAi::Impl {
  SharedState state;
  Runtime runtime{RuntimeOptions{.name = "fake-openai"}};
  std::unique_ptr<server::Server> server;
};

FakeOpenAi::FakeOpenAi(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FakeOpenAi::~FakeOpenAi() = default;

Result<std::unique_ptr<FakeOpenAi>> FakeOpenAi::start(FakeOpenAiOptions options) {
  auto impl = std::make_unique<Impl>();
  server::ServerOptions serving;
  serving.listen = options.listen;
  serving.log = options.log;
  impl->state = std::make_shared<FakeState>(std::move(options));
  server::Router router;
  FakeRoutes routes(router, impl->state);
  add_chat_routes(routes);
  add_response_routes(routes);
  add_file_routes(routes);
  add_batch_routes(routes);
  add_control_routes(routes);
  auto started = server::Server::start({&impl->runtime}, std::move(router), serving);
  if (!started) return started.error();
  impl->server = std::move(*started);
  return std::unique_ptr<FakeOpenAi>(new FakeOpenAi(std::move(impl)));
}

std::uint16_t FakeOpenAi::port() const noexcept { return impl_->server->port(); }

std::string FakeOpenAi::base_url() const {
  return "http://127.0.0.1:" + std::to_string(port()) + "/v1";
}

FakeOpenAi& FakeOpenAi::play(std::vector<FakeStep> steps) {
  impl_->state->play(steps);
  return *this;
}
FakeOpenAi& FakeOpenAi::play_uploads(std::vector<FakeBatchStep> steps) {
  impl_->state->shelf().play(true, steps);
  return *this;
}
FakeOpenAi& FakeOpenAi::play_batches(std::vector<FakeBatchStep> steps) {
  impl_->state->shelf().play(false, steps);
  return *this;
}

void FakeOpenAi::deliver_late() { impl_->state->shelf().deliver_late(); }
void FakeOpenAi::end_batches() { impl_->state->shelf().end_batches(); }
FakeBill FakeOpenAi::bill() const { return impl_->state->bill(); }
std::uint64_t FakeOpenAi::batch_count() const { return impl_->state->shelf().batch_count(); }
std::uint64_t FakeOpenAi::limited_count() const { return impl_->state->limited_count(); }
std::vector<FakeRequest> FakeOpenAi::requests() const { return impl_->state->requests(); }
std::uint64_t FakeOpenAi::request_count() const { return impl_->state->count(); }
std::uint64_t FakeOpenAi::abandoned_count() const { return impl_->state->abandoned_count(); }
void FakeOpenAi::forget_requests() { impl_->state->forget(); }

}  // namespace rwp::testing
