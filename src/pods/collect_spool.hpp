#pragma once

#include "pods/collect_request.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/job.hpp>
#include <rwp/jobs/job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string_view>
#include <vector>

/// Where collected events wait to be forwarded: each is a job of the jobs store, of a kind and a
/// queue of its own, so that what a worker sends to the collector does not come back to it.
namespace rwp::pods {

constexpr std::string_view kCollectKind = "rwp.collect.event";
constexpr std::string_view kCollectQueue = "collect";

/// One event as a job. An event with an id of its client's makes the same job however often it
/// comes, whatever stands beside it in the request; that is why a job holds one event.
jobs::NewJob make_collect_job(const CollectedEvent& collected);

/// The event of such a job. `arrived`: when its job was made, for one that says no time.
/// `Errc::invalid_argument`: the payload is none of such a job.
Result<analytics::Event> read_collect_job(const JsonText& payload, jobs::TimePoint arrived);

}  // namespace rwp::pods
