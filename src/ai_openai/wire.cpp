#include "ai_openai/adapt.hpp"
#include "ai_openai/impl.hpp"
#include "ai_openai/wire_stream.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <chrono>
#include <utility>

namespace rwp::ai_openai {
namespace {

using boost::asio::awaitable;

/// How long the end of a stream may take after its end mark, so that the connection can be used
/// again.
constexpr std::chrono::milliseconds kEndWait{200};

const char* path_of(ai::WireApi api) {
  return api == ai::WireApi::responses ? "/responses" : "/chat/completions";
}

const char* limit_name(ai::WireApi api, const Avoid& avoid) {
  if (api == ai::WireApi::responses) return "max_output_tokens";
  return avoid.max_completion_tokens ? "max_tokens" : "max_completion_tokens";
}

/// The body as it came, but for the model, the output's limit and the usage of a stream where ours
/// differ.
std::string body_of(const ai::ChatRequest& request, const std::string& model, const Avoid& avoid) {
  const ai::WireCall& wire = *request.wire;
  const bool other_model = model != wire.model;
  const bool bounds = request.max_output_tokens > 0 && !wire.bounds_output;
  const bool asks_usage = wire.streamed && !wire.wants_usage &&
                          wire.api == ai::WireApi::chat_completions && !avoid.stream_options;
  const std::string limit = limit_name(wire.api, avoid);
  // Ours would not count before a null of the caller's: of two members the last one does.
  const bool says_null = bounds && wire.has_null_bound;
  if (!other_model && !says_null && !(asks_usage && wire.has_stream_options)) {
    // Members of ours before the others, which stay as they are.
    std::string added;
    if (bounds) {
      added += "\"" + limit + "\":" + std::to_string(request.max_output_tokens) + ",";
    }
    if (asks_usage) added += R"("stream_options":{"include_usage":true},)";
    std::string body = wire.body.str();
    body.insert(body.find('{') + 1, added);
    return body;
  }
  const JsonDocument document(wire.body);
  JsonWriter out;
  out.begin_object();
  out.member("model", std::string_view(model));
  if (bounds) out.member(limit, request.max_output_tokens);
  if (asks_usage)
    out.key("stream_options").begin_object().member("include_usage", true).end_object();
  document.root().each_member([&](std::string_view name, JsonView value) {
    const bool ours =
        name == "model" || (bounds && name == limit) || (asks_usage && name == "stream_options");
    if (!ours) out.member(name, value.text());
    return true;
  });
  out.end_object();
  return out.finish().release();
}

/// What is told to the caller as the service put it: that something in his request is wrong.
bool is_about_request(int status) {
  return status == 400 || status == 404 || status == 413 || status == 415 || status == 422;
}

bool is_no_route(int status) { return status == 404 || status == 405 || status == 501; }

bool is_event_stream(const net::HttpHeaders& headers) {
  constexpr std::string_view kType = "text/event-stream";
  const auto type = headers.find("content-type");
  return type && net::equal_without_case(type->substr(0, kType.size()), kType);
}

}  // namespace

awaitable<Result<std::unique_ptr<net::HttpExchange>>> OpenAiModel::Impl::open_wire(
    std::shared_ptr<const ai::ChatRequest> request, std::string model) {
  Avoid avoid = avoid_of(model);
  ai::WireCall& wire = *request->wire;
  wire.refusal = ai::WireCall::Refusal();
  for (;;) {
    Call call;
    call.path = path_of(wire.api);
    call.model = model;
    call.body = body_of(*request, model, avoid);
    if (wire.streamed) call.accept = "text/event-stream";
    call.deadline = request->deadline;
    call.trace = request->trace;
    auto called = co_await upstream.open(std::move(call));
    if (called.exchange) co_return std::move(called.exchange);
    // Of what it refuses, only members of ours can be put otherwise.
    const Avoid before = avoid;
    const bool other_form = learn(avoid, called.status, called.said) &&
                            (before.stream_options != avoid.stream_options ||
                             (before.max_completion_tokens != avoid.max_completion_tokens &&
                              request->max_output_tokens > 0 && !wire.bounds_output));
    if (!other_form) {
      // Without a body of its own: only that it does not have what was asked for.
      if (is_about_request(called.status) || is_no_route(called.status)) {
        wire.refusal.status = called.status;
      }
      if (is_about_request(called.status) && !called.said.message.empty()) {
        wire.refusal.body = std::move(called.body);
      }
      co_return std::move(called.exchange);
    }
    avoid_of(model) = avoid;
  }
}

awaitable<Result<ai::ChatReply>> OpenAiModel::Impl::chat_wire(
    std::shared_ptr<const ai::ChatRequest> request, std::string model) {
  auto exchange = co_await open_wire(request, std::move(model));
  if (!exchange) co_return exchange.error();
  auto body = co_await upstream.read_all(**exchange);
  if (!body) co_return body.error();
  const auto kept = std::make_shared<const std::string>(*body);
  auto answer = request->wire->api == ai::WireApi::responses ? read_response(std::move(*body))
                                                             : read_chat(std::move(*body));
  if (const auto* wrong = std::get_if<Wrong>(&answer)) co_return to_error(**exchange, *wrong);
  auto reply = std::get<ai::ChatReply>(std::move(answer));
  reply.wire = kept;
  co_return reply;
}

awaitable<Result<ai::ChatReply>> OpenAiModel::Impl::stream_wire(
    std::shared_ptr<const ai::ChatRequest> request, std::string model, ai::OnDelta on_delta) {
  auto opened = co_await open_wire(request, std::move(model));
  if (!opened) co_return opened.error();
  net::HttpExchange& exchange = **opened;
  if (!is_event_stream(exchange.head().headers)) {
    co_return broken_answer(upstream.speaker(), exchange.head().headers,
                            "its content type is not text/event-stream");
  }
  const ai::WireCall& wire = *request->wire;
  WireStream stream(wire.api, wire.wants_usage, options().max_response_bytes);
  bool ended = false;
  while (!stream.done() && !ended) {
    auto bytes = co_await exchange.read();
    if (!bytes) co_return upstream.broken_off(exchange, bytes.error());
    ended = bytes->empty();
    const auto taken = ended ? stream.take_end() : stream.take(*bytes);
    if (request->progress) request->progress->streamed_tokens += taken.tokens;
    if (!taken.bytes.empty() && !on_delta(taken.bytes)) {
      co_return Error(Errc::cancelled, "the stream was ended by its reader");
    }
    if (taken.wrong) co_return to_error(exchange, *taken.wrong);
  }
  auto reply = stream.finish();
  if (const auto* wrong = std::get_if<Wrong>(&reply)) co_return to_error(exchange, *wrong);
  if (!ended) {
    auto end = exchange.read();
    const auto until = std::chrono::steady_clock::now() + kEndWait;
    // The answer is whole, whatever becomes of its end.
    (void)co_await with_deadline(std::move(end), until);
  }
  co_return std::get<ai::ChatReply>(std::move(reply));
}

}  // namespace rwp::ai_openai
