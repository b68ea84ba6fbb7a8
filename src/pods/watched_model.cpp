#include "pods/watched_model.hpp"

#include <cassert>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;

class WatchedModel final : public ai::Model {
 public:
  WatchedModel(std::shared_ptr<ai::Model> inner, std::shared_ptr<Trouble> trouble, std::string what)
      : inner_(std::move(inner)), trouble_(std::move(trouble)), what_(std::move(what)) {}

  std::string default_model() const override { return inner_->default_model(); }

 private:
  template <class Reply>
  void note(const Result<Reply>& reply) {
    if (reply) {
      trouble_->model_answered();
    } else {
      trouble_->note_model(what_, reply.error());
    }
  }

  awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override {
    auto reply = co_await inner_->chat(std::move(request));
    note(reply);
    co_return std::move(reply);
  }
  awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                             ai::OnDelta on_delta) override {
    auto reply = co_await inner_->stream(std::move(request), std::move(on_delta));
    note(reply);
    co_return std::move(reply);
  }
  awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest request) override {
    auto reply = co_await inner_->embed(std::move(request));
    note(reply);
    co_return std::move(reply);
  }

  const std::shared_ptr<ai::Model> inner_;
  const std::shared_ptr<Trouble> trouble_;
  const std::string what_;
};

}  // namespace

std::shared_ptr<ai::Model> watch_model(std::shared_ptr<ai::Model> inner,
                                       std::shared_ptr<Trouble> trouble, std::string what) {
  assert(inner && trouble);
  return std::make_shared<WatchedModel>(std::move(inner), std::move(trouble), std::move(what));
}

}  // namespace rwp::pods
