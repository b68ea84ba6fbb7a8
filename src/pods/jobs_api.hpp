#pragma once

#include "pods/api_keys.hpp"
#include "pods/end_waits.hpp"
#include "pods/job_json.hpp"
#include "pods/key_rates.hpp"
#include "pods/tenant_counts.hpp"
#include "pods/write_patience.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/observability/trace.hpp>
#include <rwp/server/message.hpp>
#include <rwp/server/problem.hpp>
#include <rwp/server/router.hpp>
#include <rwp/storage/object_store.hpp>

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

/// `/v1/jobs…` and `/v1/queues…` of the api pod.
///
/// A tenant sees and touches its own jobs alone: another's are answered as ones that are not there.
/// Nobody in particular (`--allow-anonymous`) sees all.
namespace rwp::pods {

/// What the routes work with; cheap to copy.
struct JobsApi {
  std::shared_ptr<jobs::JobStore> store{};
  std::shared_ptr<ApiKeys> keys{};
  std::shared_ptr<EndWaits> waits{};
  std::shared_ptr<TenantCounts> counts{};
  /// Holds the list of forgotten candidates, whose jobs are refused; null: nobody is asked.
  std::shared_ptr<storage::ObjectStore> objects{};
  boost::asio::any_io_executor objects_executor{};
  std::shared_ptr<KeyRates> rates{};
  std::shared_ptr<WritePatience> patience{};
  /// Takes the spans of submits; may be null.
  std::shared_ptr<observability::SpanExporter> spans{};
};

JobsApi make_jobs_api(const Configuration& configuration, std::shared_ptr<jobs::JobStore> store,
                      std::shared_ptr<ApiKeys> keys);

/// Adds them all.
void add_jobs_routes(server::Router& router, const JobsApi& api);

// Each in a file of its own.
void add_submit_route(server::Router& router, const JobsApi& api);
void add_look_routes(server::Router& router, const JobsApi& api);
void add_steer_routes(server::Router& router, const JobsApi& api);
void add_queue_routes(server::Router& router, const JobsApi& api);

/// Runs a call of the store on its own runtime, which may be the caller's.
template <class T>
jobs::Awaitable<T> at_store(const std::shared_ptr<jobs::JobStore>& store,
                            jobs::Awaitable<T> operation) {
  if (store->runtime().on_io_thread()) return operation;
  return on(store->runtime().executor(), std::move(operation));
}

/// The same for a write, which waits for a store that is away. The call may be made several times.
template <class T>
jobs::Awaitable<T> write_at_store(JobsApi api, std::function<jobs::Awaitable<T>()> make,
                                  bool also_unknown = false) {
  using Value = typename T::value_type;
  std::function<jobs::Awaitable<T>()> attempt = [store = api.store, make = std::move(make)] {
    return at_store(store, make());
  };
  return with_patience<Value>(api.patience, std::move(attempt), also_unknown);
}

/// The options of a route that asks for a key with this scope.
server::RouteOptions api_route(const JobsApi& api, std::string_view scope);

/// The problem that says why.
server::Response refuse(const server::Request& request, const Error& error,
                        std::string field = std::string());

/// `Errc::invalid_argument` for a query name that is not in `known` or stands twice; `bad` says
/// which.
Result<void> check_query(const server::Request& request,
                         std::initializer_list<std::string_view> known, BadRequest& bad);

/// `?wait=10s`: how long to wait for a job's end; zero when absent.
Result<std::chrono::milliseconds> read_wait(const server::Request& request, BadRequest& bad);
constexpr std::chrono::seconds kLongestWait{60};

/// The filter that the query states, within the caller's tenant.
Result<jobs::JobFilter> read_filter(const server::Request& request, BadRequest& bad);
/// The names that read_filter() knows.
#define RWP_FILTER_NAMES "state", "queue", "kind", "tag", "created_from", "created_before"

/// The job, when the caller may know of it; `Errc::not_found` as for one that is not there.
jobs::Awaitable<Result<jobs::Job>> find_job(JobsApi api, std::string tenant, std::string id);

}  // namespace rwp::pods
