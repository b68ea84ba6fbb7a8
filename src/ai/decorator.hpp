#pragma once

#include <rwp/ai/model.hpp>

#include <cassert>
#include <memory>
#include <string>
#include <utility>

namespace rwp::ai {

/// Hands everything on to another model; a decorator overrides what it is about.
class Decorator : public Model {
 public:
  explicit Decorator(std::shared_ptr<Model> inner) : inner_(std::move(inner)) { assert(inner_); }

  std::string default_model() const override { return inner_->default_model(); }

 protected:
  boost::asio::awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    return pass_chat(*inner_, std::move(request));
  }
  boost::asio::awaitable<Result<ChatReply>> do_stream(ChatRequest request,
                                                      OnDelta on_delta) override {
    return pass_stream(*inner_, std::move(request), std::move(on_delta));
  }
  boost::asio::awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    return pass_embed(*inner_, std::move(request));
  }

  Model& inner() const noexcept { return *inner_; }
  const std::shared_ptr<Model>& inner_pointer() const noexcept { return inner_; }

 private:
  const std::shared_ptr<Model> inner_;
};

}  // namespace rwp::ai
