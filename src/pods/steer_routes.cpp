#include "pods/jobs_api.hpp"
#include "pods/steer_names.hpp"
#include <rwp/core/describe.hpp>

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using jobs::Awaitable;
using server::Request;
using server::Response;

Response answer_one(const std::string& id, std::string_view name, std::string_view value) {
  JsonWriter out;
  out.begin_object().member("id", id);
  out.member(name, value).end_object();
  return server::json_response(200, out.finish().release());
}

Response answer_count(std::string_view name, std::size_t count) {
  JsonWriter out;
  out.begin_object().member(name, static_cast<std::uint64_t>(count)).end_object();
  return server::json_response(200, out.finish().release());
}

/// The job that the path names, of the caller's.
Awaitable<Result<jobs::Job>> find_to_steer(JobsApi api, const Request& request) {
  std::function<Awaitable<Result<jobs::Job>>()> find = [api, tenant = request.identity.tenant,
                                                        id = request.parameters.at("id")] {
    return find_job(api, tenant, id);
  };
  return with_patience<jobs::Job>(api.patience, std::move(find));
}

Awaitable<Response> cancel(JobsApi api, Request request) {
  BadRequest bad;
  if (!check_query(request, {}, bad)) co_return refuse(request, bad.error, bad.field);
  auto job = co_await find_to_steer(api, request);
  if (!job) co_return refuse(request, job.error());
  std::vector<Uuid> ids{job->id};
  std::function<Awaitable<jobs::PerItem<jobs::CancelOutcome>>()> make = [store = api.store, ids] {
    return store->cancel(ids);
  };
  auto operation = write_at_store(api, std::move(make));
  auto answers = co_await std::move(operation);
  if (!answers) co_return refuse(request, answers.error());
  const auto& answer = answers->front();
  if (!answer) co_return refuse(request, answer.error());
  co_return answer_one(job->id.to_string(), "outcome", outcome_name(*answer));
}

Awaitable<Response> retry(JobsApi api, Request request) {
  BadRequest bad;
  if (!check_query(request, {}, bad)) co_return refuse(request, bad.error, bad.field);
  auto job = co_await find_to_steer(api, request);
  if (!job) co_return refuse(request, job.error());
  std::vector<Uuid> ids{job->id};
  std::function<Awaitable<jobs::PerItem<jobs::JobState>>()> make = [store = api.store, ids] {
    return store->retry(ids);
  };
  auto operation = write_at_store(api, std::move(make));
  auto answers = co_await std::move(operation);
  if (!answers) co_return refuse(request, answers.error());
  const auto& answer = answers->front();
  if (!answer) co_return refuse(request, answer.error());
  co_return answer_one(job->id.to_string(), "state", enum_name(*answer));
}

/// The filter of a call that changes many jobs: it must say which, so that a slip is not all.
Result<jobs::JobFilter> read_narrow_filter(const Request& request, BadRequest& bad) {
  if (auto known = check_query(request, {RWP_FILTER_NAMES}, bad); !known) return known.error();
  if (request.query.empty()) {
    bad.error = Error(Errc::invalid_argument,
                      "the query must say which jobs: state, queue, kind, tag, created_from, "
                      "created_before");
    return bad.error;
  }
  return read_filter(request, bad);
}

Awaitable<Response> cancel_where(JobsApi api, Request request) {
  BadRequest bad;
  auto filter = read_narrow_filter(request, bad);
  if (!filter) co_return refuse(request, bad.error, bad.field);
  std::function<Awaitable<Result<std::size_t>>()> make = [store = api.store, filter = *filter] {
    return store->cancel_where(filter);
  };
  auto operation = write_at_store(api, std::move(make));
  auto count = co_await std::move(operation);
  if (!count) co_return refuse(request, count.error(), named_field(count.error()));
  co_return answer_count("cancelled", *count);
}

Awaitable<Response> retry_where(JobsApi api, Request request) {
  BadRequest bad;
  auto filter = read_narrow_filter(request, bad);
  if (!filter) co_return refuse(request, bad.error, bad.field);
  std::function<Awaitable<Result<std::size_t>>()> make = [store = api.store, filter = *filter] {
    return store->retry_where(filter);
  };
  auto operation = write_at_store(api, std::move(make));
  auto count = co_await std::move(operation);
  if (!count) co_return refuse(request, count.error(), named_field(count.error()));
  co_return answer_count("retried", *count);
}

using Steer = Awaitable<Response> (*)(JobsApi, Request);

void add(server::Router& router, const JobsApi& api, std::string path, Steer steer) {
  auto options = api_route(api, kJobsWrite);
  options.timeout = api.patience->length() + std::chrono::seconds(60);
  router.add(
      "POST", std::move(path),
      [api, steer](Request request) { return steer(api, std::move(request)); }, std::move(options));
}

}  // namespace

void add_steer_routes(server::Router& router, const JobsApi& api) {
  add(router, api, "/v1/jobs/{id}/cancel", &cancel);
  add(router, api, "/v1/jobs/{id}/retry", &retry);
  add(router, api, "/v1/jobs/cancel", &cancel_where);
  add(router, api, "/v1/jobs/retry", &retry_where);
}

}  // namespace rwp::pods
