#include "pods/api_keys.hpp"
#include "pods/jobadder/object_state_store.hpp"
#include "pods/jobadder/webhook_route.hpp"
#include "pods/jobs_api.hpp"
#include "pods/payload_objects.hpp"
#include "pods/queue_gauges.hpp"
#include "pods/store_probe.hpp"
#include <rwp/pods/api_pod.hpp>

#include <cstdio>
#include <utility>

namespace rwp::pods {
namespace {

int make_key(PodProcess& pod) {
  const auto& configuration = pod.configuration();
  const auto key =
      add_api_key(configuration.api_keys_file, configuration.new_key, configuration.scopes);
  if (!key) return pod.fail(key.error());
  std::printf("%s\n", key->c_str());
  std::fprintf(stderr, "api_pod: this key is shown once; %s keeps its hash\n",
               configuration.api_keys_file.c_str());
  return kExitSuccess;
}

}  // namespace

int run_api_pod(PodProcess& pod) {
  const auto& configuration = pod.configuration();
  if (!configuration.new_key.empty()) return make_key(pod);
  auto keys = ApiKeys::open(configuration, pod.log());
  if (!keys) return pod.fail(keys.error());
  auto store = pod.open<jobs::JobStore>("job store", configuration.jobs_url, pod.control());
  if (!store) return pod.fail(store.error());
  (*store)->use_blobs(payload_objects(pod.schemes(), configuration.objects_url, pod.control()));

  JobsApi api = make_jobs_api(configuration, *store, *keys);
  api.spans = pod.spans();
  auto objects =
      pod.open<storage::ObjectStore>("object store", configuration.objects_url, pod.control());
  if (objects) {
    api.objects = std::move(*objects);
    api.objects_executor = pod.control().executor();
  } else if (!configuration.objects_url.starts_with("file:")) {
    return pod.fail(objects.error());
  } else {
    // A pod without a disk: the workers ask once more.
    pod.log().info("no object store; forgotten candidates are refused by the workers alone",
                   {{"error", objects.error()}});
  }
  const bool takes_webhooks = !configuration.jobadder_webhook_secret.empty();
  if (takes_webhooks && !api.objects) {
    return pod.fail(objects.error().with_context("JobAdder's webhooks"));
  }
  const QueueGauges gauges(**store, pod.metrics());
  PodService service;
  add_jobs_routes(service.router, api);
  if (takes_webhooks) {
    WebhookRouteParts webhooks;
    webhooks.store = *store;
    webhooks.state = make_object_state_store(api.objects);
    webhooks.state_executor = pod.control().executor();
    webhooks.secret = configuration.jobadder_webhook_secret;
    webhooks.log = pod.log();
    webhooks.metrics = pod.metrics();
    add_jobadder_webhook_route(service.router, std::move(webhooks));
  }
  add_store_dependencies(service.dependencies, *store, false);
  service.drain = [waits = api.waits] { waits->end_all(); };
  return pod.serve(std::move(service));
}

}  // namespace rwp::pods
