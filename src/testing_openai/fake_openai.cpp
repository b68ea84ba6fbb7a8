#include "testing_openai/fake_answer.hpp"
#include "testing_openai/fake_request.hpp"
#include <rwp/ai_local/local_model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/server/router.hpp>
#include <rwp/server/server.hpp>
#include <rwp/testing/fake_openai.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace rwp::testing {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

constexpr std::size_t kMostSteps = 10'000;
constexpr std::size_t kMostRequestsKept = 1'000;
constexpr std::size_t kMostBodyBytes = std::size_t{16} << 20U;
constexpr std::chrono::minutes kLongestAnswer{15};
constexpr std::string_view kMagic = "fake:";

/// What the handlers and the owner share.
class State {
 public:
  explicit State(FakeOpenAiOptions options) : options_(std::move(options)) {
    if (!options_.model) options_.model = ai_local::make_local_model();
  }

  const FakeOpenAiOptions& options() const noexcept { return options_; }
  ai::Model& model() const noexcept { return *options_.model; }

  bool play(const std::vector<FakeStep>& steps) {
    const std::lock_guard lock(mutex_);
    if (script_.size() + steps.size() > kMostSteps) return false;
    script_.insert(script_.end(), steps.begin(), steps.end());
    return true;
  }

  /// What this request meets, and keeps it.
  FakeStep next(const Request& request, const std::string& model, bool stream) {
    const std::lock_guard lock(mutex_);
    ++count_;
    const FakeStep step = choose(model);
    ++faults_[step.fault];
    if (requests_.size() >= kMostRequestsKept) requests_.pop_front();
    requests_.push_back({.path = request.path,
                         .model = model,
                         .stream = stream,
                         .fault = step.fault,
                         .headers = request.headers,
                         .body = request.body});
    return step;
  }

  void abandoned() {
    const std::lock_guard lock(mutex_);
    ++abandoned_;
  }

  std::vector<FakeRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return {requests_.begin(), requests_.end()};
  }
  std::uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  std::uint64_t abandoned_count() const {
    const std::lock_guard lock(mutex_);
    return abandoned_;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    requests_.clear();
    faults_.clear();
    count_ = abandoned_ = 0;
  }

  std::string counts_json() const {
    const std::lock_guard lock(mutex_);
    JsonWriter out;
    out.begin_object().member("requests", count_).member("abandoned", abandoned_);
    out.member("script_left", static_cast<std::uint64_t>(script_.size()));
    out.key("by_fault").begin_object();
    for (const auto& [fault, count] : faults_) out.member(fault_name(fault), count);
    out.end_object().end_object();
    return out.finish().release();
  }

 private:
  FakeStep choose(const std::string& model) {
    if (!script_.empty()) {
      const FakeStep step = script_.front();
      script_.pop_front();
      return step;
    }
    if (model.starts_with(kMagic)) {
      return parse_fake_step(std::string_view(model).substr(kMagic.size())).value();
    }
    for (const auto& share : options_.shares) {
      if (share.period > 0 && count_ % share.period == 0) return share.step;
    }
    return {};
  }

  FakeOpenAiOptions options_;
  mutable std::mutex mutex_;
  std::deque<FakeStep> script_;
  std::deque<FakeRequest> requests_;
  std::map<Fault, std::uint64_t> faults_;
  std::uint64_t count_ = 0;
  std::uint64_t abandoned_ = 0;
};

using Shared = std::shared_ptr<State>;

Refused refused(int status, std::string message, std::string type, std::string code) {
  Refused said;
  said.status = status;
  said.message = std::move(message);
  said.type = std::move(type);
  said.code = std::move(code);
  return said;
}

Response page(int status) {
  Response response = server::text_response(status, "<html><body>Proxy error</body></html>\n");
  response.headers.set("Content-Type", "text/html");
  return response;
}

/// Answers that need no model; none for other faults.
std::optional<Response> plain_answer(FakeStep step, const Request& request) {
  switch (step.fault) {
    case Fault::rate_limit: {
      const auto wait = step.value < 0 ? std::int64_t{1'000} : step.value;
      Response response = error_response(
          refused(429, "Rate limit reached for requests", "requests", "rate_limit_exceeded"));
      response.headers.set("Retry-After", std::to_string((wait + 999) / 1'000));
      response.headers.set("Retry-After-Ms", std::to_string(wait));
      return response;
    }
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
    default:
      return std::nullopt;
  }
}

/// Waits where the step says so. False: the client has gone meanwhile.
awaitable<bool> wait_first(Shared state, FakeStep step) {
  std::chrono::milliseconds wait{0};
  if (step.fault == Fault::hang) wait = kLongestAnswer;
  if (step.fault == Fault::slow)
    wait = std::chrono::milliseconds(step.value < 0 ? 2'000 : step.value);
  if (wait.count() == 0) co_return true;
  const auto slept = co_await sleep_for(wait);
  if (!slept) state->abandoned();
  co_return slept.has_value();
}

/// A request with a key, and a body that is an object; else what is wrong.
std::optional<Response> refuse_head(const State& state, const Request& request) {
  const auto& key = state.options().api_key;
  const auto sent = request.headers.find("authorization");
  if (!key.empty() && sent != "Bearer " + key.expose()) {
    return error_response(
        refused(401, "Incorrect API key provided", "invalid_request_error", "invalid_api_key"));
  }
  return std::nullopt;
}

std::optional<JsonDocument> body_of(const Request& request) {
  auto text = JsonText::parse(request.body);
  if (!text) return std::nullopt;
  std::optional<JsonDocument> document;
  document.emplace(*text);
  if (document->root().kind() != JsonKind::object) document.reset();
  return document;
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

/// A body in two halves, so that faults can stand between them.
std::vector<std::string> halves(const std::string& body) {
  return {body.substr(0, body.size() / 2), body.substr(body.size() / 2)};
}

bool breaks_body(Fault fault) {
  return fault == Fault::cut || fault == Fault::stall || fault == Fault::malformed ||
         fault == Fault::huge;
}

/// Sends a document, broken where the step says so.
Response send_document(Shared state, std::string body, FakeStep step) {
  if (step.fault == Fault::empty) return server::json_response(200, "");
  if (step.fault == Fault::error_event) {
    return error_response(refused(200, "The server had an error", "server_error", ""));
  }
  if (!breaks_body(step.fault)) return server::json_response(200, std::move(body));
  OnAbandoned gone = [state] { state->abandoned(); };
  return send_pieces(halves(body), false, step, std::move(gone));
}

std::optional<Response> unknown_model(const std::string& model) {
  if (!model.starts_with(kMagic) ||
      parse_fake_step(std::string_view(model).substr(kMagic.size()))) {
    return std::nullopt;
  }
  return error_response(refused(404, "The model `" + model + "` does not exist",
                                "invalid_request_error", "model_not_found"));
}

awaitable<Response> chat(Shared state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto body = body_of(request);
  if (!body) co_return no_json();
  auto read = read_chat_request(body->root(), state->options().refused_parameters);
  if (const auto* bad = std::get_if<Refused>(&read)) co_return error_response(*bad);
  auto& asked = std::get<ChatAsked>(read);
  if (auto unknown = unknown_model(asked.request.model)) co_return std::move(*unknown);
  const FakeStep step = state->next(request, asked.request.model, asked.stream);
  if (auto plain = plain_answer(step, request)) co_return std::move(*plain);
  const bool there = co_await wait_first(state, step);
  if (!there) co_return Response();

  ChatAnswer answer;
  answer.model = asked.request.model;
  answer.stream = asked.stream;
  answer.include_usage = asked.include_usage;
  asked.request.model.clear();
  auto reply = co_await state->model().chat(std::move(asked.request));
  if (!reply) co_return of_error(reply.error());
  answer.reply = std::move(*reply);
  spoil_reply(answer.reply, step.fault);
  if (!answer.stream) co_return send_document(state, completion_json(answer), step);
  OnAbandoned gone = [state] { state->abandoned(); };
  co_return send_pieces(completion_events(answer), true, step, std::move(gone));
}

awaitable<Response> embed(Shared state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto body = body_of(request);
  if (!body) co_return no_json();
  auto read = read_embed_request(body->root());
  if (const auto* bad = std::get_if<Refused>(&read)) co_return error_response(*bad);
  auto& asked = std::get<EmbedAsked>(read);
  if (auto unknown = unknown_model(asked.request.model)) co_return std::move(*unknown);
  const FakeStep step = state->next(request, asked.request.model, false);
  if (auto plain = plain_answer(step, request)) co_return std::move(*plain);
  const bool there = co_await wait_first(state, step);
  if (!there) co_return Response();

  const std::string model = std::exchange(asked.request.model, std::string());
  auto reply = co_await state->model().embed(std::move(asked.request));
  if (!reply) co_return of_error(reply.error());
  const bool base64 = asked.base64 && !state->options().only_float_embeddings;
  co_return send_document(state, embeddings_json(*reply, model, base64), step);
}

awaitable<Response> list_models(Shared state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  co_return server::json_response(200, models_json(state->options().models));
}

awaitable<Response> take_script(Shared state, Request request) {
  const auto body = body_of(request);
  const auto steps = body ? body->root().find("steps") : std::nullopt;
  if (!steps || steps->kind() != JsonKind::array) {
    co_return error_response(refused(400, "steps must be a list", "invalid_request_error", ""));
  }
  std::vector<FakeStep> script;
  for (std::size_t i = 0; i < steps->size(); ++i) {
    auto step = parse_fake_step(steps->at(i).as_string().value_or(std::string_view()));
    if (!step) co_return of_error(step.error());
    script.push_back(*step);
  }
  if (!state->play(script)) {
    co_return error_response(refused(400, "steps: more than 10000", "invalid_request_error", ""));
  }
  co_return server::json_response(200, state->counts_json());
}

awaitable<Response> tell_counts(Shared state, Request) {
  co_return server::json_response(200, state->counts_json());
}

awaitable<Response> forget(Shared state, Request) {
  state->forget();
  co_return server::json_response(200, state->counts_json());
}

server::Router routes_of(const Shared& state) {
  server::RouteOptions options;
  options.max_body_bytes = kMostBodyBytes;
  options.timeout = kLongestAnswer;
  server::Router router;
  const auto add = [&](const char* method, const char* path,
                       awaitable<Response> (*handler)(Shared, Request)) {
    router.add(
        method, path,
        [state, handler](Request request) { return handler(state, std::move(request)); }, options);
  };
  add("POST", "/v1/chat/completions", &chat);
  add("POST", "/v1/embeddings", &embed);
  add("GET", "/v1/models", &list_models);
  add("POST", "/_fake/script", &take_script);
  add("GET", "/_fake/requests", &tell_counts);
  add("DELETE", "/_fake/requests", &forget);
  return router;
}

}  // namespace

struct FakeOpenAi::Impl {
  Shared state;
  Runtime runtime{RuntimeOptions{.name = "fake-openai"}};
  std::unique_ptr<server::Server> server;
};

FakeOpenAi::FakeOpenAi(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FakeOpenAi::~FakeOpenAi() = default;

Result<std::unique_ptr<FakeOpenAi>> FakeOpenAi::start(FakeOpenAiOptions options) {
  auto impl = std::make_unique<Impl>();
  server::ServerOptions serving;
  serving.listen = options.listen;
  serving.log = options.log;
  impl->state = std::make_shared<State>(std::move(options));
  auto started = server::Server::start({&impl->runtime}, routes_of(impl->state), serving);
  if (!started) return started.error();
  impl->server = std::move(*started);
  return std::unique_ptr<FakeOpenAi>(new FakeOpenAi(std::move(impl)));
}

std::uint16_t FakeOpenAi::port() const noexcept { return impl_->server->port(); }

std::string FakeOpenAi::base_url() const {
  return "http://127.0.0.1:" + std::to_string(port()) + "/v1";
}

FakeOpenAi& FakeOpenAi::play(std::vector<FakeStep> steps) {
  impl_->state->play(steps);
  return *this;
}

std::vector<FakeRequest> FakeOpenAi::requests() const { return impl_->state->requests(); }
std::uint64_t FakeOpenAi::request_count() const { return impl_->state->count(); }
std::uint64_t FakeOpenAi::abandoned_count() const { return impl_->state->abandoned_count(); }
void FakeOpenAi::forget_requests() { impl_->state->forget(); }

}  // namespace rwp::testing
