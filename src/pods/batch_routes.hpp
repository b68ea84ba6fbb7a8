#pragma once

#include "pods/file_routes.hpp"
#include <rwp/server/router.hpp>

#include <memory>

namespace rwp::pods {

/// The routes of batches; see add_file_routes().
void add_batch_routes(server::Router& router, std::shared_ptr<const FileRoutes> routes);

}  // namespace rwp::pods
