#pragma once

#include "pods/enrich_handler.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/observability/trace.hpp>
#include <rwp/pods/configuration.hpp>

#include <memory>

namespace rwp::pods {

/// What such a worker is made of besides its handlers' parts.
struct EnrichWorkerParts {
  std::shared_ptr<jobs::JobStore> store{};
  Runtime* handlers = nullptr;
  observability::Logger log{};
  /// May be null.
  std::shared_ptr<observability::Metrics> metrics{};
  /// May be null.
  std::shared_ptr<observability::SpanExporter> spans{};
};

/// A worker that enriches adverts, parses CVs, scores matches and delivers events by the parts that
/// it is given. Not started, as it may be given more to do. Lifetime: as jobs::Worker.
std::unique_ptr<jobs::Worker> make_enrich_worker(const Configuration& configuration,
                                                 EnrichWorkerParts parts, HandlerParts handlers);

}  // namespace rwp::pods
