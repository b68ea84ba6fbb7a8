#include "pods/jobs_api.hpp"

#include "pods/time_text.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/core/url.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace rwp::pods {
namespace {

Error bad_query(BadRequest& bad, std::string_view name, const std::string& rule) {
  bad.field = std::string(name);
  bad.error = Error(Errc::invalid_argument, "query \"" + bad.field + "\" " + rule);
  return bad.error;
}

Result<std::optional<jobs::TimePoint>> read_time(const server::Request& request,
                                                 std::string_view name, BadRequest& bad) {
  const auto text = request.query_value(name);
  if (!text) return std::optional<jobs::TimePoint>();
  const auto time = parse_rfc3339(*text);
  if (!time) return bad_query(bad, name, time.error().message());
  return std::optional<jobs::TimePoint>(*time);
}

Error no_job() { return {Errc::not_found, "no such job"}; }

}  // namespace

JobsApi make_jobs_api(const Configuration& configuration, std::shared_ptr<jobs::JobStore> store,
                      std::shared_ptr<ApiKeys> keys) {
  JobsApi api;
  api.rates = std::make_shared<KeyRates>(keys, configuration.key_requests_per_second);
  api.patience = std::make_shared<WritePatience>(configuration.write_patience);
  api.waits = std::make_shared<EndWaits>(store);
  api.counts = std::make_shared<TenantCounts>(store);
  api.store = std::move(store);
  api.keys = std::move(keys);
  return api;
}

void add_jobs_routes(server::Router& router, const JobsApi& api) {
  add_submit_route(router, api);
  add_look_routes(router, api);
  add_steer_routes(router, api);
  add_queue_routes(router, api);
}

server::RouteOptions api_route(const JobsApi& api, std::string_view scope) {
  server::RouteOptions options;
  options.authorise = with_rate(authorise(api.keys, scope), api.rates);
  options.problem_format = &api_problem;
  return options;
}

server::Response refuse(const server::Request& request, const Error& error, std::string field) {
  auto problem = server::to_problem(error, std::move(field));
  problem.request_id = request.request_id;
  return api_problem(problem);
}

Result<void> check_query(const server::Request& request,
                         std::initializer_list<std::string_view> known, BadRequest& bad) {
  for (auto one = request.query.begin(); one != request.query.end(); ++one) {
    const auto& name = one->first;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return bad_query(bad, name, "is unknown");
    }
    const auto same = [&name](const auto& other) { return other.first == name; };
    if (std::any_of(request.query.begin(), one, same)) return bad_query(bad, name, "stands twice");
  }
  return {};
}

Result<std::chrono::milliseconds> read_wait(const server::Request& request, BadRequest& bad) {
  const auto text = request.query_value("wait");
  if (!text) return std::chrono::milliseconds(0);
  const auto wait = parse_duration(*text);
  if (!wait || *wait > kLongestWait) {
    return bad_query(bad, "wait", "must be a time such as 500ms or 10s, at most 60s");
  }
  return *wait;
}

Result<jobs::JobFilter> read_filter(const server::Request& request, BadRequest& bad) {
  jobs::JobFilter filter;
  filter.tenant = request.identity.tenant;
  filter.without_system = !filter.tenant.empty();
  const std::array<std::pair<std::string_view, std::string*>, 3> texts = {
      {{"queue", &filter.queue}, {"kind", &filter.kind}, {"tag", &filter.tag}}};
  for (const auto& [name, text] : texts) {
    const auto value = request.query_value(name);
    // A script whose variable is unset would otherwise mean every job.
    if (value && value->empty()) return bad_query(bad, name, "must not be empty");
    if (value) *text = *value;
  }
  if (const auto states = request.query_value("state")) {
    std::uint8_t bits = 0;
    for (std::size_t begin = 0; begin <= states->size();) {
      const auto end = std::min(states->find(',', begin), states->size());
      const auto state = enum_value<jobs::JobState>(states->substr(begin, end - begin));
      begin = end + 1;
      if (!state) {
        return bad_query(bad, "state",
                         "must name states, with commas between: scheduled, ready, running, "
                         "parked, succeeded, failed, cancelled");
      }
      bits = static_cast<std::uint8_t>(bits | jobs::StateSet{*state}.bits());
    }
    filter.states = jobs::StateSet::from_bits(bits);
  }
  auto from = read_time(request, "created_from", bad);
  if (!from) return from.error();
  filter.created_from = *from;
  auto before = read_time(request, "created_before", bad);
  if (!before) return before.error();
  filter.created_before = *before;
  return filter;
}

jobs::Awaitable<Result<jobs::Job>> find_job(JobsApi api, std::string tenant, std::string id) {
  const auto parsed = Uuid::parse(id);
  if (!parsed) co_return no_job();
  std::vector<Uuid> ids{*parsed};
  auto operation = api.store->get(std::move(ids));
  auto found = co_await at_store(api.store, std::move(operation));
  if (!found) co_return found.error();
  auto& job = found->front();
  if (!job && job.error().code() != Errc::not_found) co_return job.error();
  // What the system does for a tenant is not the tenant's to see or steer.
  const auto is_tenants = [&] {
    return job->tenant == tenant && !job->kind.starts_with(jobs::kSystemKindPrefix);
  };
  const bool visible = job && (tenant.empty() || is_tenants());
  if (!visible) co_return no_job();
  co_return std::move(*job);
}

}  // namespace rwp::pods
