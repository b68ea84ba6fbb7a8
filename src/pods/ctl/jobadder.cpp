#include "pods/ctl/jobadder.hpp"

#include "pods/jobadder/handlers.hpp"
#include <rwp/core/async.hpp>

#include <utility>
#include <vector>

namespace rwp::pods::ctl {

Result<JobAdderDesk> open_jobadder_desk(Context& context) {
  const auto& configuration = context.configuration();
  if (!has_jobadder(configuration)) {
    return Error(Errc::invalid_argument,
                 "no client of JobAdder: RWP_JOBADDER_CLIENT_ID and RWP_JOBADDER_CLIENT_SECRET (or "
                 "…_FILE) name it");
  }
  JobAdderDesk desk;
  desk.tenant = context.options.jobadder.tenant;
  if (auto checked = check_jobadder_tenant(desk.tenant); !checked) return checked.error();
  auto objects =
      context.schemes.open<storage::ObjectStore>(configuration.objects_url, context.runtime);
  if (!objects) return objects.error().with_context("object store");
  desk.objects = *objects;
  JobAdderConnections::Parts parts;
  parts.runtime = &context.runtime;
  parts.objects = std::move(*objects);
  auto connections = JobAdderConnections::open(configuration, std::move(parts));
  if (!connections) return connections.error();
  desk.connections = std::move(*connections);
  return desk;
}

Result<HurriedSync> hurry_sync(Context& context, const std::shared_ptr<jobs::JobStore>& store,
                               const std::string& tenant, SteadyTime deadline) {
  std::vector<jobs::NewJob> one;
  one.push_back(make_sync_job(tenant));
  const auto inserted = block_on(context.runtime, store->insert(std::move(one)));
  if (!inserted) return inserted.error();
  if (!inserted->front()) return inserted->front().error();
  HurriedSync hurried;
  hurried.id = inserted->front()->id;
  if (inserted->front()->outcome == jobs::Inserted::Outcome::created) return hurried;
  while (true) {
    const std::vector<Uuid> ids{hurried.id};
    const auto job = block_on(context.runtime, store->get(ids));
    if (!job) return job.error();
    if (!job->front()) return job->front().error();
    hurried.token = job->front()->run_token;
    const auto due = block_on(context.runtime, store->retry(ids));
    if (!due) return due.error();
    if (due->front()) return hurried;
    const Error error = due->front().error();
    if (error.code() != Errc::conflict || std::chrono::steady_clock::now() > deadline) return error;
    (void)block_on(context.runtime, sleep_for(std::chrono::milliseconds(200)));
  }
}

SteadyTime jobadder_patience() {
  return std::chrono::steady_clock::now() + std::chrono::minutes(1);
}

}  // namespace rwp::pods::ctl
