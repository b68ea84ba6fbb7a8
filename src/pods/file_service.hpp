#pragma once

#include "pods/ai_routes.hpp"
#include "pods/ai_stack.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/server/router.hpp>
#include <rwp/storage/object_store.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <vector>

namespace rwp::pods {

/// What files and batches are made of.
struct FileServiceParts {
  std::shared_ptr<jobs::JobStore> store{};
  std::shared_ptr<storage::ObjectStore> objects{};
  boost::asio::any_io_executor objects_executor{};
  /// As the pod answers its calls.
  AiRoutes routes{};
  /// Neither the store's nor the model's runtime.
  Runtime* handlers = nullptr;
  /// Without its stack, and what that is made of: for batches of the service's own (`ai_batch`). Of
  /// the handlers' runtime.
  std::shared_ptr<ai::Model> bare_model{};
  AiStackParts around{};
};

/// The workers behind the routes, which run. Lifetime: goes before the parts' runtimes.
class FileService {
 public:
  void stop();
  bool wait_stopped(SteadyTime deadline);

 private:
  friend Result<FileService> add_file_service(const Configuration& configuration,
                                              server::Router& router, FileServiceParts parts);
  std::vector<std::unique_ptr<jobs::Worker>> workers_;
  /// Removes what has expired.
  Task sweeping_;
};

/// Adds the routes of files and batches, and starts what runs batches. Errors as open_ai_waiting().
Result<FileService> add_file_service(const Configuration& configuration, server::Router& router,
                                     FileServiceParts parts);

}  // namespace rwp::pods
