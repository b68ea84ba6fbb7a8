#pragma once

#include <rwp/jobs/job_store.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/server/router.hpp>
#include <rwp/storage/object_store.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>

namespace rwp::pods {

/// What files and batches are served from.
struct FileRoutes {
  std::shared_ptr<jobs::JobStore> store{};
  std::shared_ptr<storage::ObjectStore> objects{};
  /// Of the object store's runtime.
  boost::asio::any_io_executor objects_executor{};
  /// Unset: everybody may.
  server::Authorise authorise{};
  observability::Logger log{};
};

/// Largest file that is taken.
constexpr std::size_t kMostFileBytes = std::size_t{64} << 20U;

/// Adds POST and GET /v1/files, GET and DELETE /v1/files/{file}, GET /v1/files/{file}/content, POST
/// and GET /v1/batches, GET /v1/batches/{batch}, POST /v1/batches/{batch}/cancel. A tenant sees its
/// own alone. Batches are made to be run by make_batch_workers() (batch_work.hpp).
void add_file_routes(server::Router& router, FileRoutes routes);

}  // namespace rwp::pods
