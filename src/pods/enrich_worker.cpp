#include "pods/enrich_worker.hpp"

#include "pods/candidate_handler.hpp"
#include "pods/store_ledger.hpp"
#include <rwp/ai/metered.hpp>
#include <rwp/ai_openai/prices.hpp>

#include <utility>

namespace rwp::pods {

std::unique_ptr<jobs::Worker> make_enrich_worker(const Configuration& configuration,
                                                 EnrichWorkerParts parts, HandlerParts handlers) {
  ai::MeterOptions meter;
  meter.ledger = ledger_of(parts.store);
  meter.log = parts.log;
  // A list of ours; it is checked by a test.
  meter.prices = ai::PriceTable::make(ai_openai::openai_prices()).value();
  handlers.model = ai::make_metered(std::move(handlers.model), std::move(meter));

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
