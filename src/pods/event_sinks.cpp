#include "pods/event_sinks.hpp"

#include "pods/write_patience.hpp"
#include <rwp/core/url.hpp>
#include <rwp/core/uuid.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace rwp::pods {
namespace {

/// Jobs have ids before the first attempt, so that another adds none twice, whatever became of it.
analytics::InsertJobs make_patient_insert(std::shared_ptr<jobs::JobStore> store,
                                          std::chrono::milliseconds length) {
  auto patience = std::make_shared<WritePatience>(length);
  return [store = std::move(store), patience](std::vector<jobs::NewJob> jobs) {
    const auto now = store->now();
    for (auto& job : jobs) job.id = Uuid::make_v7(now);
    std::function<jobs::Awaitable<jobs::PerItem<jobs::Inserted>>()> attempt =
        [store, jobs = std::move(jobs)] { return store->insert(jobs); };
    return with_patience(patience, std::move(attempt), true);
  };
}

}  // namespace

std::vector<std::string> split_urls(const std::string& urls) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < urls.size();) {
    const std::size_t end = std::min(urls.find(' ', at), urls.size());
    if (end > at) parts.push_back(urls.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

Result<std::vector<analytics::NamedSink>> open_event_sinks(const std::string& urls,
                                                           const Runtime& runtime,
                                                           const OpenSink& open) {
  std::vector<analytics::NamedSink> sinks;
  std::map<std::string, std::size_t> of_scheme;
  for (const std::string& url : split_urls(urls)) {
    auto opened = open(url);
    if (!opened) return opened.error();
    const auto parsed = Url::parse(url);
    analytics::NamedSink sink;
    sink.name = parsed ? parsed->scheme() : "sink";
    if (const std::size_t number = ++of_scheme[sink.name]; number > 1) {
      sink.name += "-" + std::to_string(number);
    }
    sink.sink = std::move(*opened);
    sink.executor = runtime.executor();
    sinks.push_back(std::move(sink));
  }
  return sinks;
}

EventSpool make_event_spool(EventSpoolParts parts) {
  analytics::SpoolOptions keeping;
  keeping.store = parts.store;
  keeping.max_parcels = parts.max_parcels;
  keeping.metrics = parts.metrics;
  if (parts.patience.count() > 0) {
    keeping.insert = make_patient_insert(parts.store, parts.patience);
  }
  for (const auto& sink : parts.sinks) keeping.sinks.push_back(sink.name);
  analytics::SpoolForwarderOptions forwarding;
  forwarding.store = parts.store;
  forwarding.sinks = std::move(parts.sinks);
  for (auto& sink : forwarding.sinks) {
    // On the store's own runtime no call changes threads.
    if (sink.executor == parts.store->runtime().executor()) sink.executor = {};
  }
  forwarding.log = std::move(parts.log);
  forwarding.metrics = std::move(parts.metrics);
  EventSpool made;
  made.spool = std::make_shared<analytics::Spool>(std::move(keeping));
  made.forwarder = std::make_shared<analytics::SpoolForwarder>(std::move(forwarding));
  return made;
}

}  // namespace rwp::pods
