#include "ai/decorator.hpp"
#include <rwp/ai/deadline.hpp>
#include <rwp/core/async.hpp>

#include <algorithm>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

class DeadlineModel final : public Decorator {
 public:
  DeadlineModel(std::shared_ptr<Model> inner, DeadlineOptions options)
      : Decorator(std::move(inner)), options_(options) {}

 private:
  template <class Request>
  static SteadyTime bring_forward(Request& request, std::chrono::milliseconds most) {
    if (most.count() > 0) {
      request.deadline = std::min(request.deadline, std::chrono::steady_clock::now() + most);
    }
    return request.deadline;
  }

  template <class Reply>
  static awaitable<Result<Reply>> bounded(awaitable<Result<Reply>> asked, SteadyTime deadline) {
    if (deadline == SteadyTime::max()) return asked;
    return with_deadline(std::move(asked), deadline);
  }

  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    const SteadyTime deadline = bring_forward(request, options_.chat);
    return bounded(pass_chat(inner(), std::move(request)), deadline);
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    const SteadyTime deadline = bring_forward(request, options_.chat);
    return bounded(pass_stream(inner(), std::move(request), std::move(on_delta)), deadline);
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    const SteadyTime deadline = bring_forward(request, options_.embed);
    return bounded(pass_embed(inner(), std::move(request)), deadline);
  }

  const DeadlineOptions options_;
};

}  // namespace

std::shared_ptr<Model> make_deadline(std::shared_ptr<Model> model, DeadlineOptions options) {
  return std::make_shared<DeadlineModel>(std::move(model), options);
}

}  // namespace rwp::ai
