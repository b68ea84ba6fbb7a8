#pragma once

#include "pods/forgotten.hpp"
#include "pods/jobadder/connections.hpp"
#include "pods/jobadder/payloads.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/storage/object_store.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace rwp::pods {

/// What the handlers of jobs "jobadder.…" share. All but the store belongs to the handlers'
/// runtime.
struct JobAdderParts {
  std::shared_ptr<JobAdderConnections> connections{};
  std::shared_ptr<jobs::JobStore> store{};
  std::shared_ptr<storage::ObjectStore> objects{};
  std::shared_ptr<Forgotten> forgotten{};
  observability::Logger log{};
  /// May be null.
  std::shared_ptr<observability::Metrics> metrics{};
  /// From the end of one look to the beginning of the next.
  std::chrono::milliseconds poll_every{300'000};
  JobAdderWriteBackMode write_back = JobAdderWriteBackMode::none;
  std::int64_t score_field = 0;
  /// See webhook_authorization().
  Secret webhook_secret{};
};
using SharedJobAdderParts = std::shared_ptr<const JobAdderParts>;

/// Opens the parts; null when the settings name no client.
Result<SharedJobAdderParts> open_jobadder(const Configuration& configuration, Runtime& handlers,
                                          std::shared_ptr<jobs::JobStore> store,
                                          std::shared_ptr<storage::ObjectStore> objects,
                                          observability::Logger log,
                                          std::shared_ptr<observability::Metrics> metrics);

/// "jobadder.sync", "jobadder.record", "jobadder.write_back". Nothing when `parts` is null.
void handle_jobadder(jobs::Worker& worker, const SharedJobAdderParts& parts);

/// Submits a sync for each tenant that has signed in and has none; at a worker's start. Blocks; a
/// failure is logged, as the next start, or `rwpctl jobadder sync`, repeats it.
void start_jobadder_syncs(Runtime& handlers, const SharedJobAdderParts& parts);

/// The one sync of a tenant.
jobs::NewJob make_sync_job(const std::string& tenant);
/// Of a record whose `version` was seen. Repeating it makes no second job. `candidate_id`: whose
/// application or placement it is, as far as is known; 0: not.
jobs::NewJob make_record_job(const std::string& tenant, JobAdderRecord record,
                             std::int64_t candidate_id = 0);
/// Whether forgetting the candidate finds this run, and so waits for what it submits. One that it
/// does not find, as who submitted it did not know whose record it is, makes nothing of it: it
/// submits itself once more, with the tag, and ends.
bool is_findable(jobs::JobContext& context, const JobAdderRecord& record,
                 std::int64_t candidate_id);

/// One tick of the handlers, each in a source of its own.
jobs::Awaitable<Result<JsonText>> run_sync(SharedJobAdderParts parts, jobs::JobContext& context);
jobs::Awaitable<Result<JsonText>> take_in_record(SharedJobAdderParts parts, JobAdderRecord record,
                                                 jobs::JobContext& context);
/// An approved placement, told of as an event of its application. Answers why nothing was told;
/// empty: it was.
jobs::Awaitable<Result<std::string>> take_placement(SharedJobAdderParts parts,
                                                    JobAdderRecord record,
                                                    jobs::JobContext& context);
jobs::Awaitable<Result<JsonText>> write_back(SharedJobAdderParts parts, JobAdderWriteBack payload,
                                             jobs::JobContext& context);

/// How long to wait for another job: as long as this one is old, 1 s to a minute.
std::chrono::milliseconds wait_by_age(const jobs::JobContext& context);

/// A job whose call failed in a way that passes: not an attempt of its own where JobAdder told it
/// to wait, or somebody must sign in.
Error end_without_jobadder(jobs::JobContext& context, const Error& error);

}  // namespace rwp::pods
