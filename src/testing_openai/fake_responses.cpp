#include "testing_openai/fake_routes.hpp"
#include <rwp/ai/token_estimate.hpp>
#include <rwp/core/json_writer.hpp>

#include <utility>

namespace rwp::testing {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

constexpr std::int64_t kCreated = 1'760'000'000;

/// The text of an item's content: a string, or parts.
std::string content_of(JsonView item) {
  const auto content = item.find("content");
  if (!content) return {};
  if (const auto text = content->as_string()) return std::string(*text);
  std::string joined;
  for (std::size_t i = 0; content->kind() == JsonKind::array && i < content->size(); ++i) {
    joined += text_of(content->at(i), "text");
  }
  return joined;
}

std::optional<ai::ChatRequest> read_input(JsonView body) {
  ai::ChatRequest request;
  request.model = text_of(body, "model");
  if (const auto told = text_of(body, "instructions"); !told.empty()) {
    request.messages.push_back({ai::Role::system, told});
  }
  const auto input = body.find("input");
  if (input && input->as_string()) {
    request.messages.push_back({ai::Role::user, std::string(*input->as_string())});
  }
  for (std::size_t i = 0; input && input->kind() == JsonKind::array && i < input->size(); ++i) {
    const std::string role = text_of(input->at(i), "role");
    std::string text = content_of(input->at(i));
    if (text.empty()) continue;  // Items that are no messages.
    request.messages.push_back({role == "user"        ? ai::Role::user
                                : role == "assistant" ? ai::Role::assistant
                                                      : ai::Role::system,
                                std::move(text)});
  }
  const auto told = body.find("text");
  const auto format = told ? told->find("format") : std::nullopt;
  const auto schema = format ? format->find("schema") : std::nullopt;
  if (schema) request.output_schema = ai::OutputSchema{text_of(*format, "name"), schema->text()};
  if (request.model.empty() || request.messages.empty()) return std::nullopt;
  return request;
}

std::string response_json(const std::string& model, const ai::ChatReply& reply) {
  const bool refused = reply.finish_reason == ai::FinishReason::refusal;
  const bool cut = reply.finish_reason == ai::FinishReason::length;
  JsonWriter out;
  out.begin_object().member("id", "resp_fake").member("object", "response");
  out.member("created_at", kCreated).member("status", cut ? "incomplete" : "completed");
  out.key("error").null().key("incomplete_details");
  if (cut) {
    out.begin_object().member("reason", "max_output_tokens").end_object();
  } else {
    out.null();
  }
  out.member("model", std::string_view(model)).key("output").begin_array().begin_object();
  out.member("id", "msg_fake").member("type", "message").member("role", "assistant");
  out.member("status", "completed").key("content").begin_array().begin_object();
  out.member("type", refused ? "refusal" : "output_text");
  out.member(refused ? "refusal" : "text", std::string_view(reply.content));
  if (!refused) out.key("annotations").begin_array().end_array();
  out.end_object().end_array().end_object().end_array();
  out.key("usage").begin_object().member("input_tokens", reply.usage.input_tokens);
  out.member("output_tokens", reply.usage.output_tokens);
  out.member("total_tokens", reply.usage.input_tokens + reply.usage.output_tokens);
  out.end_object().end_object();
  return out.finish().release();
}

std::string event(const char* type, int number, const char* name, std::string_view json) {
  JsonWriter out;
  out.begin_object().member("type", type).member("sequence_number", number);
  out.member(name, JsonText::trusted(std::string(json))).end_object();
  return "event: " + std::string(type) + "\ndata: " + out.finish().release() + "\n\n";
}

/// A stream of three events; what the step says stands before the last.
Response stream_of(std::string document, const ai::ChatReply& reply, FakeStep step) {
  std::string delta;
  append_json_string(delta, reply.content);
  std::string begin = event("response.created", 0, "response", document) +
                      event("response.output_text.delta", 1, "delta", delta);
  std::string end = event("response.completed", 2, "response", document);
  Response response;
  response.headers.set("Content-Type", "text/event-stream");
  response.stream = [begin, end, step](server::ResponseWriter& out) -> awaitable<Result<void>> {
    auto written = co_await out.write(begin);
    if (!written || step.fault == Fault::empty) co_return written;
    if (step.fault == Fault::cut) co_return Error(Errc::unavailable, "the script says cut");
    co_return co_await out.write(end);
  };
  return response;
}

awaitable<Response> respond(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto body = body_of(request.body);
  if (!body) co_return no_json();
  auto asked = read_input(body->root());
  if (!asked) {
    co_return error_response(
        refused(400, "Missing model or input", "invalid_request_error", "invalid_value"));
  }
  const auto stream = body->root().find("stream");
  const bool streamed = stream && stream->as_bool() == true;
  if (auto beyond = state->limit(ai::estimate_input(*asked).expected)) co_return std::move(*beyond);
  const std::string model = asked->model;
  const FakeStep step = state->next(request, model, streamed);
  if (auto plain = plain_answer(step, request)) co_return std::move(*plain);
  const bool there = co_await wait_first(state, step);
  if (!there) co_return Response();
  auto reply = co_await answer_chat(state, std::move(*asked), false);
  if (!reply) co_return of_error(reply.error());
  if (step.fault == Fault::refusal) reply->finish_reason = ai::FinishReason::refusal;
  if (step.fault == Fault::length) reply->finish_reason = ai::FinishReason::length;
  std::string document = response_json(model, *reply);
  if (streamed) co_return stream_of(std::move(document), *reply, step);
  if (step.fault == Fault::empty) co_return server::json_response(200, "");
  co_return server::json_response(200, std::move(document));
}

awaitable<Response> count_tokens(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto body = body_of(request.body);
  const auto asked = body ? read_input(body->root()) : std::nullopt;
  if (!asked) co_return no_json();
  JsonWriter out;
  out.begin_object().member("object", "response.input_tokens");
  out.member("input_tokens", ai::estimate_input(*asked).expected).end_object();
  co_return server::json_response(200, out.finish().release());
}

/// Flags what says "attack".
awaitable<Response> moderate(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto body = body_of(request.body);
  const auto input = body ? body->root().find("input") : std::nullopt;
  if (!input) co_return no_json();
  std::vector<std::string> texts;
  if (const auto text = input->as_string()) texts.emplace_back(*text);
  for (std::size_t i = 0; input->kind() == JsonKind::array && i < input->size(); ++i) {
    const auto text = input->at(i).as_string();
    texts.push_back(text ? std::string(*text) : text_of(input->at(i), "text"));
  }
  JsonWriter out;
  out.begin_object().member("id", "modr-fake").member("model", "omni-moderation-latest");
  out.key("results").begin_array();
  for (const auto& text : texts) {
    const bool flagged = text.find("attack") != std::string::npos;
    out.begin_object().member("flagged", flagged).key("categories").begin_object();
    out.member("violence", flagged).end_object().key("category_scores").begin_object();
    out.member("violence", flagged ? 0.9 : 0.01).end_object().end_object();
  }
  out.end_array().end_object();
  co_return server::json_response(200, out.finish().release());
}

}  // namespace

void add_response_routes(FakeRoutes& routes) {
  routes.add("POST", "/v1/responses", &respond);
  routes.add("POST", "/v1/responses/input_tokens", &count_tokens);
  routes.add("POST", "/v1/moderations", &moderate);
}

}  // namespace rwp::testing
