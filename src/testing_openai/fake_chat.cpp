#include "testing_openai/fake_answer.hpp"
#include "testing_openai/fake_routes.hpp"
#include <rwp/ai/call_key.hpp>
#include <rwp/ai/token_estimate.hpp>

#include <utility>

namespace rwp::testing {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

/// What an answer may have where the request does not say.
constexpr std::int64_t kOutputTokens = 16;
constexpr std::string_view kMagic = "fake:";

/// A body in two halves, so that faults can stand between them.
std::vector<std::string> halves(const std::string& body) {
  return {body.substr(0, body.size() / 2), body.substr(body.size() / 2)};
}

bool breaks_body(Fault fault) {
  return fault == Fault::cut || fault == Fault::stall || fault == Fault::malformed ||
         fault == Fault::huge || fault == Fault::slow_token;
}

/// Sends a document, broken where the step says so.
Response send_document(const SharedState& state, std::string body, FakeStep step) {
  if (step.fault == Fault::empty) return server::json_response(200, "");
  if (step.fault == Fault::error_event) {
    return error_response(refused(200, "The server had an error", "server_error", ""));
  }
  Response response;
  if (breaks_body(step.fault)) {
    OnAbandoned gone = [state] { state->abandoned(); };
    response = send_pieces(halves(body), false, step, std::move(gone));
  } else {
    response = server::json_response(200, std::move(body));
  }
  state->tell_limit(response);
  return response;
}

std::optional<Response> unknown_model(const std::string& model) {
  if (!model.starts_with(kMagic) ||
      parse_fake_step(std::string_view(model).substr(kMagic.size()))) {
    return std::nullopt;
  }
  return error_response(refused(404, "The model `" + model + "` does not exist",
                                "invalid_request_error", "model_not_found"));
}

std::int64_t tokens_of(const ai::ChatRequest& request) {
  const auto output = request.max_output_tokens > 0 ? request.max_output_tokens : kOutputTokens;
  return ai::estimate_input(request).expected + output;
}

awaitable<Response> chat(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto body = body_of(request.body);
  if (!body) co_return no_json();
  auto read = read_chat_request(body->root(), state->options().refused_parameters);
  if (const auto* bad = std::get_if<Refused>(&read)) co_return error_response(*bad);
  auto& asked = std::get<ChatAsked>(read);
  if (auto unknown = unknown_model(asked.request.model)) co_return std::move(*unknown);
  if (auto beyond = state->limit(tokens_of(asked.request))) co_return std::move(*beyond);
  const FakeStep step = state->next(request, asked.request.model, asked.stream);
  if (auto plain = plain_answer(step, request)) co_return std::move(*plain);
  const bool there = co_await wait_first(state, step);
  if (!there) co_return Response();

  ChatAnswer answer;
  answer.model = asked.request.model;
  answer.stream = asked.stream;
  answer.include_usage = asked.include_usage;
  answer.logprobs = asked.request.top_logprobs.has_value();
  auto reply = co_await answer_chat(state, std::move(asked.request), false);
  if (!reply) co_return of_error(reply.error());
  answer.reply = std::move(*reply);
  spoil_reply(answer.reply, step.fault);
  if (!answer.stream) co_return send_document(state, completion_json(answer), step);
  OnAbandoned gone = [state] { state->abandoned(); };
  auto response = send_pieces(completion_events(answer), true, step, std::move(gone));
  state->tell_limit(response);
  co_return response;
}

awaitable<Response> embed(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto body = body_of(request.body);
  if (!body) co_return no_json();
  auto read = read_embed_request(body->root());
  if (const auto* bad = std::get_if<Refused>(&read)) co_return error_response(*bad);
  auto& asked = std::get<EmbedAsked>(read);
  if (auto unknown = unknown_model(asked.request.model)) co_return std::move(*unknown);
  if (auto beyond = state->limit(ai::estimate_input(asked.request).expected)) {
    co_return std::move(*beyond);
  }
  const FakeStep step = state->next(request, asked.request.model, false);
  if (auto plain = plain_answer(step, request)) co_return std::move(*plain);
  const bool there = co_await wait_first(state, step);
  if (!there) co_return Response();

  const std::string model = std::exchange(asked.request.model, std::string());
  const std::string key = ai::call_key(asked.request, model, "");
  auto reply = co_await state->model().embed(std::move(asked.request));
  if (!reply) co_return of_error(reply.error());
  state->charge(key, reply->usage, false);
  const bool base64 = asked.base64 && !state->options().only_float_embeddings;
  co_return send_document(state, embeddings_json(*reply, model, base64), step);
}

awaitable<Response> list_models(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  co_return server::json_response(200, models_json(state->options().models));
}

}  // namespace

void add_chat_routes(FakeRoutes& routes) {
  routes.add("POST", "/v1/chat/completions", &chat);
  routes.add("POST", "/v1/embeddings", &embed);
  routes.add("GET", "/v1/models", &list_models);
}

}  // namespace rwp::testing
