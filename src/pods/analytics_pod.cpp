#include "pods/analytics_routes.hpp"
#include "pods/api_keys.hpp"
#include "pods/event_reports.hpp"
#include "pods/event_sinks.hpp"
#include "pods/store_probe.hpp"
#include <rwp/pods/analytics_pod.hpp>

#include <utility>

namespace rwp::pods {

int run_analytics_pod(PodProcess& pod) {
  const auto& configuration = pod.configuration();
  auto keys = ApiKeys::open(configuration, pod.log());
  if (!keys) return pod.fail(keys.error());
  auto store = pod.open<jobs::JobStore>("job store", configuration.jobs_url, pod.control());
  if (!store) return pod.fail(store.error());
  auto sinks =
      open_event_sinks(configuration.analytics_url, pod.control(), [&pod](const std::string& url) {
        return pod.open<analytics::Sink>("analytics", url, pod.control());
      });
  if (!sinks) return pod.fail(sinks.error());
  EventSpoolParts spooling;
  spooling.store = *store;
  spooling.sinks = std::move(*sinks);
  spooling.max_parcels = configuration.analytics_spool;
  spooling.patience = configuration.write_patience;
  spooling.log = pod.log();
  spooling.metrics = pod.metrics();
  const EventSpool events = make_event_spool(std::move(spooling));

  AnalyticsRoutes routes;
  routes.spool = events.spool;
  if (!(*keys)->everybody()) routes.check_secret = secret_check(*keys, kEventsWrite);
  routes.patience = configuration.write_patience;
  routes.log = pod.log();
  routes.metrics = pod.metrics();
  events.forwarder->start();

  PodService service;
  add_analytics_routes(service.router, std::move(routes));
  if (const auto url = find_table_url(configuration.analytics_url); !url.empty()) {
    // The sink has made what is to be read.
    auto table = pod.open<analytics::EventTable>("analytics", url, pod.control());
    if (!table) return pod.fail(table.error());
    ReportRoutes reports;
    reports.table = std::move(*table);
    reports.executor = pod.control().executor();
    if (!(*keys)->everybody()) reports.authorise = authorise(*keys, kEventsRead);
    add_report_routes(service.router, std::move(reports));
  }
  add_store_dependencies(service.dependencies, *store, false);
  // What comes in during the drain is kept, for whoever forwards next.
  service.drain = [&events] { events.forwarder->stop(); };
  service.wait_drained = [&events](SteadyTime deadline) {
    return events.forwarder->wait_stopped(deadline);
  };
  const int code = pod.serve(std::move(service));
  events.forwarder->stop();
  return code;
}

}  // namespace rwp::pods
