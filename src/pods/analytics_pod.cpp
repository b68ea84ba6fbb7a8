#include "pods/analytics_routes.hpp"
#include "pods/api_keys.hpp"
#include "pods/collect_spool.hpp"
#include "pods/event_forwarding.hpp"
#include "pods/store_probe.hpp"
#include <rwp/pods/analytics_pod.hpp>

#include <string>
#include <utility>

namespace rwp::pods {
namespace {

/// Runs at once: some deliveries of 25 events.
constexpr std::size_t kForwardedAtOnce = 200;

}  // namespace

int run_analytics_pod(PodProcess& pod) {
  const auto& configuration = pod.configuration();
  auto keys = ApiKeys::open(configuration, pod.log());
  if (!keys) return pod.fail(keys.error());
  auto store = pod.open<jobs::JobStore>("job store", configuration.jobs_url, pod.control());
  if (!store) return pod.fail(store.error());
  Runtime forwarding{RuntimeOptions{.name = "rwp-forward"}};
  auto sink = pod.open<analytics::Sink>("analytics", configuration.analytics_url, forwarding);
  if (!sink) return pod.fail(sink.error());

  AnalyticsRoutes routes;
  routes.store = *store;
  if (!(*keys)->everybody()) routes.check_secret = secret_check(*keys, kEventsWrite);
  routes.log = pod.log();
  routes.metrics = pod.metrics();

  jobs::WorkerOptions options;
  options.queues.emplace_back(kCollectQueue);
  options.concurrency = kForwardedAtOnce;
  options.drain_grace = configuration.drain_grace;
  options.log = pod.log();
  options.metrics = pod.metrics();
  options.spans = pod.spans();
  jobs::Worker worker(*store, forwarding, options);
  handle_collected_events(worker, std::make_shared<EventForwarder>(*sink));
  worker.start();

  PodService service;
  add_analytics_routes(service.router, std::move(routes));
  service.dependencies.push_back(store_dependency(*store));
  service.drain = [&worker] { worker.stop(); };
  service.wait_drained = [&worker](SteadyTime deadline) {
    return worker.wait_stopped(deadline).has_value();
  };
  const int code = pod.serve(std::move(service));
  worker.stop();
  return code;
}

}  // namespace rwp::pods
