#pragma once

#include "pods/ai_tenants.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/analytics_spool/spool.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/pods/pod.hpp>
#include <rwp/storage/object_store.hpp>

#include <memory>

namespace rwp::pods {

/// What the routes of standalone stand on.
struct StandaloneParts {
  std::shared_ptr<jobs::JobStore> store{};
  /// These belong to `handlers`.
  std::shared_ptr<storage::ObjectStore> objects{};
  std::shared_ptr<ai::Model> model{};
  /// The model itself, for whether it is there.
  std::shared_ptr<ai::Model> bare_model{};
  std::shared_ptr<AiTenants> tenants{};
  Runtime* handlers = nullptr;
  std::shared_ptr<analytics::Spool> spool{};
  observability::Logger log{};
  std::shared_ptr<observability::Metrics> metrics{};
};

/// The routes of all pods, on one port: the jobs' and queues', the model's, the collector's. An
/// error is the API keys'.
Result<PodService> standalone_routes(const Configuration& configuration, StandaloneParts parts);

}  // namespace rwp::pods
