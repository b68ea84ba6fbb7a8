#include "pods/ai_routes.hpp"
#include "pods/api_keys.hpp"
#include "pods/openai_error.hpp"
#include <rwp/core/url.hpp>
#include <rwp/pods/ai_pod.hpp>

#include <utility>

namespace rwp::pods {

int run_ai_pod(PodProcess& pod) {
  const auto& configuration = pod.configuration();
  auto keys = ApiKeys::open(configuration, pod.log());
  if (!keys) return pod.fail(keys.error());
  auto model = pod.open<ai::Model>("model", configuration.ai_url, pod.control());
  if (!model) return pod.fail(model.error());

  AiRoutes routes;
  routes.model = *model;
  routes.model_executor = pod.control().executor();
  const std::string own = (*model)->default_model();
  if (!own.empty()) routes.models.push_back(own);
  // The local model is one; a service has many, and knows them best.
  const auto url = Url::parse(configuration.ai_url);
  routes.other_models = !url || url->scheme() != "local";
  if (!(*keys)->everybody()) routes.authorise = authorise(*keys, kAiUse);
  routes.log = pod.log();
  PodService service;
  add_ai_routes(service.router, std::move(routes));
  service.router.set_problem_format(openai_problem);
  return pod.serve(std::move(service));
}

}  // namespace rwp::pods
