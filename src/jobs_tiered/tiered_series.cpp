#include "jobs_tiered/tiered_series.hpp"

#include <utility>

namespace rwp::jobs_tiered {

Series::Series(const std::shared_ptr<observability::Metrics>& metrics) {
  if (!metrics) return;
  const auto tickets = [&](const char* outcome) {
    return &metrics->counter("rwp_tiered_tickets_total",
                             "Tickets given out by what became of them: pushed to Redis, full (no "
                             "room in the window), lost (Redis did not answer)",
                             {{"outcome", outcome}});
  };
  pushed = tickets("pushed");
  full = tickets("full");
  lost = tickets("lost");
  taken = &metrics->counter("rwp_tiered_taken_directly_total",
                            "Jobs that claims took from the record, the windows being empty");
  finds = &metrics->counter("rwp_tiered_reconciler_finds_total",
                            "Jobs that were recorded as handed out and that Redis did not have");
  const auto checks = [&](const char* outcome) {
    return &metrics->counter("rwp_tiered_checks_total",
                             "Tickets below the watermark that were checked against the record",
                             {{"outcome", outcome}});
  };
  checked = checks("valid");
  check_refused = checks("refused");
  open = &metrics->gauge("rwp_tiered_open", "1 while Redis hands jobs out, 0 while it may not");
}

void Series::count(observability::Counter* counter, std::size_t by) {
  if (counter != nullptr && by > 0) counter->add(static_cast<double>(by));
}

}  // namespace rwp::jobs_tiered
