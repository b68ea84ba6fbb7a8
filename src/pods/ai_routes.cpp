#include "pods/ai_routes.hpp"

#include "pods/openai_error.hpp"
#include "pods/openai_request.hpp"

#include <utility>

namespace rwp::pods {

void add_ai_routes(server::Router& router, AiRoutes routes) {
  server::RouteOptions options;
  options.authorise = routes.authorise;
  options.max_body_bytes = kMaxOpenAiBodyBytes;
  // The call itself ends by its deadline, with an answer of its own.
  options.timeout = routes.timeout + std::chrono::seconds(5);
  options.problem_format = openai_problem;
  auto handlers = make_ai_handlers(std::move(routes));
  router.add("POST", "/v1/chat/completions", std::move(handlers.chat), options);
  router.add("POST", "/v1/responses", std::move(handlers.responses), options);
  router.add("POST", "/v1/embeddings", std::move(handlers.embeddings), options);
  router.add("GET", "/v1/models", std::move(handlers.list_models), options);
  router.add("GET", "/v1/models/{model...}", std::move(handlers.get_model), options);
}

}  // namespace rwp::pods
