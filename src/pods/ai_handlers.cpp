#include "pods/ai_routes.hpp"
#include "pods/chat_stream.hpp"
#include "pods/openai_error.hpp"
#include "pods/openai_reply.hpp"
#include "pods/openai_request.hpp"
#include "pods/responses_reply.hpp"
#include "pods/responses_request.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/sha256.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <chrono>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;
using Shared = std::shared_ptr<const AiRoutes>;

OpenAiError no_such_model(const std::string& name) {
  OpenAiError error;
  error.status = 404;
  error.message =
      "The model `" + name.substr(0, 256) + "` does not exist or you do not have access to it.";
  error.code = "model_not_found";
  return error;
}

bool may_use(const AiRoutes& routes, const std::string& tenant, const std::string& name) {
  return !routes.may_use || routes.may_use(tenant, name);
}

bool serves(const AiRoutes& routes, const std::string& tenant, const std::string& name) {
  const bool is_there = routes.other_models || std::find(routes.models.begin(), routes.models.end(),
                                                         name) != routes.models.end();
  return is_there && may_use(routes, tenant, name);
}

/// The caller's key for a call that may be repeated; empty: none.
Result<std::string> idempotency_key(const Request& request) {
  constexpr std::size_t kMostKeyBytes = 256;
  const auto key = request.headers.find("Idempotency-Key");
  if (!key) return std::string();
  if (key->empty() || key->size() > kMostKeyBytes) {
    return Error(Errc::invalid_argument, "Idempotency-Key must be 1 to 256 characters");
  }
  return std::string(*key);
}

/// A body that says it is something else than JSON.
std::optional<OpenAiError> wrong_media_type(const Request& request) {
  const auto type = request.headers.find("Content-Type");
  if (!type) return std::nullopt;
  const auto name = type->substr(0, std::min(type->find(';'), type->size()));
  const auto end = name.find_last_not_of(" \t");
  const auto trimmed = name.substr(0, end == std::string_view::npos ? 0 : end + 1);
  if (net::equal_without_case(trimmed, "application/json")) return std::nullopt;
  OpenAiError error;
  error.status = 415;
  error.message = "Unsupported content type; send application/json.";
  error.code = "unsupported_media_type";
  return error;
}

/// Whom a call is about, as our own clients tell it; anything else than such a name counts as
/// nobody.
std::string subject_of(const Request& request) {
  constexpr std::size_t kMostBytes = 64;
  const auto told = request.headers.find("Rwp-Subject").value_or("");
  const bool plain = told.size() <= kMostBytes && std::all_of(told.begin(), told.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '_';
                     });
  return plain ? std::string(told) : std::string();
}

template <class Call>
void sign(Call& call, const Request& request, const AiRoutes& routes, std::string kind) {
  call.tenant = request.identity.tenant;
  call.kind = std::move(kind);
  call.subject = subject_of(request);
  call.trace = request.trace;
  call.priority = routes.priority;
  call.deadline = std::chrono::steady_clock::now() + routes.timeout;
}

Response failed(const AiRoutes& routes, const std::string& request_id, const Error& error) {
  if (error.code() == Errc::internal || error.code() == Errc::unauthenticated) {
    routes.log.error("model failed", {{"request_id", request_id}, {"error", error.to_string()}});
  }
  return openai_error_response(to_openai_error(error));
}

/// As above; what the service found wrong with a request is told in its own words.
Response failed(const AiRoutes& routes, const std::string& request_id, const Error& error,
                const ai::WireCall* wire) {
  const bool about_request =
      error.code() == Errc::invalid_argument || error.code() == Errc::not_found;
  if (wire == nullptr || wire->refusal.body.empty() || !about_request) {
    return failed(routes, request_id, error);
  }
  return server::json_response(wire->refusal.status, wire->refusal.body);
}

awaitable<Response> stream_chat(Shared routes, std::string request_id, ChatCall call) {
  auto head = make_completion_head(call.request.model);
  const auto connection = co_await boost::asio::this_coro::executor;
  const auto wire = call.request.wire;
  auto stream = std::make_shared<ChatStream>(routes->model_executor, connection, routes->model,
                                             std::move(call.request));
  auto begun = co_await stream->wait(std::chrono::steady_clock::now() + routes->first_piece_wait);
  if (!begun) co_return openai_error_response(to_openai_error(begun.error()));
  const auto& end = stream->end();
  if (end && !*end && !stream->has_pieces()) {
    co_return failed(*routes, request_id, end->error(), wire.get());
  }

  Response response;
  response.headers.set("Content-Type", "text/event-stream");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Accel-Buffering", "no");
  if (wire) {
    response.stream = [stream, api = wire->api,
                       ping = routes->ping_every](server::ResponseWriter& writer) {
      return send_wire_stream(stream, api, ping, writer);
    };
    co_return response;
  }
  auto chunks = std::make_shared<const ChunkWriter>(std::move(head), call.include_usage);
  response.stream = [stream, chunks, usage = call.include_usage,
                     ping = routes->ping_every](server::ResponseWriter& writer) {
    return send_chat_stream(stream, chunks, usage, ping, writer);
  };
  co_return response;
}

void tell_standing(const AiRoutes& routes, const std::string& tenant, Response& response) {
  if (routes.standing) routes.standing->tell(tenant, response.headers);
}

/// On the model's executor.
awaitable<Response> answer_whole(Shared routes, std::string request_id, ChatCall call) {
  const auto wire = call.request.wire;
  auto reply = co_await routes->model->chat(std::move(call.request));
  if (!reply) co_return failed(*routes, request_id, reply.error(), wire.get());
  if (reply->wire) co_return server::json_response(200, *reply->wire);
  const auto head = make_completion_head(reply->model);
  co_return server::json_response(200, chat_completion_json(head, *reply).release());
}

/// Tells requests apart that come with one Idempotency-Key.
Sha256 digest_of(const Request& request) {
  if (!request.headers.find("Idempotency-Key")) return Sha256();
  return sha256(request.target + "\n" + request.body);
}

/// What a call is for, and under which name its Idempotency-Key is kept.
struct Purpose {
  std::string kind{};
  std::string form{};
};

awaitable<Response> answer_call(Shared routes, Request request, ChatCall call, Purpose purpose,
                                Sha256 digest) {
  if (!serves(*routes, request.identity.tenant, call.request.model)) {
    co_return openai_error_response(no_such_model(call.request.model));
  }
  sign(call.request, request, *routes, std::move(purpose.kind));
  const std::string tenant = request.identity.tenant;
  if (call.stream) {
    auto streamed = co_await stream_chat(routes, request.request_id, std::move(call));
    tell_standing(*routes, tenant, streamed);
    co_return streamed;
  }
  auto answered = answer_whole(routes, request.request_id, std::move(call));
  const auto key = idempotency_key(request);
  if (!key) co_return openai_error_response(to_openai_error(key.error()));
  if (!key->empty()) {
    const auto deadline = std::chrono::steady_clock::now() + routes->timeout;
    answered = routes->idempotent->answer(tenant + "\n" + *key + purpose.form, digest,
                                          std::move(answered), deadline);
  }
  auto response = co_await on(routes->model_executor, std::move(answered));
  tell_standing(*routes, tenant, response);
  co_return response;
}

awaitable<Response> answer_chat(Shared routes, Request request) {
  if (const auto wrong = wrong_media_type(request)) co_return openai_error_response(*wrong);
  const Sha256 digest = digest_of(request);
  std::string body = std::move(request.body);
  auto read =
      routes->pass_through ? read_wire_chat(std::move(body)) : read_chat_request(std::move(body));
  if (const auto* refused = std::get_if<OpenAiError>(&read)) {
    co_return openai_error_response(*refused);
  }
  auto call = std::move(std::get<ChatCall>(read));
  Purpose purpose;
  purpose.kind = "openai.chat";
  co_return co_await answer_call(routes, std::move(request), std::move(call), std::move(purpose),
                                 digest);
}

/// Writes a chat's stream as the events of a response.
class TranslatingWriter final : public server::ResponseWriter {
 public:
  TranslatingWriter(server::ResponseWriter& inner, ResponseTranslation& translation)
      : inner_(inner), translation_(translation) {}

  awaitable<Result<void>> write(std::string piece) override {
    auto told = translation_.feed(piece);
    std::string text =
        told ? std::move(*told)
             : ChunkWriter::error(to_openai_error(told.error()), ai::WireApi::responses);
    if (!text.empty()) {
      auto written = co_await inner_.write(std::move(text));
      if (!written) co_return written.error();
    }
    if (!told) co_return told.error();
    co_return Result<void>();
  }

 private:
  server::ResponseWriter& inner_;
  ResponseTranslation& translation_;
};

awaitable<Result<void>> send_translated(server::BodyStream stream,
                                        std::shared_ptr<ResponseTranslation> translation,
                                        server::ResponseWriter& writer) {
  TranslatingWriter translating(writer, *translation);
  auto sent = co_await stream(translating);
  if (!sent || translation->has_ended()) co_return sent;
  co_return Error(Errc::corrupt, "the stream has no end");
}

/// As a chat, whose answer is told as a response.
awaitable<Response> answer_translated(Shared routes, Request request, Sha256 digest) {
  auto translated = translate_response_request(std::move(request.body));
  if (const auto* refused = std::get_if<OpenAiError>(&translated)) {
    co_return openai_error_response(*refused);
  }
  auto& chat = std::get<TranslatedResponse>(translated);
  auto read = routes->pass_through ? read_wire_chat(std::move(chat.body))
                                   : read_chat_request(std::move(chat.body));
  if (const auto* refused = std::get_if<OpenAiError>(&read)) {
    co_return openai_error_response(as_response_error(*refused));
  }
  auto call = std::move(std::get<ChatCall>(read));
  const auto translation = std::make_shared<ResponseTranslation>(std::move(chat.echo));
  const std::string request_id = request.request_id;
  Purpose purpose;
  purpose.kind = "openai.responses";
  purpose.form = "\nas a chat";
  auto response =
      co_await answer_call(routes, std::move(request), std::move(call), std::move(purpose), digest);
  if (response.stream) {
    response.stream = [chats = std::move(response.stream),
                       translation](server::ResponseWriter& writer) {
      return send_translated(chats, translation, writer);
    };
    co_return response;
  }
  if (response.status != 200) co_return response;
  auto whole = translation->whole(std::move(response.body));
  if (!whole) co_return failed(*routes, request_id, whole.error());
  response.body = whole->release();
  co_return response;
}

/// Whether the service does not have the API at all, which it may say of a model as well.
bool lacks_api(const ai::WireCall& wire) {
  const int status = wire.refusal.status;
  if (status != 404 && status != 405 && status != 501) return false;
  return wire.refusal.body.find("model") == std::string::npos;
}

/// Whether the request names what the service would keep, which may be what it does not find: that
/// says nothing of the API. Within texts of the request quotes are escaped.
bool names_kept_things(std::string_view body) {
  constexpr std::array<std::string_view, 6> kNames = {"\"prompt\"",    "\"file_id\"",
                                                      "\"file_ids\"",  "\"vector_store_ids\"",
                                                      "\"container\"", "\"item_reference\""};
  return std::any_of(kNames.begin(), kNames.end(), [body](std::string_view name) {
    return body.find(name) != std::string_view::npos;
  });
}

/// What is known of the service behind: whether it has responses of its own.
class ResponsesKnown {
 public:
  bool lacks() const { return SteadyTime::clock::now().time_since_epoch().count() < until_; }
  /// Asked anew after a while: it may have been a passing fault, or the service has learned them.
  void note_lack() {
    const SteadyTime until = SteadyTime::clock::now() + kLackBelieved;
    until_ = until.time_since_epoch().count();
  }

 private:
  static constexpr std::chrono::minutes kLackBelieved{10};
  std::atomic<SteadyTime::rep> until_{std::numeric_limits<SteadyTime::rep>::min()};
};

awaitable<Response> answer_response(Shared routes, std::shared_ptr<ResponsesKnown> known,
                                    Request request) {
  if (const auto wrong = wrong_media_type(request)) co_return openai_error_response(*wrong);
  const Sha256 digest = digest_of(request);
  if (!routes->pass_through || known->lacks()) {
    co_return co_await answer_translated(routes, std::move(request), digest);
  }
  Request again = request;
  auto read = read_wire_response(std::move(request.body));
  if (const auto* refused = std::get_if<OpenAiError>(&read)) {
    co_return openai_error_response(*refused);
  }
  auto call = std::move(std::get<ChatCall>(read));
  const auto wire = call.request.wire;
  Purpose purpose;
  purpose.kind = "openai.responses";
  auto response =
      co_await answer_call(routes, std::move(request), std::move(call), std::move(purpose), digest);
  if (response.status == 200 || !lacks_api(*wire) || names_kept_things(again.body)) {
    co_return response;
  }
  known->note_lack();
  routes->log.info("the service has no responses; they are asked for as chats");
  co_return co_await answer_translated(routes, std::move(again), digest);
}

awaitable<Response> answer_embeddings(Shared routes, Request request) {
  if (const auto wrong = wrong_media_type(request)) co_return openai_error_response(*wrong);
  auto read = read_embed_request(std::move(request.body));
  if (const auto* refused = std::get_if<OpenAiError>(&read)) {
    co_return openai_error_response(*refused);
  }
  auto call = std::move(std::get<EmbedCall>(read));
  const std::string tenant = request.identity.tenant;
  if (!serves(*routes, tenant, call.request.model)) {
    co_return openai_error_response(no_such_model(call.request.model));
  }
  sign(call.request, request, *routes, "openai.embeddings");
  auto asked = routes->model->embed(std::move(call.request));
  auto reply = co_await on(routes->model_executor, std::move(asked));
  Response response =
      reply ? server::json_response(200, embeddings_json(*reply, call.base64).release())
            : failed(*routes, request.request_id, reply.error());
  tell_standing(*routes, tenant, response);
  co_return response;
}

/// When a model came into being is not known; the library's first year stands for it.
constexpr std::int64_t kModelsCreated = 1'767'225'600;

/// Longest that the service behind may take to list its models.
constexpr std::chrono::seconds kListTimeout{20};

awaitable<Result<std::vector<std::string>>> names_of(Shared routes) {
  if (!routes->list_models) co_return routes->models;
  auto asked = routes->list_models(std::chrono::steady_clock::now() + kListTimeout);
  co_return co_await on(routes->model_executor, std::move(asked));
}

awaitable<Response> answer_models(Shared routes, Request request) {
  auto names = co_await names_of(routes);
  if (!names) co_return failed(*routes, request.request_id, names.error());
  std::erase_if(*names, [&](const std::string& name) {
    return !may_use(*routes, request.identity.tenant, name);
  });
  co_return server::json_response(200, model_list_json(*names, kModelsCreated).release());
}

awaitable<Response> answer_model(Shared routes, Request request) {
  const std::string name = request.parameters["model"];
  const auto names = co_await names_of(routes);
  if (!names) co_return failed(*routes, request.request_id, names.error());
  if (std::find(names->begin(), names->end(), name) == names->end() ||
      !may_use(*routes, request.identity.tenant, name)) {
    co_return openai_error_response(no_such_model(name));
  }
  co_return server::json_response(200, model_json(name, kModelsCreated).release());
}

}  // namespace

AiHandlers make_ai_handlers(AiRoutes routes) {
  assert(routes.model && routes.model_executor);
  if (!routes.idempotent) routes.idempotent = std::make_shared<IdempotentCalls>();
  const Shared shared = std::make_shared<const AiRoutes>(std::move(routes));
  AiHandlers handlers;
  handlers.chat = [shared](Request request) { return answer_chat(shared, std::move(request)); };
  handlers.responses = [shared, known = std::make_shared<ResponsesKnown>()](Request request) {
    return answer_response(shared, known, std::move(request));
  };
  handlers.embeddings = [shared](Request request) {
    return answer_embeddings(shared, std::move(request));
  };
  handlers.list_models = [shared](Request request) {
    return answer_models(shared, std::move(request));
  };
  handlers.get_model = [shared](Request request) {
    return answer_model(shared, std::move(request));
  };
  return handlers;
}

}  // namespace rwp::pods
