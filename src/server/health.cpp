#include "server/dependency_check.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/server/health.hpp>

#include <algorithm>
#include <utility>

namespace rwp::server {
namespace {

using Checks = std::vector<std::shared_ptr<DependencyCheck>>;

boost::asio::awaitable<Response> answer_health(Request /*request*/) {
  co_return json_response(200, R"({"status":"ok"})");
}

Response ready_response(const std::vector<DependencyState>& states, bool draining) {
  const bool all_up = std::all_of(states.begin(), states.end(), [](const DependencyState& state) {
    return state.up || !state.required;
  });
  JsonWriter out;
  out.begin_object();
  out.member("status", draining ? "draining" : all_up ? "ready" : "unready");
  out.key("dependencies").begin_object();
  for (const DependencyState& state : states) {
    out.key(state.name).begin_object();
    out.member("status", state.up ? "up" : "down");
    out.member("seconds", state.seconds);
    if (!state.up) out.member("error", state.error);
    out.end_object();
  }
  out.end_object().end_object();
  return json_response(all_up && !draining ? 200 : 503, out.finish().release());
}

boost::asio::awaitable<void> probe_into(std::shared_ptr<DependencyCheck> check,
                                        std::shared_ptr<std::vector<DependencyState>> states,
                                        std::size_t index) {
  auto state = co_await check->state();
  (*states)[index] = std::move(state);
}

/// All dependencies' states; their probes run at once, and none longer than its time limit.
boost::asio::awaitable<std::vector<DependencyState>> look_at_all(Checks checks) {
  const auto executor = co_await boost::asio::this_coro::executor;
  auto states = std::make_shared<std::vector<DependencyState>>(checks.size());
  auto left = std::make_shared<std::size_t>(checks.size());
  auto ended = std::make_shared<Signal>();
  for (std::size_t i = 0; i < checks.size(); ++i) {
    spawn(executor, probe_into(checks[i], states, i), [left, ended](std::exception_ptr) {
      if (--*left == 0) ended->notify_all();
    });
  }
  while (*left > 0) {
    const Wake wake = co_await ended->wait_until(SteadyTime::max());
    if (wake == Wake::cancelled) break;
  }
  co_return *states;
}

boost::asio::awaitable<Response> answer_ready(std::shared_ptr<const Checks> checks,
                                              std::function<bool()> draining) {
  const auto states = co_await look_at_all(*checks);
  co_return ready_response(states, draining && draining());
}

boost::asio::awaitable<Response> answer_metrics(std::shared_ptr<observability::Metrics> metrics) {
  Response response;
  response.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = metrics->expose();
  co_return response;
}

}  // namespace

void add_health_routes(Router& router, HealthOptions options) {
  RouteOptions quiet;
  quiet.quiet = true;
  quiet.max_body_bytes = 0;
  router.add("GET", "/health", &answer_health, quiet);
  auto checks = std::make_shared<Checks>();
  for (Dependency& dependency : options.dependencies) {
    checks->push_back(std::make_shared<DependencyCheck>(std::move(dependency),
                                                        options.probe_timeout, options.cache_for));
  }
  router.add(
      "GET", "/ready",
      [checks, draining = options.draining](Request) { return answer_ready(checks, draining); },
      quiet);
  if (!options.metrics) return;
  router.add(
      "GET", "/metrics", [metrics = options.metrics](Request) { return answer_metrics(metrics); },
      quiet);
}

}  // namespace rwp::server
