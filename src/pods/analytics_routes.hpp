#pragma once

#include <rwp/analytics_spool/spool.hpp>
#include <rwp/core/error.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/server/router.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace rwp::pods {

/// Whose `api_secret` this is. `Errc::unauthenticated`: nobody's; its message is told to the client
/// and does not hold the secret. The comparison's time says nothing about the right one.
using CheckSecret = std::function<Result<server::Identity>(std::string secret)>;

/// What the GA4-compatible collector stands on.
struct AnalyticsRoutes {
  /// Where events wait until they are forwarded.
  std::shared_ptr<analytics::Spool> spool{};
  /// Unset: everybody may.
  CheckSecret check_secret{};
  /// How long the spool may wait for a store that is away.
  std::chrono::milliseconds patience{0};
  observability::Logger log{};
  /// May be null. Series: rwp_collect_events_total{outcome}: accepted, repeated, refused.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// The routes' handlers, which need no server; the identity is the request's.
struct AnalyticsHandlers {
  server::Handler collect{};
  server::Handler validate{};
};

AnalyticsHandlers make_analytics_handlers(AnalyticsRoutes routes);

/// Adds POST /mp/collect and POST /debug/mp/collect, both with `measurement_id` and `api_secret` in
/// the query, as Google's Measurement Protocol for web streams.
///
/// Other than Google's they answer what became of the events: 204 once all are durable, a
/// problem+json for what is refused (then none is taken), 503 when they cannot be kept. The second
/// records nothing and answers the validation messages.
void add_analytics_routes(server::Router& router, AnalyticsRoutes routes);

}  // namespace rwp::pods
