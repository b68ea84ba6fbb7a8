#include "pods/ai_routes.hpp"
#include "pods/ai_stack.hpp"
#include "pods/api_keys.hpp"
#include "pods/model_probe.hpp"
#include "pods/openai_error.hpp"
#include "pods/store_ledger.hpp"
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/url.hpp>
#include <rwp/pods/ai_pod.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

boost::asio::awaitable<Result<std::vector<std::string>>> list_models(
    std::shared_ptr<ai_openai::OpenAiModel> service, SteadyTime deadline) {
  auto listed = co_await service->models(deadline);
  if (!listed) co_return listed.error();
  std::vector<std::string> names;
  for (auto& info : *listed) names.push_back(std::move(info.id));
  co_return names;
}

}  // namespace

int run_ai_pod(PodProcess& pod) {
  const auto& configuration = pod.configuration();
  auto keys = ApiKeys::open(configuration, pod.log());
  if (!keys) return pod.fail(keys.error());
  auto model = pod.open<ai::Model>("model", ai_model_url(configuration), pod.control());
  if (!model) return pod.fail(model.error());

  AiStackParts around;
  around.model = *model;
  around.log = pod.log();
  around.metrics = pod.metrics();
  around.runtime = &pod.control();
  if (has_ai_budget(configuration)) {
    auto store = pod.open<jobs::JobStore>("job store", configuration.jobs_url, pod.control());
    if (!store) return pod.fail(store.error());
    around.ledger = ledger_of(std::move(*store));
  }
  auto stack = build_ai_stack(configuration, std::move(around));
  if (!stack) return pod.fail(stack.error());

  AiRoutes routes;
  routes.model = *stack;
  routes.model_executor = pod.control().executor();
  const std::string own = (*model)->default_model();
  if (!own.empty()) routes.models.push_back(own);
  // The local model is one; a service has many, and knows them best.
  const auto url = Url::parse(configuration.ai_url);
  routes.other_models = !url || url->scheme() != "local";
  if (auto service = std::dynamic_pointer_cast<ai_openai::OpenAiModel>(*model)) {
    routes.list_models = [service = std::move(service)](SteadyTime deadline) {
      return list_models(service, deadline);
    };
  }
  if (!(*keys)->everybody()) routes.authorise = authorise(*keys, kAiUse);
  routes.log = pod.log();
  PodService service;
  if (auto dependency = model_dependency(*model, pod.control().executor())) {
    service.dependencies.push_back(std::move(*dependency));
  }
  add_ai_routes(service.router, std::move(routes));
  service.router.set_problem_format(openai_problem);
  return pod.serve(std::move(service));
}

}  // namespace rwp::pods
