#pragma once

#include <rwp/analytics_spool/spool.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/jobs/job.hpp>
#include <rwp/jobs/job_store.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// The jobs that a spool is made of.
namespace rwp::analytics {

constexpr std::string_view kParcelKind = "rwp.collect.parcel";
/// A job of this kind is never done: who runs it has the lane.
constexpr std::string_view kLaneKind = "rwp.collect.lane";
constexpr std::size_t kLanes = 4;
constexpr std::size_t kMaxParcelEvents = 25;

/// The same in every process and version: the client's events must stay in one lane.
std::size_t lane_of(const Event& event);
/// Names whose events keep their order.
std::string client_of(const Event& event);
/// The candidate that an event is about, where the name is fit for a tag; else empty.
std::string subject_in(const Event& event);
std::string queue_of(std::string_view sink, std::size_t lane);

/// Events of one client about one candidate or none, as text, and who they are.
struct Parcel {
  JsonText payload{};
  /// The candidate that all of them are about; empty: none.
  std::string subject{};
  /// Names these events, whatever stands in them; empty: they cannot be told from others.
  std::string key{};
  std::size_t lane = 0;
};

/// `bodies`: the events' to_json(), made by event_body().
Parcel make_parcel(const std::vector<const SpooledEvent*>& events,
                   const std::vector<std::string_view>& bodies);
/// The event as it stands in a parcel: the same however often it comes.
std::string event_body(const SpooledEvent& spooled);
jobs::NewJob make_parcel_job(const Parcel& parcel, std::string_view sink);
/// How many parcels wait for the sink or are on their way to it.
std::size_t count_parcels(const std::vector<jobs::QueueCounts>& counts, std::string_view sink);
jobs::NewJob make_lane_job(std::string_view sink, std::size_t lane);

/// rwp_spool_waiting_parcels, which the spool sets as events come, and the forwarder while none do.
observability::Gauge& waiting_gauge(observability::Metrics& metrics, const std::string& sink);

/// The events of such a job. `arrived`: when it was made, for those that say no time.
/// `Errc::invalid_argument`: it is none.
Result<std::vector<Event>> read_parcel(const JsonText& payload, jobs::TimePoint arrived);

}  // namespace rwp::analytics
