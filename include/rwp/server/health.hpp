#pragma once

#include <rwp/core/error.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/server/router.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rwp::server {

/// Asks one dependency whether it answers. Called on the I/O thread of the connection that asks
/// (cross over where the dependency lives on another runtime); cancelled at the time limit. It owns
/// what it uses: one in flight outlives the server by up to that time.
using DependencyProbe = std::function<boost::asio::awaitable<Result<void>>()>;

struct Dependency {
  /// "job_store".
  std::string name{};
  DependencyProbe probe{};
  /// A dependency without which the pod still serves is shown, and does not make it unready.
  bool required = true;
};

struct HealthOptions {
  std::chrono::milliseconds probe_timeout{1'000};
  /// An answer is given again for so long; probes in flight are shared.
  std::chrono::milliseconds cache_for{1'000};
  /// Says that the pod drains, or has not started: not ready.
  std::function<bool()> draining{};
  std::vector<Dependency> dependencies{};
  /// Null: no /metrics.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Adds GET /health (200 while the process lives), GET /ready (200, or 503 while draining or a
/// required dependency does not answer) and GET /metrics (Prometheus text).
///
/// /ready:
/// {"status":"ready"|"unready"|"draining","dependencies":{"job_store":{"status":"up"|"down",
/// "seconds":0.002,"error":"…"}}}.
void add_health_routes(Router& router, HealthOptions options);

}  // namespace rwp::server
