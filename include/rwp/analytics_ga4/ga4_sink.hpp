#pragma once

#include <rwp/analytics/sink.hpp>
#include <rwp/core/clock.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/net/retry.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace rwp {
class Runtime;
class SchemeRegistry;
}  // namespace rwp

namespace rwp::analytics {

struct Ga4SinkOptions {
  /// Of a web stream: "G-" and 1 to 32 capital letters and digits.
  std::string measurement_id{};
  /// Of that stream; an analytics pod's key where `base_url` is one. Empty: none is sent, which
  /// Google does not allow.
  Secret api_secret{};
  /// `/mp/collect` is appended. For the EU: https://region1.google-analytics.com; or an analytics
  /// pod.
  std::string base_url = "https://www.google-analytics.com";
  /// Send the platform's own events under the names that Google recommends (job_viewed as
  /// view_item). An analytics pod wants them as they are.
  bool google_names = false;
  /// Tell visits apart (rwp/analytics/sessions.hpp) for clients that do not: without a session_id,
  /// Google's reports show no activity. A visit is followed by one sink: in another process, and
  /// after a restart, another begins. An event that is sent again has 1 ms of engagement.
  bool sessions = false;
  /// Have the collector judge the events (`/debug/mp/collect`) and record nothing: a delivery
  /// succeeds when all are good, and is `Errc::invalid_argument` with the collector's messages when
  /// one is not.
  bool validate = false;
  /// How one request is repeated; events carry an id, so all may be.
  net::RetryOptions retry{};
  /// Of one attempt.
  std::chrono::milliseconds timeout{10'000};
  /// Null: a transport of its own.
  std::shared_ptr<net::HttpTransport> transport{};
  /// Judges the age of events.
  std::shared_ptr<const Clock> clock = system_clock();
  /// May be null. Series: rwp_ga4_events_total{outcome}: sent, valid, too_old,
  /// failed.
  std::shared_ptr<observability::Metrics> metrics{};
  observability::Logger log{};
};

/// Posts events to Google Analytics 4 by its Measurement Protocol, or to an analytics pod.
///
/// A request has the events of one client and user, at most 25 and 120 kB; those of one client
/// arrive in their order, others beside them (eight requests at a time). An event's id, visit and
/// tenant are sent as the parameters event_id, session_id and tenant, with
/// engagement_time_msec 1 where there is none and room for it; truth values as "true" and "false".
/// Nothing is truncated. Dropped, logged and counted as too_old: events older than 72 hours, which
/// Google would move in time or drop in silence. One that lies ahead of the clock is sent without
/// its time, and so gets that of its arrival.
/// 409 is a pod's word for an event whose id it has recorded with other content, as when the same
/// one was sent without its time before; the rest of the request is kept, so it counts as sent.
///
/// Google answers 2xx to all that it receives: success means received, not accepted. What
/// check_event() lets pass keeps its documented limits; an event of more than 120 kB is
/// `Errc::invalid_argument`. Other answers: 429 `Errc::rate_limited`, 5xx and 408
/// `Errc::unavailable`, after the retries; 401 and 403 `Errc::permission_denied`, 404 and 405
/// `Errc::not_found`, other 4xx `Errc::invalid_argument`. Some events of a delivery that fails may
/// have arrived.
///
/// Consent and user properties are said once a request; where they change between two events of a
/// client, another request begins. What a person has not agreed to at all is not to be delivered.
///
/// `Errc::invalid_argument`: an option that breaks its rule. The runtime outlives the sink.
Result<std::shared_ptr<Sink>> make_ga4_sink(Runtime& runtime, Ga4SinkOptions options);

/// `ga4:?measurement_id=G-…`, with `&region=eu` for Google's servers there, and
/// `ga4:http://host:port?measurement_id=G-…` for another collector. Names are Google's, unless
/// `&names=platform`; `&sessions=on` tells visits apart; `&validate=on` only has the events judged.
/// `options` gives the rest.
void register_ga4(SchemeRegistry& registry, Ga4SinkOptions options = Ga4SinkOptions());

/// `http://analytics-pod:3000?measurement_id=G-…`, `https:` likewise: an analytics pod;
/// `options.api_secret` is its key. Without a measurement_id: G-RWP.
void register_analytics_pod(SchemeRegistry& registry, Ga4SinkOptions options = Ga4SinkOptions());

}  // namespace rwp::analytics
