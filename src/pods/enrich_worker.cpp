#include "pods/enrich_worker.hpp"

#include "pods/ai_stack.hpp"
#include "pods/candidate_handler.hpp"
#include "pods/store_ledger.hpp"

#include <utility>

namespace rwp::pods {

std::unique_ptr<jobs::Worker> make_enrich_worker(const Configuration& configuration,
                                                 EnrichWorkerParts parts, HandlerParts handlers) {
  AiStackParts around_model;
  around_model.model = std::move(handlers.model);
  around_model.ledger = ledger_of(parts.store);
  around_model.log = parts.log;
  around_model.metrics = parts.metrics;
  // What is wrong with the settings (a price file) ends the program with its message.
  handlers.model = build_ai_stack(configuration, std::move(around_model)).value();

  jobs::WorkerOptions options;
  options.concurrency = configuration.concurrency;
  options.drain_grace = configuration.drain_grace;
  options.log = parts.log;
  options.metrics = parts.metrics;
  auto worker = std::make_unique<jobs::Worker>(parts.store, *parts.handlers, options);
  handle_enrichment(*worker, handlers);
  handle_candidates(*worker, handlers);
  handle_matches(*worker, handlers);
  handle_analytics_outbox(*worker, std::move(handlers));
  return worker;
}

}  // namespace rwp::pods
