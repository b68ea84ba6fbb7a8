#include "ai/own_call.hpp"

#include <exception>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

void finish(OwnCall& call, Result<ChatReply> reply) {
  call.end = std::move(reply);
  call.changed.notify_all();
}

awaitable<void> run(std::shared_ptr<OwnCall> call, std::shared_ptr<Model> model,
                    ChatRequest request, bool streamed) {
  if (!streamed) {
    auto reply = co_await model->chat(std::move(request));
    finish(*call, std::move(reply));
    co_return;
  }
  OnDelta on_delta = [call](std::string_view piece) {
    if (call->abandoned) return false;
    call->content += piece;
    call->changed.notify_all();
    return true;
  };
  auto reply = co_await model->stream(std::move(request), std::move(on_delta));
  finish(*call, std::move(reply));
}

}  // namespace

std::shared_ptr<OwnCall> start_call(const boost::asio::any_io_executor& executor,
                                    std::shared_ptr<Model> model, ChatRequest request,
                                    bool streamed) {
  auto call = std::make_shared<OwnCall>();
  auto done = [call](const std::exception_ptr& thrown) {
    if (thrown) finish(*call, detail::from_exception(thrown));
  };
  call->task =
      Task(executor, run(call, std::move(model), std::move(request), streamed), std::move(done));
  return call;
}

}  // namespace rwp::ai
