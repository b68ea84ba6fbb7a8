#include "pods/standalone_routes.hpp"

#include "pods/ai_routes.hpp"
#include "pods/ai_stack.hpp"
#include "pods/analytics_routes.hpp"
#include "pods/api_keys.hpp"
#include "pods/jobadder/object_state_store.hpp"
#include "pods/jobadder/webhook_route.hpp"
#include "pods/jobs_api.hpp"
#include "pods/model_probe.hpp"
#include "pods/store_probe.hpp"
#include <rwp/core/url.hpp>

#include <utility>

namespace rwp::pods {

Result<PodService> standalone_routes(const Configuration& configuration, StandaloneParts parts) {
  auto keys = ApiKeys::open(configuration, parts.log);
  if (!keys) return keys.error();
  PodService service;
  JobsApi api = make_jobs_api(configuration, parts.store, *keys);
  api.objects = parts.objects;
  api.objects_executor = parts.handlers->executor();
  add_jobs_routes(service.router, api);
  if (!configuration.jobadder_webhook_secret.empty()) {
    WebhookRouteParts webhooks;
    webhooks.store = parts.store;
    webhooks.state = make_object_state_store(parts.objects);
    webhooks.state_executor = parts.handlers->executor();
    webhooks.secret = configuration.jobadder_webhook_secret;
    webhooks.log = parts.log;
    webhooks.metrics = parts.metrics;
    add_jobadder_webhook_route(service.router, std::move(webhooks));
  }
  service.drain = [waits = api.waits] { waits->end_all(); };
  add_store_dependencies(service.dependencies, parts.store, false);

  if (auto dependency = model_dependency(parts.bare_model, parts.handlers->executor())) {
    service.dependencies.push_back(std::move(*dependency));
  }

  AiRoutes ai;
  const std::string own = parts.model->default_model();
  if (!own.empty()) ai.models.push_back(own);
  const auto url = Url::parse(configuration.ai_url);
  ai.other_models = !url || url->scheme() != "local";
  ai.first_piece_wait = configuration.ai_ping_every;
  ai.ping_every = configuration.ai_ping_every;
  ai.pass_through = passes_through(configuration, *parts.bare_model);
  ai.model = std::move(parts.model);
  ai.model_executor = parts.handlers->executor();
  if (!(*keys)->everybody()) ai.authorise = authorise(*keys, kAiUse);
  ai.may_use = [book = parts.tenants](const std::string& tenant, std::string_view name) {
    return book->may_use(tenant, name);
  };
  ai.log = parts.log;
  add_ai_routes(service.router, std::move(ai));

  AnalyticsRoutes analytics;
  analytics.spool = std::move(parts.spool);
  if (!(*keys)->everybody()) analytics.check_secret = secret_check(*keys, kEventsWrite);
  analytics.log = parts.log;
  analytics.metrics = std::move(parts.metrics);
  add_analytics_routes(service.router, std::move(analytics));
  return service;
}

}  // namespace rwp::pods
