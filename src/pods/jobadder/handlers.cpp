#include "pods/jobadder/handlers.hpp"

#include <rwp/core/async.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using jobs::Awaitable;

constexpr std::chrono::minutes kLongestRun{5};
/// Records read at once: they wait for the same rate.
constexpr std::size_t kRecordsAtOnce = 8;
/// For all of it, at a start.
constexpr std::chrono::seconds kStartPatience{20};
constexpr int kMostAttempts = 1'000;

Awaitable<Result<void>> submit_syncs(SharedJobAdderParts parts) {
  const auto tenants = co_await parts->connections->tenants();
  if (!tenants) co_return tenants.error();
  std::vector<jobs::NewJob> syncs;
  for (const auto& tenant : *tenants) syncs.push_back(make_sync_job(tenant));
  if (syncs.empty()) co_return Result<void>();
  auto operation = parts->store->insert(std::move(syncs));
  const auto inserted = co_await on(parts->store->runtime().executor(), std::move(operation));
  if (!inserted) co_return inserted.error();
  for (const auto& answer : *inserted) {
    if (!answer) co_return answer.error();
  }
  co_return Result<void>();
}

}  // namespace

Result<SharedJobAdderParts> open_jobadder(const Configuration& configuration, Runtime& handlers,
                                          std::shared_ptr<jobs::JobStore> store,
                                          std::shared_ptr<storage::ObjectStore> objects,
                                          observability::Logger log,
                                          std::shared_ptr<observability::Metrics> metrics) {
  if (configuration.jobadder_client_id.empty() != configuration.jobadder_client_secret.empty()) {
    return Error(Errc::invalid_argument,
                 "RWP_JOBADDER_CLIENT_ID and RWP_JOBADDER_CLIENT_SECRET are given together");
  }
  if (!has_jobadder(configuration)) return SharedJobAdderParts();
  JobAdderConnections::Parts of_connections;
  of_connections.runtime = &handlers;
  of_connections.objects = objects;
  of_connections.log = log;
  of_connections.metrics = metrics;
  auto connections = JobAdderConnections::open(configuration, std::move(of_connections));
  if (!connections) return connections.error();
  auto parts = std::make_shared<JobAdderParts>();
  parts->connections = std::move(*connections);
  parts->store = std::move(store);
  parts->forgotten = std::make_shared<Forgotten>(objects);
  parts->objects = std::move(objects);
  parts->log = std::move(log);
  parts->metrics = std::move(metrics);
  parts->poll_every = configuration.jobadder_poll;
  parts->write_back = configuration.jobadder_write_back;
  parts->score_field = static_cast<std::int64_t>(configuration.jobadder_score_field);
  parts->webhook_secret = configuration.jobadder_webhook_secret;
  if (parts->write_back == JobAdderWriteBackMode::field && parts->score_field == 0) {
    return Error(Errc::invalid_argument,
                 "RWP_JOBADDER_WRITE_BACK=field needs RWP_JOBADDER_SCORE_FIELD");
  }
  return SharedJobAdderParts(std::move(parts));
}

jobs::NewJob make_sync_job(const std::string& tenant) {
  JobAdderSync sync;
  sync.tenant = tenant;
  auto job = jobs::to_new_job(sync);
  job.queue = kJobAdderQueue;
  job.tenant = tenant;
  job.max_attempts = kMostAttempts;
  job.unique.key = "jobadder/sync";
  return job;
}

jobs::NewJob make_record_job(const std::string& tenant, JobAdderRecord record,
                             std::int64_t candidate_id) {
  if (record.entity == "candidate") candidate_id = record.id;
  if (candidate_id != 0) record.subject = subject_of(tenant, jobadder_candidate_id(candidate_id));
  auto job = jobs::to_new_job(record);
  job.queue = kJobAdderQueue;
  job.tenant = tenant;
  job.idempotency_key =
      "jobadder/" + record.entity + "/" + std::to_string(record.id) + "/" + record.version;
  if (!record.subject.empty()) job.tags = {subject_tag(record.subject)};
  return job;
}

bool is_findable(jobs::JobContext& context, const JobAdderRecord& record,
                 std::int64_t candidate_id) {
  const std::string& tenant = context.job().tenant;
  const std::string subject = subject_of(tenant, jobadder_candidate_id(candidate_id));
  if (record.subject == subject) return true;
  JobAdderRecord again = record;
  again.version += "/" + subject;
  (void)context.submit(make_record_job(tenant, std::move(again), candidate_id));
  return false;
}

std::chrono::milliseconds wait_by_age(const jobs::JobContext& context) {
  using std::chrono::milliseconds;
  const auto age = context.job().claimed_at - context.job().created_at;
  return std::clamp(std::chrono::duration_cast<milliseconds>(age), milliseconds(1'000),
                    milliseconds(60'000));
}

Error end_without_jobadder(jobs::JobContext& context, const Error& error) {
  if (context.stop_reason() == jobs::StopReason::drain) return context.hand_back();
  constexpr std::chrono::milliseconds kUntilSomebodyHasSignedIn = std::chrono::minutes(10);
  if (error.code() == Errc::unauthenticated) return context.snooze(kUntilSomebodyHasSignedIn);
  // Waiting for the rate is no failure.
  if (error.code() == Errc::rate_limited) {
    constexpr std::chrono::milliseconds kLeast{1'000};
    return context.snooze(std::max(error.retry_after().value_or(kLeast), kLeast));
  }
  return error;
}

void handle_jobadder(jobs::Worker& worker, const SharedJobAdderParts& parts) {
  if (!parts) return;
  jobs::HandlerOptions of_sync;
  of_sync.max_concurrent = 2;
  worker.handle(
      std::string(JobAdderSync::job_kind),
      [parts](jobs::JobContext& context) { return run_sync(parts, context); }, of_sync);
  jobs::HandlerOptions of_records;
  of_records.timeout = kLongestRun;
  of_records.max_concurrent = kRecordsAtOnce;
  worker.handle<JobAdderRecord>(
      [parts](JobAdderRecord record, jobs::JobContext& context) {
        return take_in_record(parts, std::move(record), context);
      },
      of_records);
  worker.handle<JobAdderWriteBack>(
      [parts](JobAdderWriteBack payload, jobs::JobContext& context) {
        return write_back(parts, std::move(payload), context);
      },
      of_records);
}

void start_jobadder_syncs(Runtime& handlers, const SharedJobAdderParts& parts) {
  if (!parts) return;
  auto operation =
      with_deadline(submit_syncs(parts), std::chrono::steady_clock::now() + kStartPatience);
  const auto submitted = block_on(handlers, std::move(operation));
  if (!submitted) {
    parts->log.warn("JobAdder's syncs could not be submitted",
                    {{"error", submitted.error().to_string()}});
  }
}

}  // namespace rwp::pods
