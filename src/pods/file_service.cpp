#include "pods/file_service.hpp"

#include "pods/ai_waiting.hpp"
#include "pods/batch_work.hpp"
#include "pods/file_routes.hpp"

#include <utility>

namespace rwp::pods {

void FileService::stop() {
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
  service.workers_ = make_batch_workers(configuration, std::move(work), *parts.handlers);
  if (*waiting) {
    service.workers_.push_back(
        make_batch_worker(configuration, **waiting, *parts.handlers, parts.around));
  }
  for (auto& worker : service.workers_) worker->start();
  return service;
}

}  // namespace rwp::pods
