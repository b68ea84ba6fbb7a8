#pragma once

#include <rwp/jobs/job_store.hpp>
#include <rwp/server/health.hpp>

#include <memory>
#include <vector>

namespace rwp::pods {

/// "job_store": up when it answers a look-up.
server::Dependency store_dependency(std::shared_ptr<jobs::JobStore> store);

/// Adds it, and, where a server of its own hands jobs out, "job_dispatch": up while they are handed
/// out. A pod that only submits (`runs_jobs` is not set) is ready without.
void add_store_dependencies(std::vector<server::Dependency>& dependencies,
                            const std::shared_ptr<jobs::JobStore>& store, bool runs_jobs);

}  // namespace rwp::pods
