#include "analytics_spool/parcel.hpp"

#include <rwp/analytics/event_table.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/jobs/outbox_job.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace rwp::analytics {
namespace {

constexpr int kMostAttempts = 1'000;
/// In place of the time of an event that says none, so that a repetition has the same text.
constexpr jobs::TimePoint kUntimed{std::chrono::seconds(1)};

}  // namespace

std::string client_of(const Event& event) { return event.tenant + '\0' + event.client_id; }

std::size_t lane_of(const Event& event) {
  // FNV-1a.
  std::uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char c : client_of(event)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  }
  return static_cast<std::size_t>((hash >> 32U) % kLanes);
}

std::string subject_in(const Event& event) {
  constexpr std::size_t kMostBytes = 56;
  std::string name = candidate_of(event);
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  return plain && name.size() <= kMostBytes ? name : std::string();
}

std::string queue_of(std::string_view sink, std::size_t lane) {
  return "collect/" + std::string(sink) + "/" + std::to_string(lane);
}

std::string event_body(const SpooledEvent& spooled) {
  if (spooled.timed) return to_json(spooled.event).release();
  Event untimed = spooled.event;
  untimed.time = kUntimed;
  return to_json(untimed).release();
}

Parcel make_parcel(const std::vector<const SpooledEvent*>& events,
                   const std::vector<std::string_view>& bodies) {
  Parcel parcel;
  const Event& first = events.front()->event;
  parcel.lane = lane_of(first);
  parcel.subject = subject_in(first);
  std::string payload = R"({"events":[)";
  std::string names = first.tenant;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i > 0) payload += ',';
    payload += bodies[i];
    names += '\0' + events[i]->event.id.to_string();
  }
  payload += "]}";
  parcel.payload = JsonText::trusted(std::move(payload));
  if (events.front()->identified) parcel.key = to_hex(sha256(names));
  return parcel;
}

jobs::NewJob make_parcel_job(const Parcel& parcel, std::string_view sink) {
  jobs::NewJob job;
  job.kind = kParcelKind;
  job.queue = queue_of(sink, parcel.lane);
  job.max_attempts = kMostAttempts;
  job.payload = parcel.payload;
  if (!parcel.subject.empty()) job.tags.push_back(jobs::subject_tag(parcel.subject));
  if (!parcel.key.empty()) {
    job.idempotency_key = "rwp.collect/" + std::string(sink) + "/" + parcel.key;
  }
  return job;
}

std::size_t count_parcels(const std::vector<jobs::QueueCounts>& counts, std::string_view sink) {
  const std::string prefix = "collect/" + std::string(sink) + "/";
  std::size_t parcels = 0;
  for (const auto& queue : counts) {
    if (!queue.queue.starts_with(prefix)) continue;
    for (const auto state :
         {jobs::JobState::scheduled, jobs::JobState::ready, jobs::JobState::running}) {
      parcels += static_cast<std::size_t>(queue.states[static_cast<std::size_t>(state)]);
    }
    // The job that runs as long as a lane has its forwarder is no parcel.
    const auto running = queue.states[static_cast<std::size_t>(jobs::JobState::running)];
    if (running > 0) --parcels;
  }
  return parcels;
}

jobs::NewJob make_lane_job(std::string_view sink, std::size_t lane) {
  jobs::NewJob job;
  job.kind = kLaneKind;
  job.queue = queue_of(sink, lane);
  job.max_attempts = kMostAttempts;
  job.unique.key = "rwp.collect.lane/" + job.queue;
  return job;
}

observability::Gauge& waiting_gauge(observability::Metrics& metrics, const std::string& sink) {
  return metrics.gauge("rwp_spool_waiting_parcels", "Parcels of events that wait for a sink.",
                       {{"sink", sink}});
}

Result<std::vector<Event>> read_parcel(const JsonText& payload, jobs::TimePoint arrived) {
  const JsonDocument document(payload);
  const auto list = document.root().find("events");
  if (!list || list->kind() != JsonKind::array) {
    return Error(Errc::invalid_argument, "the payload is not that of collected events");
  }
  std::vector<Event> events;
  events.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto event = event_from_json(list->at(i));
    if (!event) return event.error();
    if (event->time == kUntimed) event->time = arrived;
    events.push_back(std::move(*event));
  }
  return events;
}

}  // namespace rwp::analytics
