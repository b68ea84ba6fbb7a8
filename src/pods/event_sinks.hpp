#pragma once

#include <rwp/analytics/sink.hpp>
#include <rwp/analytics_spool/forwarder.hpp>
#include <rwp/analytics_spool/spool.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rwp::pods {

/// The URLs of a setting that may name several, apart by spaces.
std::vector<std::string> split_urls(const std::string& urls);

using OpenSink = std::function<Result<std::shared_ptr<analytics::Sink>>(const std::string& url)>;

/// Opens the sinks of the setting, on `runtime`. Each is called by its scheme, a second of the same
/// scheme "jsonl-2" and so on: the name under which events wait for it.
Result<std::vector<analytics::NamedSink>> open_event_sinks(const std::string& urls,
                                                           const Runtime& runtime,
                                                           const OpenSink& open);

struct EventSpoolParts {
  std::shared_ptr<jobs::JobStore> store{};
  std::vector<analytics::NamedSink> sinks{};
  std::size_t max_parcels = 1'000'000;
  /// How long events wait for a store that is away before they are refused; zero: not at all.
  std::chrono::milliseconds patience{0};
  observability::Logger log{};
  std::shared_ptr<observability::Metrics> metrics{};
};

/// A spool in front of sinks, and what empties it.
struct EventSpool {
  std::shared_ptr<analytics::Spool> spool{};
  std::shared_ptr<analytics::SpoolForwarder> forwarder{};
};
EventSpool make_event_spool(EventSpoolParts parts);

}  // namespace rwp::pods
