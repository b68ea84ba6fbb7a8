#include "ai_openai/json_call.hpp"
#include "ai_openai/response_json.hpp"
#include <rwp/ai_openai/responses.hpp>
#include <rwp/net/sse.hpp>

#include <cassert>
#include <utility>

namespace rwp::ai_openai {
namespace {

using boost::asio::awaitable;

bool is_end(std::string_view type) {
  return type == "response.completed" || type == "response.incomplete" || type == "response.failed";
}

}  // namespace

struct Responses::Impl {
  Impl(std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options)
      : upstream(std::move(transport), std::move(options)) {}

  Result<Call> post(const ResponseRequest& request, std::string path, bool stream) const {
    auto body = response_body(request.body, upstream.options().model, stream);
    if (!body) return body.error();
    Call call;
    call.path = std::move(path);
    call.body = body->release();
    if (stream) call.accept = "text/event-stream";
    call.deadline = request.deadline;
    call.trace = request.trace;
    return call;
  }

  /// What the reading of a response makes of it.
  Result<ResponseReply> judge(const net::HttpHeaders& headers, ReadResponse read) const {
    if (const auto* said = std::get_if<ServerError>(&read)) {
      return ai_openai::to_error(upstream.speaker(), headers, *said);
    }
    if (const auto* why = std::get_if<std::string>(&read)) {
      return broken_answer(upstream.speaker(), headers, *why);
    }
    return std::get<ResponseReply>(std::move(read));
  }

  awaitable<Result<ResponseReply>> reply_of(Call call) {
    auto answer = co_await call_json(upstream, std::move(call));
    if (!answer) co_return answer.error();
    co_return judge(net::HttpHeaders(), read_response(JsonDocument(*answer).root()));
  }

  awaitable<Result<ResponseReply>> read_stream(std::unique_ptr<net::HttpExchange> exchange,
                                               OnResponseEvent on_event) {
    const auto& headers = exchange->head().headers;
    const auto broken = [&](std::string_view why) {
      return broken_answer(upstream.speaker(), headers, why);
    };
    const auto type = headers.find("content-type");
    if (!type || !type->starts_with("text/event-stream")) {
      co_return broken("its content type is not text/event-stream");
    }
    net::SseParser parser;
    for (;;) {
      auto bytes = co_await exchange->read();
      if (!bytes) co_return upstream.broken_off(*exchange, bytes.error());
      if (bytes->empty()) co_return broken("the stream ended before its response");
      auto events = parser.feed(*bytes);
      if (!events) co_return broken(events.error().message());
      for (auto& event : *events) {
        if (event.data.starts_with("[DONE]")) continue;
        auto text = JsonText::parse(std::move(event.data));
        if (!text) co_return broken("an event is not JSON: " + text.error().message());
        const JsonDocument document(*text);
        const std::string named = text_member(document.root(), "type");
        if (named == "error" || event.type == "error" || find_server_error(document.root())) {
          auto said = find_server_error(document.root()).value_or(ServerError());
          if (said.message.empty()) said.message = text_member(document.root(), "message");
          if (said.code.empty()) said.code = text_member(document.root(), "code");
          co_return ai_openai::to_error(upstream.speaker(), headers, said);
        }
        if (on_event && !on_event(named, *text)) {
          co_return Error(Errc::cancelled, "the stream was ended by its reader");
        }
        if (!is_end(named)) continue;
        const auto response = document.root().find("response");
        if (!response) co_return broken("its last event has no response");
        co_return judge(headers, read_response(*response));
      }
    }
  }

  Upstream upstream;
};

Result<std::shared_ptr<Responses>> Responses::make(std::shared_ptr<net::HttpTransport> transport,
                                                   OpenAiOptions options) {
  assert(transport);
  if (auto checked = check_options(options); !checked) return checked.error();
  auto impl = std::make_unique<Impl>(std::move(transport), std::move(options));
  return std::shared_ptr<Responses>(new Responses(std::move(impl)));
}

Responses::Responses(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Responses::~Responses() = default;

awaitable<Result<ResponseReply>> Responses::create(ResponseRequest request) {
  auto call = impl_->post(request, "/responses", false);
  if (!call) co_return call.error();
  co_return co_await impl_->reply_of(std::move(*call));
}

awaitable<Result<ResponseReply>> Responses::stream(ResponseRequest request,
                                                   OnResponseEvent on_event) {
  auto call = impl_->post(request, "/responses", true);
  if (!call) co_return call.error();
  auto called = co_await impl_->upstream.open(std::move(*call));
  if (!called.exchange) co_return called.exchange.error();
  co_return co_await impl_->read_stream(std::move(*called.exchange), std::move(on_event));
}

awaitable<Result<ResponseReply>> Responses::get(std::string id, SteadyTime deadline) {
  Call call;
  call.method = "GET";
  call.path = "/responses/" + path_segment(id);
  call.deadline = deadline;
  co_return co_await impl_->reply_of(std::move(call));
}

awaitable<Result<ResponseReply>> Responses::cancel(std::string id, SteadyTime deadline) {
  Call call;
  call.path = "/responses/" + path_segment(id) + "/cancel";
  call.deadline = deadline;
  co_return co_await impl_->reply_of(std::move(call));
}

awaitable<Result<void>> Responses::remove(std::string id, SteadyTime deadline) {
  Call call;
  call.method = "DELETE";
  call.path = "/responses/" + path_segment(id);
  call.deadline = deadline;
  auto answer = co_await call_json(impl_->upstream, std::move(call));
  if (!answer) co_return answer.error();
  co_return Result<void>();
}

awaitable<Result<JsonText>> Responses::input_items(std::string id, SteadyTime deadline) {
  Call call;
  call.method = "GET";
  call.path = "/responses/" + path_segment(id) + "/input_items";
  call.deadline = deadline;
  co_return co_await call_json(impl_->upstream, std::move(call));
}

awaitable<Result<std::int64_t>> Responses::count_input_tokens(ResponseRequest request) {
  auto call = impl_->post(request, "/responses/input_tokens", false);
  if (!call) co_return call.error();
  auto answer = co_await call_json(impl_->upstream, std::move(*call));
  if (!answer) co_return answer.error();
  const JsonDocument document(*answer);
  const auto tokens = document.root().find("input_tokens");
  const auto count = tokens ? tokens->as_int64() : std::nullopt;
  if (!count) co_return no_answer(impl_->upstream, "input_tokens is not a number");
  co_return *count;
}

}  // namespace rwp::ai_openai
