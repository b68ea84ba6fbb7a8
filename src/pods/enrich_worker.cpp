#include "pods/enrich_worker.hpp"

#include "pods/candidate_handler.hpp"

#include <utility>

namespace rwp::pods {

std::unique_ptr<jobs::Worker> make_enrich_worker(const Configuration& configuration,
                                                 EnrichWorkerParts parts, HandlerParts handlers) {
  jobs::WorkerOptions options;
  options.concurrency = configuration.concurrency;
  options.drain_grace = configuration.drain_grace;
  options.log = parts.log;
  options.metrics = parts.metrics;
  options.spans = parts.spans;
  auto worker = std::make_unique<jobs::Worker>(parts.store, *parts.handlers, options);
  handle_enrichment(*worker, handlers);
  handle_candidates(*worker, handlers);
  handle_matches(*worker, handlers);
  handle_analytics_outbox(*worker, std::move(handlers));
  return worker;
}

}  // namespace rwp::pods
