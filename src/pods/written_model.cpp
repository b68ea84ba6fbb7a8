#include "pods/written_model.hpp"

#include "pods/chat_stream.hpp"
#include "pods/openai_reply.hpp"

#include <cassert>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;

class WrittenModel final : public ai::Model {
 public:
  explicit WrittenModel(std::shared_ptr<ai::Model> inner) : inner_(std::move(inner)) {}

  std::string default_model() const override { return inner_->default_model(); }

 private:
  awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override {
    if (request.wire && request.wire->only_so) return refuse(default_model());
    return pass_chat(*inner_, std::move(request));
  }

  awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                             ai::OnDelta on_delta) override {
    if (!request.wire) return pass_stream(*inner_, std::move(request), std::move(on_delta));
    if (request.wire->only_so) return refuse(default_model());
    return write(inner_, std::move(request), std::move(on_delta));
  }

  awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest request) override {
    return pass_embed(*inner_, std::move(request));
  }

  static awaitable<Result<ai::ChatReply>> refuse(std::string name) {
    co_return Error(Errc::unsupported, name + " cannot do all that the request asks for");
  }

  static awaitable<Result<ai::ChatReply>> write(std::shared_ptr<ai::Model> model,
                                                ai::ChatRequest request, ai::OnDelta on_delta) {
    struct Writing {
      ChunkWriter chunks;
      ai::OnDelta on_delta;
      std::size_t sent = 0;
    };
    const auto wire = request.wire;
    const auto writing = std::make_shared<Writing>(
        Writing{ChunkWriter(make_completion_head(model->default_model()), wire->wants_usage),
                std::move(on_delta)});
    ai::OnDelta write_piece = [writing, wire](std::string_view piece) {
      std::string text = writing->sent == 0 ? writing->chunks.role() : std::string();
      writing->sent += piece.size();
      return writing->on_delta(text + writing->chunks.content(piece));
    };
    auto reply = co_await pass_stream(*model, std::move(request), std::move(write_piece));
    if (!reply) co_return reply;
    auto end = chat_stream_end(*reply, writing->sent, writing->chunks, wire->wants_usage);
    if (!end) co_return end.error();
    const std::string last = (writing->sent == 0 ? writing->chunks.role() : std::string()) + *end;
    if (!writing->on_delta(last)) {
      co_return Error(Errc::cancelled, "the stream was ended by its reader");
    }
    co_return reply;
  }

  const std::shared_ptr<ai::Model> inner_;
};

}  // namespace

std::shared_ptr<ai::Model> write_as_openai(std::shared_ptr<ai::Model> inner) {
  assert(inner);
  return std::make_shared<WrittenModel>(std::move(inner));
}

}  // namespace rwp::pods
