#pragma once

#include "pods/ai_routes.hpp"
#include "pods/ai_waiting.hpp"
#include "pods/file_shelf.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/storage/object_store.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <vector>

namespace rwp::pods {

/// What the work on batches of POST /v1/batches needs.
struct BatchWork {
  std::shared_ptr<jobs::JobStore> store{};
  std::shared_ptr<storage::ObjectStore> objects{};
  /// Of the object store's runtime.
  boost::asio::any_io_executor objects_executor{};
  /// How a line is answered: as the same call of the pod's would be.
  AiRoutes routes{};
  /// Lines of chats go into the service's own batches; null: they are asked one by one.
  std::shared_ptr<const AiWaiting> waiting{};
  observability::Logger log{};
  /// May be null. rwp_ai_file_batches_total{status}.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Workers that run batches and their lines. A batch is a job, and each of its lines one: what a
/// line was answered is kept before it is used, and no line that has its answer is asked again,
/// whatever becomes of the process. Several pods on one store share the work. Not started.
/// Lifetime: `handlers` outlives them.
std::vector<std::unique_ptr<jobs::Worker>> make_batch_workers(const Configuration& configuration,
                                                              BatchWork work, Runtime& handlers);

}  // namespace rwp::pods
