#include "pods/ai_routes.hpp"
#include "pods/ai_stack.hpp"
#include "pods/ai_standing.hpp"
#include "pods/ai_tenants.hpp"
#include "pods/ai_usage_routes.hpp"
#include "pods/api_keys.hpp"
#include "pods/file_service.hpp"
#include "pods/model_probe.hpp"
#include "pods/openai_error.hpp"
#include "pods/store_ledger.hpp"
#include "pods/store_probe.hpp"
#include <rwp/ai/sliced_ledger.hpp>
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/url.hpp>
#include <rwp/pods/ai_pod.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

/// Longest that the end waits for what is still to be booked.
constexpr std::chrono::seconds kFlushWait{10};

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
  around.spans = pod.spans();
  around.runtime = &pod.control();
  auto tenants = AiTenants::open(configuration, pod.log());
  if (!tenants) return pod.fail(tenants.error());
  around.tenants = *tenants;
  const auto standing = std::make_shared<AiStanding>();
  around.on_standing = [standing](const std::string& tenant, const ai::RateReport& report) {
    standing->set(tenant, report);
  };
  std::shared_ptr<storage::ObjectStore> objects;
  if (configuration.ai_files || configuration.ai_artefacts ||
      !configuration.ai_tenants_file.empty()) {
    auto opened =
        pod.open<storage::ObjectStore>("object store", configuration.objects_url, pod.control());
    if (!opened) return pod.fail(opened.error());
    objects = std::move(*opened);
  }
  if (configuration.ai_artefacts || !configuration.ai_tenants_file.empty()) {
    around.artefacts = objects;
  }
  // The work on batches has a runtime of its own, and what asks the service for batches is there.
  std::unique_ptr<Runtime> of_batches;
  std::shared_ptr<ai::Model> batch_model = *model;
  if (configuration.ai_files) {
    of_batches = std::make_unique<Runtime>(RuntimeOptions{.name = "rwp-batches"});
  }
  if (configuration.ai_files && configuration.ai_batch) {
    auto opened = pod.open<ai::Model>("model", ai_model_url(configuration), *of_batches);
    if (!opened) return pod.fail(opened.error());
    batch_model = std::move(*opened);
  }
  std::shared_ptr<jobs::JobStore> store;
  if (configuration.ai_files || needs_ai_ledger(configuration)) {
    auto opened = pod.open<jobs::JobStore>("job store", configuration.jobs_url, pod.control());
    if (!opened) return pod.fail(opened.error());
    store = std::move(*opened);
  }
  std::shared_ptr<ai::SlicedLedger> ledger;
  if (needs_ai_ledger(configuration)) {
    ai::SliceOptions slices;
    slices.log = pod.log();
    slices.metrics = pod.metrics();
    ledger = ai::make_sliced_ledger(pod.control().executor(), ledger_of(store), std::move(slices));
    around.ledger = ledger;
  }
  auto stack = build_ai_stack(configuration, around);
  if (!stack) return pod.fail(stack.error());

  AiRoutes routes;
  routes.model = *stack;
  routes.model_executor = pod.control().executor();
  const std::string own = (*model)->default_model();
  if (!own.empty()) routes.models.push_back(own);
  // The local model is one; a service has many, and knows them best.
  const auto url = Url::parse(configuration.ai_url);
  routes.other_models = !url || url->scheme() != "local";
  routes.first_piece_wait = configuration.ai_ping_every;
  routes.ping_every = configuration.ai_ping_every;
  routes.pass_through = passes_through(configuration, **model);
  if (auto service = std::dynamic_pointer_cast<ai_openai::OpenAiModel>(*model)) {
    routes.list_models = [service = std::move(service)](SteadyTime deadline) {
      return list_models(service, deadline);
    };
  }
  if (!(*keys)->everybody()) routes.authorise = authorise(*keys, kAiUse);
  routes.may_use = [book = *tenants](const std::string& tenant, std::string_view name) {
    return book->may_use(tenant, name);
  };
  routes.standing = standing;
  routes.log = pod.log();
  PodService service;
  if (auto dependency = model_dependency(*model, pod.control().executor())) {
    service.dependencies.push_back(std::move(*dependency));
  }
  if (ledger) {
    AiUsageRoutes usage;
    usage.ledger = ledger;
    usage.executor = pod.control().executor();
    usage.tenants = *tenants;
    usage.authorise = routes.authorise;
    add_ai_usage_routes(service.router, std::move(usage));
  }
  FileService files;
  if (configuration.ai_files) {
    FileServiceParts parts;
    parts.store = store;
    parts.objects = objects;
    parts.objects_executor = pod.control().executor();
    parts.routes = routes;
    parts.handlers = of_batches.get();
    parts.bare_model = batch_model;
    // Its money is the store's own: what waits outlives the slices that a process holds.
    parts.around = around;
    parts.around.ledger = ledger_of(store);
    auto made = add_file_service(configuration, service.router, std::move(parts));
    if (!made) return pod.fail(made.error());
    files = std::move(*made);
    service.dependencies.push_back(store_dependency(store));
    service.drain = [&files] { files.stop(); };
    service.wait_drained = [&files](SteadyTime deadline) { return files.wait_stopped(deadline); };
  }
  add_ai_routes(service.router, std::move(routes));
  service.router.set_problem_format(openai_problem);
  const int code = pod.serve(std::move(service));
  if (ledger) {
    const auto until = std::chrono::steady_clock::now() + kFlushWait;
    const auto flushed = block_on(pod.control(), ledger->flush(until));
    if (!flushed) pod.log().error("usage could not be booked", {{"error", flushed.error()}});
  }
  return code;
}

}  // namespace rwp::pods
