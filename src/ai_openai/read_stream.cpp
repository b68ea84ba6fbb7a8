#include "ai_openai/chat_stream.hpp"
#include "ai_openai/impl.hpp"
#include <rwp/net/sse.hpp>

#include <utility>

namespace rwp::ai_openai {
namespace {

using boost::asio::awaitable;

/// How long the end of a stream may take after its end mark, so that the connection can be used
/// again.
constexpr std::chrono::milliseconds kEndWait{200};

bool is_event_stream(const net::HttpHeaders& headers) {
  constexpr std::string_view kType = "text/event-stream";
  const auto type = headers.find("content-type");
  return type && net::equal_without_case(type->substr(0, kType.size()), kType);
}

/// The content type as it may stand in a message.
std::string shown_type(const net::HttpHeaders& headers) {
  constexpr std::size_t kMost = 80;
  return std::string(headers.find("content-type").value_or("none").substr(0, kMost));
}

}  // namespace

awaitable<Result<ai::ChatReply>> OpenAiModel::Impl::read_stream(
    std::unique_ptr<net::HttpExchange> exchange, ai::OnDelta on_delta) const {
  if (!is_event_stream(exchange->head().headers)) {
    const std::string why =
        "its content type is " + shown_type(exchange->head().headers) + ", not text/event-stream";
    co_return broken_answer(upstream.speaker(), exchange->head().headers, why);
  }
  net::SseParser parser;
  ChatStream stream(options().max_response_bytes);
  bool ended = false;
  while (!stream.done() && !ended) {
    auto bytes = co_await exchange->read();
    if (!bytes) co_return upstream.broken_off(*exchange, bytes.error());
    ended = bytes->empty();
    auto events = parser.feed(*bytes);
    if (!events) {
      const Wrong wrong = Wrong(events.error().message());
      co_return to_error(*exchange, wrong);
    }
    for (auto& event : *events) {
      auto taken = stream.take(event.type, std::move(event.data));
      if (const auto* wrong = std::get_if<Wrong>(&taken)) co_return to_error(*exchange, *wrong);
      const auto& text = std::get<std::string>(taken);
      if (!text.empty() && !on_delta(text)) {
        co_return Error(Errc::cancelled, "the stream was ended by its reader");
      }
    }
  }
  auto reply = stream.finish();
  if (const auto* wrong = std::get_if<Wrong>(&reply)) co_return to_error(*exchange, *wrong);
  if (!ended) {
    auto end = exchange->read();
    const auto until = std::chrono::steady_clock::now() + kEndWait;
    // The answer is whole, whatever becomes of its end.
    (void)co_await with_deadline(std::move(end), until);
  }
  co_return std::get<ai::ChatReply>(std::move(reply));
}

}  // namespace rwp::ai_openai
