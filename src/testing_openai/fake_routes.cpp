#include "testing_openai/fake_routes.hpp"

#include <rwp/ai/call_key.hpp>
#include <rwp/core/async.hpp>

#include <array>
#include <chrono>
#include <ctime>

namespace rwp::testing {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

constexpr std::size_t kMostBodyBytes = std::size_t{256} << 20U;
constexpr std::chrono::minutes kLongestAnswer{15};

Response page(int status) {
  Response response = server::text_response(status, "<html><body>Proxy error</body></html>\n");
  response.headers.set("Content-Type", "text/html");
  return response;
}

std::string http_date(std::chrono::milliseconds from_now) {
  const auto when =
      std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now() + from_now);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const auto size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text.data(), size);
}

Response rate_limited(FakeStep step) {
  const auto wait = step.value < 0 ? std::int64_t{1'000} : step.value;
  Response response = error_response(
      refused(429, "Rate limit reached for requests", "requests", "rate_limit_exceeded"));
  const auto set = [&](const char* name, std::string value) {
    response.headers.set(name, std::move(value));
  };
  const std::string seconds = std::to_string((wait + 999) / 1'000);
  const bool both = step.fault == Fault::rate_limit;
  if (both || step.fault == Fault::rate_seconds) set("Retry-After", seconds);
  if (both || step.fault == Fault::rate_ms) set("Retry-After-Ms", std::to_string(wait));
  if (step.fault == Fault::rate_date) {
    set("Retry-After", http_date(std::chrono::milliseconds(wait)));
  }
  if (step.fault == Fault::rate_reset) {
    set("x-ratelimit-limit-requests", "60");
    set("x-ratelimit-remaining-requests", "0");
    set("x-ratelimit-reset-requests", std::to_string(wait) + "ms");
  }
  return response;
}

/// The arguments of a call: what the model makes of the question by the tool's schema.
awaitable<Result<std::string>> arguments_of(SharedState state, ai::ChatRequest request,
                                            ai::Tool tool) {
  if (tool.parameters.is_null()) co_return std::string("{}");
  request.output_schema = ai::OutputSchema{tool.name, tool.parameters};
  auto reply = co_await state->model().chat(std::move(request));
  if (!reply) co_return reply.error();
  co_return std::move(reply->content);
}

/// The tool that is to be called; none: a text is wanted.
std::optional<ai::Tool> tool_to_call(const ai::ChatRequest& request) {
  if (request.tools.empty() || request.tool_choice == "none" ||
      request.messages.back().role == ai::Role::tool) {
    return std::nullopt;
  }
  for (const auto& tool : request.tools) {
    if (tool.name == request.tool_choice) return tool;
  }
  return request.tools.front();
}

}  // namespace

void FakeRoutes::add(const char* method, const char* path, FakeHandler handler) {
  server::RouteOptions options;
  options.max_body_bytes = kMostBodyBytes;
  options.timeout = kLongestAnswer;
  const SharedState state = state_;
  router_.add(
      method, path,
      [state, handler](Request request) { return handler(state, std::move(request)); }, options);
}

Refused refused(int status, std::string message, std::string type, std::string code) {
  Refused said;
  said.status = status;
  said.message = std::move(message);
  said.type = std::move(type);
  said.code = std::move(code);
  return said;
}

Response no_json() {
  return error_response(refused(400, "We could not parse the JSON body of your request.",
                                "invalid_request_error", ""));
}

Response of_error(const Error& error) {
  Refused said = refused(500, error.message(), "server_error", "");
  if (error.code() == Errc::invalid_argument || error.code() == Errc::unsupported) {
    said.status = 400;
    said.type = "invalid_request_error";
  }
  return error_response(said);
}

Response no_answer_at_all() {
  Response response;
  response.stream = [](server::ResponseWriter&) -> awaitable<Result<void>> {
    co_return Error(Errc::unavailable, "the script says reset");
  };
  return response;
}

std::optional<Response> refuse_head(const FakeState& state, const Request& request) {
  const auto& key = state.options().api_key;
  const auto sent = request.headers.find("authorization");
  if (key.empty() || sent == "Bearer " + key.expose() ||
      request.headers.find("api-key") == key.expose()) {
    return std::nullopt;
  }
  return error_response(
      refused(401, "Incorrect API key provided", "invalid_request_error", "invalid_api_key"));
}

std::optional<JsonDocument> body_of(const std::string& body) {
  auto text = JsonText::parse(body);
  if (!text) return std::nullopt;
  std::optional<JsonDocument> document;
  document.emplace(*text);
  if (document->root().kind() != JsonKind::object) document.reset();
  return document;
}

std::string text_of(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

std::optional<Response> plain_answer(FakeStep step, const Request& request) {
  switch (step.fault) {
    case Fault::rate_limit:
    case Fault::rate_seconds:
    case Fault::rate_date:
    case Fault::rate_ms:
    case Fault::rate_reset:
    case Fault::rate_bare:
      return rate_limited(step);
    case Fault::slow_down:
      return error_response(
          refused(429, "Slow down: your traffic grew too fast", "rate_limit_error", "slow_down"));
    case Fault::quota:
      return error_response(refused(429, "You exceeded your current quota", "insufficient_quota",
                                    "insufficient_quota"));
    case Fault::bad_key:
      return error_response(
          refused(401,
                  "Incorrect API key provided: " +
                      std::string(request.headers.find("authorization").value_or("none")),
                  "invalid_request_error", "invalid_api_key"));
    case Fault::server_error:
      return error_response(refused(500, "The server had an error", "server_error", ""));
    case Fault::overloaded:
      return error_response(refused(503, "The server is overloaded", "service_unavailable_error",
                                    "server_is_overloaded"));
    case Fault::bad_gateway:
      return page(502);
    case Fault::wrong_type:
      return page(200);
    case Fault::reset:
      return no_answer_at_all();
    default:
      return std::nullopt;
  }
}

Response limited_at_once(const Request& request) {
  FakeStep step;
  step.fault = Fault::rate_limit;
  step.value = 0;
  return plain_answer(step, request).value();
}

awaitable<bool> wait_first(SharedState state, FakeStep step) {
  std::chrono::milliseconds wait{0};
  if (step.fault == Fault::hang) wait = kLongestAnswer;
  if (step.fault == Fault::slow) {
    wait = std::chrono::milliseconds(step.value < 0 ? 2'000 : step.value);
  }
  if (wait.count() == 0) co_return true;
  const auto slept = co_await sleep_for(wait);
  if (!slept) state->abandoned();
  co_return slept.has_value();
}

awaitable<Result<ai::ChatReply>> answer_chat(SharedState state, ai::ChatRequest request,
                                             bool batch) {
  const std::string model = request.model;
  const std::string key = ai::call_key(request, model, "");
  request.model.clear();
  const auto tool = tool_to_call(request);
  request.tools.clear();
  request.tool_choice.clear();
  for (auto& message : request.messages) {
    // The model behind sees no pictures.
    if (!message.images.empty() && message.content.empty()) message.content = "(a picture)";
    message.images.clear();
  }
  ai::ChatRequest copy = request;
  auto reply = co_await state->model().chat(std::move(request));
  if (!reply) co_return reply;
  if (tool) {
    auto arguments = co_await arguments_of(state, std::move(copy), *tool);
    if (!arguments) co_return arguments.error();
    reply->content.clear();
    reply->finish_reason = ai::FinishReason::tool_calls;
    reply->tool_calls.push_back({"call_fake_1", tool->name, std::move(*arguments)});
  }
  state->charge(key, reply->usage, batch);
  co_return reply;
}

}  // namespace rwp::testing
