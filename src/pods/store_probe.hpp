#pragma once

#include <rwp/jobs/job_store.hpp>
#include <rwp/server/health.hpp>

#include <memory>

namespace rwp::pods {

/// "job_store": up when it answers a look-up.
server::Dependency store_dependency(std::shared_ptr<jobs::JobStore> store);

}  // namespace rwp::pods
