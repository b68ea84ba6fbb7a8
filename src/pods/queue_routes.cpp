#include "pods/jobs_api.hpp"
#include "pods/queue_json.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using jobs::Awaitable;
using server::Request;
using server::Response;

/// Those that an operator has paused and has no jobs in, so that what was paused can be seen. Whose
/// jobs wait there, and how many, stays untold.
void add_paused(std::vector<jobs::QueueCounts>& own, const std::vector<jobs::QueueCounts>& all) {
  for (const auto& queue : all) {
    const auto same = [&queue](const auto& other) { return other.queue == queue.queue; };
    if (!queue.paused || std::any_of(own.begin(), own.end(), same)) continue;
    auto& added = own.emplace_back();
    added.queue = queue.queue;
    added.paused = true;
  }
}

Awaitable<Response> list(JobsApi api, Request request) {
  BadRequest bad;
  if (!check_query(request, {}, bad)) co_return refuse(request, bad.error, bad.field);
  auto operation = api.counts->of(request.identity.tenant);
  auto counts = co_await at_store(api.store, std::move(operation));
  if (!counts) co_return refuse(request, counts.error());
  if (request.identity.has_scope(kQueuesWrite)) {
    auto all = api.counts->of(std::string());
    const auto paused = co_await at_store(api.store, std::move(all));
    if (!paused) co_return refuse(request, paused.error());
    add_paused(*counts, *paused);
  }
  const auto now = std::chrono::system_clock::now();
  JsonWriter out;
  out.begin_object().key("queues").begin_array();
  for (const auto& queue : *counts) write_queue(out, queue, now);
  out.end_array().end_object();
  co_return server::json_response(200, out.finish().release());
}

Awaitable<Result<void>> set_paused(JobsApi api, std::string queue, bool paused) {
  Result<void> done;
  if (paused) {
    done = co_await api.store->pause(std::move(queue));
  } else {
    done = co_await api.store->resume(std::move(queue));
  }
  // Who asks next is told of it.
  if (done) api.counts->forget();
  co_return done;
}

Awaitable<Response> steer(JobsApi api, Request request, bool paused) {
  BadRequest bad;
  if (!check_query(request, {}, bad)) co_return refuse(request, bad.error, bad.field);
  const std::string queue = request.parameters["name"];
  std::function<Awaitable<Result<void>>()> make = [api, queue, paused] {
    return set_paused(api, queue, paused);
  };
  auto operation = write_at_store(api, std::move(make));
  auto done = co_await std::move(operation);
  if (!done) co_return refuse(request, done.error(), "name");
  JsonWriter out;
  out.begin_object().member("name", queue);
  out.member("paused", paused).end_object();
  co_return server::json_response(200, out.finish().release());
}

}  // namespace

void add_queue_routes(server::Router& router, const JobsApi& api) {
  router.add(
      "GET", "/v1/queues", [api](Request request) { return list(api, std::move(request)); },
      api_route(api, kJobsRead));
  // A queue is one for all tenants: its scope is for operators.
  auto options = api_route(api, kQueuesWrite);
  options.timeout = api.patience->length() + std::chrono::seconds(60);
  router.add(
      "POST", "/v1/queues/{name}/pause",
      [api](Request request) { return steer(api, std::move(request), true); }, options);
  router.add(
      "POST", "/v1/queues/{name}/resume",
      [api](Request request) { return steer(api, std::move(request), false); }, std::move(options));
}

}  // namespace rwp::pods
