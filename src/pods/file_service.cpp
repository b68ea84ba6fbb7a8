#include "pods/file_service.hpp"

#include "pods/ai_waiting.hpp"
#include "pods/batch_work.hpp"
#include "pods/file_routes.hpp"
#include "pods/file_shelf.hpp"

#include <utility>

namespace rwp::pods {
namespace {

constexpr std::chrono::hours kBetweenSweeps{1};

boost::asio::awaitable<void> sweep(std::shared_ptr<storage::ObjectStore> objects,
                                   observability::Logger log) {
  while (true) {
    FileShelf shelf(objects);
    auto removing = shelf.remove_expired();
    const auto removed = co_await std::move(removing);
    if (!removed) {
      if (removed.error().code() == Errc::cancelled) co_return;
      log.warn("expired files could not be removed", {{"error", removed.error()}});
    } else if (*removed > 0) {
      log.info("expired files are removed", {{"files", *removed}});
    }
    const auto waited = co_await sleep_for(kBetweenSweeps);
    if (!waited) co_return;
  }
}

}  // namespace

void FileService::stop() {
  sweeping_.cancel();
  for (auto& worker : workers_) worker->stop();
}

bool FileService::wait_stopped(SteadyTime deadline) {
  bool all = true;
  for (auto& worker : workers_) all = worker->wait_stopped(deadline).has_value() && all;
  return all;
}

Result<FileService> add_file_service(const Configuration& configuration, server::Router& router,
                                     FileServiceParts parts) {
  auto waiting = open_ai_waiting(configuration, *parts.bare_model, parts.store, parts.around);
  if (!waiting) return waiting.error();
  FileRoutes routes;
  routes.store = parts.store;
  routes.objects = parts.objects;
  routes.objects_executor = parts.objects_executor;
  routes.authorise = parts.routes.authorise;
  routes.log = parts.routes.log;
  Task sweeping(parts.objects_executor, sweep(parts.objects, parts.routes.log),
                [](std::exception_ptr) {});
  add_file_routes(router, std::move(routes));

  BatchWork work;
  work.store = parts.store;
  work.objects = std::move(parts.objects);
  work.objects_executor = std::move(parts.objects_executor);
  work.routes = std::move(parts.routes);
  work.routes.priority = ai::CallPriority::background;
  work.waiting = *waiting;
  work.log = parts.around.log;
  work.metrics = parts.around.metrics;
  FileService service;
  service.sweeping_ = std::move(sweeping);
  service.workers_ = make_batch_workers(configuration, std::move(work), *parts.handlers);
  if (*waiting) {
    service.workers_.push_back(
        make_batch_worker(configuration, **waiting, *parts.handlers, parts.around));
  }
  for (auto& worker : service.workers_) worker->start();
  return service;
}

}  // namespace rwp::pods
