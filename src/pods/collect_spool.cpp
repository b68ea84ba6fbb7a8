#include "pods/collect_spool.hpp"

#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/sha256.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace rwp::pods {
namespace {

/// An outage of the sink of some days is waited for; then the event is a dead letter.
constexpr int kMostAttempts = 1'000;

}  // namespace

jobs::NewJob make_collect_job(const CollectedEvent& collected) {
  analytics::Event event = collected.event;
  // Not the time of this arrival, so that a repetition has the same payload.
  if (!collected.timed) event.time = jobs::TimePoint(std::chrono::seconds(1));
  JsonWriter out;
  out.begin_object();
  out.member("timed", collected.timed);
  out.member("event", analytics::to_json(event));
  out.end_object();
  jobs::NewJob job;
  job.kind = kCollectKind;
  job.queue = kCollectQueue;
  job.max_attempts = kMostAttempts;
  job.payload = out.finish();
  if (collected.identified) {
    // Tenants do not share ids; the job itself is the pod's and stands in no tenant's list.
    job.idempotency_key =
        "rwp.collect/" + to_hex(sha256(event.tenant + '\0' + event.id.to_string()));
  }
  return job;
}

Result<analytics::Event> read_collect_job(const JsonText& payload, jobs::TimePoint arrived) {
  const JsonDocument document(payload);
  const auto timed = document.root().find("timed");
  const auto json = document.root().find("event");
  if (!timed || !timed->as_bool() || !json) {
    return Error(Errc::invalid_argument, "the payload is not that of a collected event");
  }
  auto event = analytics::event_from_json(*json);
  if (event && !*timed->as_bool()) event->time = arrived;
  return event;
}

}  // namespace rwp::pods
