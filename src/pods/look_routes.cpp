#include "pods/jobs_api.hpp"
#include "pods/sealed_cursor.hpp"

#include <charconv>
#include <chrono>
#include <utility>

namespace rwp::pods {
namespace {

using jobs::Awaitable;
using server::Request;
using server::Response;

constexpr std::size_t kPageLimit = 100;
constexpr std::size_t kMostOnAPage = 1'000;

Result<std::size_t> read_limit(const Request& request, BadRequest& bad) {
  const auto text = request.query_value("limit");
  if (!text) return kPageLimit;
  std::size_t limit = 0;
  const auto* end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, limit);
  if (read.ec != std::errc() || read.ptr != end || limit < 1 || limit > kMostOnAPage) {
    bad.field = "limit";
    bad.error = Error(Errc::invalid_argument, "query \"limit\" must be 1 to 1000");
    return bad.error;
  }
  return limit;
}

Awaitable<Response> list(JobsApi api, Request request) {
  BadRequest bad;
  const auto known = check_query(request, {RWP_FILTER_NAMES, "cursor", "limit"}, bad);
  if (!known) co_return refuse(request, bad.error, bad.field);
  auto filter = read_filter(request, bad);
  if (!filter) co_return refuse(request, bad.error, bad.field);
  const auto limit = read_limit(request, bad);
  if (!limit) co_return refuse(request, bad.error, bad.field);
  const Sha256 secret = api.keys->cursor_secret();
  const std::string tenant = request.identity.tenant;
  std::string cursor;
  if (const auto sealed = request.query_value("cursor")) {
    auto opened = open_cursor(secret, tenant, *sealed);
    if (!opened) co_return refuse(request, opened.error(), "cursor");
    cursor = std::move(*opened);
  }

  auto operation = api.store->list(std::move(*filter), std::move(cursor), *limit);
  auto page = co_await at_store(api.store, std::move(operation));
  if (!page) co_return refuse(request, page.error(), named_field(page.error()));
  JsonWriter out;
  out.begin_object().key("jobs").begin_array();
  for (const auto& job : page->jobs) write_job(out, job);
  out.end_array();
  if (!page->next_cursor.empty()) {
    out.member("next_cursor", seal_cursor(secret, tenant, page->next_cursor));
  }
  out.end_object();
  co_return server::json_response(200, out.finish().release());
}

Awaitable<Response> get(JobsApi api, Request request) {
  BadRequest bad;
  if (auto known = check_query(request, {"wait"}, bad); !known) {
    co_return refuse(request, bad.error, bad.field);
  }
  const auto wait = read_wait(request, bad);
  if (!wait) co_return refuse(request, bad.error, bad.field);
  auto job = co_await find_job(api, request.identity.tenant, request.parameters["id"]);
  if (!job) co_return refuse(request, job.error());
  std::chrono::steady_clock::duration waited{};
  if (wait->count() > 0 && !jobs::has_ended(job->state)) {
    const auto begun = std::chrono::steady_clock::now();
    auto operation = api.waits->wait(job->id, begun + *wait);
    job = co_await at_store(api.store, std::move(operation));
    if (!job) co_return refuse(request, job.error());
    waited = std::chrono::steady_clock::now() - begun;
  }
  if (!job->payload_blob.empty()) {
    auto operation = api.store->load_payload(job->payload, job->payload_blob);
    auto payload = co_await at_store(api.store, std::move(operation));
    if (!payload) co_return refuse(request, payload.error());
    job->payload = std::move(*payload);
    job->payload_blob.clear();
  }
  JsonWriter out;
  write_job(out, *job);
  auto response = server::json_response(200, out.finish().release());
  response.waited = waited;
  co_return response;
}

}  // namespace

void add_look_routes(server::Router& router, const JobsApi& api) {
  router.add(
      "GET", "/v1/jobs", [api](Request request) { return list(api, std::move(request)); },
      api_route(api, kJobsRead));
  auto options = api_route(api, kJobsRead);
  options.timeout = kLongestWait + std::chrono::seconds(30);
  router.add(
      "GET", "/v1/jobs/{id}", [api](Request request) { return get(api, std::move(request)); },
      std::move(options));
}

}  // namespace rwp::pods
