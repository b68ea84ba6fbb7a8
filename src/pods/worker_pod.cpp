#include "pods/ai_stack.hpp"
#include "pods/enrich_worker.hpp"
#include "pods/event_sinks.hpp"
#include "pods/jobadder/handlers.hpp"
#include "pods/model_probe.hpp"
#include "pods/payload_objects.hpp"
#include "pods/store_ledger.hpp"
#include "pods/store_probe.hpp"
#include <rwp/pods/worker_pod.hpp>

#include <utility>

namespace rwp::pods {
namespace {

jobs::Awaitable<Result<void>> probe_objects(std::shared_ptr<storage::ObjectStore> objects,
                                            boost::asio::any_io_executor executor) {
  auto operation = objects->head("rwp-readiness");
  auto found = co_await on(std::move(executor), std::move(operation));
  // That there is no such object is an answer.
  if (!found && found.error().code() != Errc::not_found) co_return found.error();
  co_return Result<void>();
}

server::Dependency objects_dependency(std::shared_ptr<storage::ObjectStore> objects,
                                      const Runtime& runtime) {
  server::Dependency dependency;
  dependency.name = "object_store";
  dependency.probe = [objects = std::move(objects), executor = runtime.executor()] {
    return probe_objects(objects, executor);
  };
  return dependency;
}

}  // namespace

int run_worker_pod(PodProcess& pod) {
  const auto& configuration = pod.configuration();
  Runtime running{RuntimeOptions{.name = "rwp-handlers", .blocking_threads = 4}};
  HandlerParts parts;
  parts.trouble = std::make_shared<Trouble>();
  auto objects = pod.open<storage::ObjectStore>("object store", configuration.objects_url, running);
  if (!objects) return pod.fail(objects.error());
  parts.objects = *objects;
  auto model = pod.open<ai::Model>("model", ai_model_url(configuration), running);
  if (!model) return pod.fail(model.error());
  auto behind = model_dependency(*model, running.executor());
  parts.model = std::move(*model);
  auto sinks = open_event_sinks(configuration.analytics_url, running, [&](const std::string& url) {
    return pod.open<analytics::Sink>("analytics", url, running);
  });
  if (!sinks) return pod.fail(sinks.error());
  auto store = pod.open<jobs::JobStore>("job store", configuration.jobs_url, pod.control());
  if (!store) return pod.fail(store.error());
  (*store)->use_blobs(payload_objects(pod.schemes(), configuration.objects_url, pod.control()));
  // With several sinks each has events of its own that wait for it.
  EventSpool events;
  parts.sink = sinks->front().sink;
  if (sinks->size() > 1) {
    EventSpoolParts spooling;
    spooling.store = *store;
    spooling.sinks = std::move(*sinks);
    spooling.max_parcels = configuration.analytics_spool;
    spooling.log = pod.log();
    spooling.metrics = pod.metrics();
    events = make_event_spool(std::move(spooling));
    parts.sink = analytics::make_spooling_sink(events.spool);
    events.forwarder->start();
  }

  AiStackParts around_model;
  auto tenants = AiTenants::open(configuration, pod.log());
  if (!tenants) return pod.fail(tenants.error());
  around_model.tenants = std::move(*tenants);
  around_model.model = parts.model;
  around_model.ledger = ledger_of(*store);
  around_model.runtime = &running;
  around_model.artefacts = *objects;
  around_model.log = pod.log();
  around_model.metrics = pod.metrics();
  around_model.spans = pod.spans();
  auto waiting = open_ai_waiting(configuration, *parts.model, *store, around_model);
  if (!waiting) return pod.fail(waiting.error());
  auto stack = build_ai_stack(configuration, around_model);
  if (!stack) return pod.fail(stack.error());
  parts.waiting = *waiting;
  parts.model = std::move(*stack);

  EnrichWorkerParts around;
  around.store = *store;
  around.handlers = &running;
  around.log = pod.log();
  around.metrics = pod.metrics();
  around.spans = pod.spans();
  const auto worker = make_enrich_worker(configuration, std::move(around), std::move(parts));
  const auto jobadder =
      open_jobadder(configuration, running, *store, *objects, pod.log(), pod.metrics());
  if (!jobadder) return pod.fail(jobadder.error());
  handle_jobadder(*worker, *jobadder);
  std::unique_ptr<jobs::Worker> batches;
  if (*waiting) batches = make_batch_worker(configuration, **waiting, running, around_model);
  worker->start();
  if (batches) batches->start();
  start_jobadder_syncs(running, *jobadder);
  pod.log().info("worker started", {{"concurrency", configuration.concurrency}});

  PodService service;
  add_store_dependencies(service.dependencies, *store, true);
  service.dependencies.push_back(objects_dependency(*objects, running));
  if (behind) service.dependencies.push_back(std::move(*behind));
  service.drain = [&] {
    worker->stop();
    if (batches) batches->stop();
    if (events.forwarder) events.forwarder->stop();
  };
  service.wait_drained = [&](SteadyTime deadline) {
    const bool worked = worker->wait_stopped(deadline).has_value();
    const bool batched = !batches || batches->wait_stopped(deadline).has_value();
    const bool forwarded = !events.forwarder || events.forwarder->wait_stopped(deadline);
    return worked && batched && forwarded;
  };
  return pod.serve(std::move(service));
}

}  // namespace rwp::pods
