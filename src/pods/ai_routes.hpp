#pragma once

#include "pods/ai_standing.hpp"
#include "pods/idempotent_calls.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/server/router.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// Answers the names of the models that the service behind the pod has, on the model's executor.
using ListModels =
    std::function<boost::asio::awaitable<Result<std::vector<std::string>>>(SteadyTime deadline)>;

/// What the OpenAI-compatible routes stand in front of.
struct AiRoutes {
  std::shared_ptr<ai::Model> model{};
  /// Of the model's runtime. The server's runtimes outlive the model's calls.
  boost::asio::any_io_executor model_executor{};
  /// What GET /v1/models lists, and the only names that are served.
  std::vector<std::string> models{};
  /// Names that are not listed are the model's to judge: for one that fronts a service with many.
  bool other_models = false;
  /// Calls go on to the model as they came, and so do its answers: for one that speaks the
  /// protocol.
  bool pass_through = false;
  /// Which of them a tenant may use; unset: all.
  std::function<bool(const std::string& tenant, std::string_view model)> may_use{};
  /// What is told of a tenant's rate with each answer; may be null.
  std::shared_ptr<const AiStanding> standing{};
  /// Instead of `models`, for what GET /v1/models lists.
  ListModels list_models{};
  /// Unset: everybody may.
  server::Authorise authorise{};
  /// Longest that an answer may take, a streamed one to its end.
  std::chrono::milliseconds timeout{600'000};
  /// How long a stream's status is held back for the first piece, so that an early failure has a
  /// status of its own.
  std::chrono::milliseconds first_piece_wait{15'000};
  std::chrono::milliseconds ping_every{15'000};
  /// Where calls of one tenant have to wait.
  ai::CallPriority priority = ai::CallPriority::normal;
  /// Made here when it is null.
  std::shared_ptr<IdempotentCalls> idempotent{};
  observability::Logger log{};
};

/// The routes' handlers, which need no server.
struct AiHandlers {
  server::Handler chat{};
  server::Handler responses{};
  server::Handler embeddings{};
  server::Handler list_models{};
  /// Of the request parameter "model".
  server::Handler get_model{};
};

AiHandlers make_ai_handlers(AiRoutes routes);

/// Adds POST /v1/chat/completions and POST /v1/responses (both also streamed), POST /v1/embeddings,
/// GET /v1/models and GET /v1/models/{model}. Every refusal is an OpenAI error object. Responses
/// go on where calls pass through and the service has them; else they are translated to chats.
void add_ai_routes(server::Router& router, AiRoutes routes);

}  // namespace rwp::pods
