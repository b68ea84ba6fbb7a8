#include "pods/chat_stream.hpp"

#include <atomic>
#include <exception>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;

constexpr std::size_t kMostWaitingBytes = std::size_t{8} << 20U;

}  // namespace

struct ChatStream::State {
  explicit State(boost::asio::any_io_executor on) : connection(std::move(on)) {}

  const boost::asio::any_io_executor connection;
  // Shared by the two threads.
  std::atomic<std::size_t> waiting_bytes{0};
  std::atomic<bool> unread{false};
  // The connection's.
  std::vector<std::string> pieces{};
  std::optional<Result<ai::ChatReply>> end{};
  Signal changed{};
};

ChatStream::ChatStream(const boost::asio::any_io_executor& model_executor,
                       const boost::asio::any_io_executor& connection,
                       std::shared_ptr<ai::Model> model, ai::ChatRequest request)
    : state_(std::make_shared<State>(connection)) {
  auto state = state_;
  task_ = Task(model_executor, run(state_, std::move(model), std::move(request)),
               [state](const std::exception_ptr& thrown) {
                 if (!thrown) return;
                 const Error error = detail::from_exception(thrown);
                 post(state->connection, [state, error] {
                   if (!state->end) state->end = error;
                   state->changed.notify_all();
                 });
               });
}

ChatStream::~ChatStream() {
  state_->unread = true;
  task_.cancel();
}

awaitable<void> ChatStream::run(std::shared_ptr<State> state, std::shared_ptr<ai::Model> model,
                                ai::ChatRequest request) {
  bool too_slow = false;
  ai::OnDelta on_delta = [&state, &too_slow](std::string_view piece) {
    if (state->unread) return false;
    too_slow = state->waiting_bytes + piece.size() > kMostWaitingBytes;
    if (too_slow) return false;
    state->waiting_bytes += piece.size();
    post(state->connection, [state = state, text = std::string(piece)]() mutable {
      state->pieces.push_back(std::move(text));
      state->changed.notify_all();
    });
    return true;
  };
  auto reply = co_await model->stream(std::move(request), std::move(on_delta));
  if (too_slow) {
    reply = Error(Errc::cancelled, "the client took the stream too slowly");
  }
  auto end = std::make_shared<Result<ai::ChatReply>>(std::move(reply));
  post(state->connection, [state, end] {
    state->end = std::move(*end);
    state->changed.notify_all();
  });
}

awaitable<Result<void>> ChatStream::wait(SteadyTime deadline) {
  while (state_->pieces.empty() && !state_->end) {
    const auto woken = co_await state_->changed.wait_until(deadline);
    if (woken == Wake::timed_out) break;
    if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "the client is gone");
  }
  co_return Result<void>();
}

std::vector<std::string> ChatStream::take_pieces() {
  std::vector<std::string> taken = std::exchange(state_->pieces, std::vector<std::string>());
  for (const auto& piece : taken) state_->waiting_bytes -= piece.size();
  return taken;
}

const std::optional<Result<ai::ChatReply>>& ChatStream::end() const noexcept { return state_->end; }

bool ChatStream::has_pieces() const noexcept { return !state_->pieces.empty(); }

Result<std::string> chat_stream_end(const ai::ChatReply& reply, std::size_t sent_bytes,
                                    const ChunkWriter& chunks, bool include_usage) {
  std::string text;
  std::string_view reason = finish_reason_text(reply.finish_reason);
  if (reply.finish_reason == ai::FinishReason::refusal) {
    // Once it has been sent as content it cannot be told as a refusal any more.
    if (sent_bytes == 0) {
      text += chunks.refusal(reply.content);
    } else {
      reason = "content_filter";
    }
  } else if (sent_bytes != reply.content.size()) {
    return Error(Errc::corrupt, "the model's pieces are not its answer");
  }
  text += chunks.finish(reason);
  if (include_usage) text += chunks.usage(reply.usage);
  return text + ChunkWriter::done();
}

awaitable<Result<void>> send_wire_stream(std::shared_ptr<ChatStream> stream, ai::WireApi api,
                                         std::chrono::milliseconds ping_every,
                                         server::ResponseWriter& writer) {
  while (true) {
    std::string text;
    for (auto& piece : stream->take_pieces()) {
      text = text.empty() ? std::move(piece) : text + piece;
    }
    const bool ended = stream->end().has_value();
    if (ended && !*stream->end())
      text += ChunkWriter::error(to_openai_error(stream->end()->error()), api);
    if (text.empty() && !ended) text = ChunkWriter::ping();
    if (!text.empty()) {
      auto written = co_await writer.write(std::move(text));
      if (!written) co_return written.error();
    }
    if (ended) break;
    auto waited = co_await stream->wait(std::chrono::steady_clock::now() + ping_every);
    if (!waited) co_return waited.error();
  }
  if (!*stream->end()) co_return stream->end()->error();
  co_return Result<void>();
}

awaitable<Result<void>> send_chat_stream(std::shared_ptr<ChatStream> stream,
                                         std::shared_ptr<const ChunkWriter> chunks,
                                         bool include_usage, std::chrono::milliseconds ping_every,
                                         server::ResponseWriter& writer) {
  std::size_t sent_bytes = 0;
  std::string text = chunks->role();
  while (true) {
    const auto pieces = stream->take_pieces();
    for (const auto& piece : pieces) {
      sent_bytes += piece.size();
      text += chunks->content(piece);
    }
    // All pieces are posted before the end, and so taken before it is seen.
    if (stream->end()) break;
    if (text.empty()) text = ChunkWriter::ping();
    auto written = co_await writer.write(std::exchange(text, std::string()));
    if (!written) co_return written.error();
    auto waited = co_await stream->wait(std::chrono::steady_clock::now() + ping_every);
    if (!waited) co_return waited.error();
  }
  const Result<ai::ChatReply>& end = *stream->end();
  auto last = end ? chat_stream_end(*end, sent_bytes, *chunks, include_usage)
                  : Result<std::string>(end.error());
  text += last ? *last : ChunkWriter::error(to_openai_error(last.error()));
  auto written = co_await writer.write(std::move(text));
  if (!written) co_return written.error();
  if (!last) co_return last.error();
  co_return Result<void>();
}

}  // namespace rwp::pods
