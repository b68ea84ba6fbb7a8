#pragma once

#include "core/batcher.hpp"
#include "jobs_postgres/admin.hpp"
#include "jobs_postgres/claim.hpp"
#include "jobs_postgres/runs.hpp"
#include "jobs_postgres/session.hpp"
#include "jobs_postgres/watch.hpp"
#include <rwp/jobs/record_store.hpp>
#include <rwp/jobs_postgres/postgres_job_store.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace rwp::jobs_postgres {

/// What a store is made of; kept by its calls in flight, also when it has been closed.
struct Parts {
  std::shared_ptr<Session> session{};
  std::shared_ptr<Watch> watch{};
  std::shared_ptr<Batcher<jobs::CheckedJob, jobs::Inserted>> inserts{};
  std::shared_ptr<Batcher<jobs::CheckedJob, jobs::Inserted>> inserts_with_keys{};
  std::shared_ptr<Batcher<jobs::CheckedJob, jobs::RecordInserted>> dispatched_inserts{};
  std::shared_ptr<Batcher<jobs::CheckedCompletion, JobState>> finishes{};
  std::shared_ptr<Batcher<Heartbeat, jobs::LeaseState>> heartbeats{};
  std::shared_ptr<Batcher<jobs::RunRef, jobs::LeaseState>> starts{};
  std::shared_ptr<Batcher<jobs::ProgressUpdate, jobs::LeaseState>> progress{};
  std::shared_ptr<Batcher<jobs::UnparkRequest, JobState>> unparks{};
  std::shared_ptr<Batcher<Uuid, jobs::CancelOutcome>> cancels{};
  std::shared_ptr<Batcher<Uuid, JobState>> retries{};
  std::shared_ptr<Batcher<PriorityChange, JobState>> priorities{};
  std::shared_ptr<ClaimNumbers> claims = std::make_shared<ClaimNumbers>();
  bool has_claimed = false;
  bool may_vacuum = false;  ///< Not behind a pooler, whose transactions begin with settings.
  std::size_t claimed_since_vacuum = 0;
  SteadyTime vacuumed{};
  PruneState pruning{};
  SteadyTime folded{};
  SteadyTime measured{};
  SteadyTime rewritten{};
  std::chrono::seconds rewrite_pause{0};  ///< Until the next look whether a table is bloated.
  observability::Histogram* claim_seconds = nullptr;
  /// Of the hot tables, in the order of kHotTables; null: without metrics.
  std::vector<observability::Gauge*> dead_rows{};
  observability::Gauge* oldest_snapshot = nullptr;
  observability::Counter* rewrites = nullptr;
};

/// Connects, prepares the schema, and makes the parts. Blocks.
Result<std::shared_ptr<Parts>> open_parts(Runtime& runtime, const Url& url,
                                          const PostgresOptions& options);
/// Gives up the leases, for which it waits a little, and closes what is open.
void close(Runtime& runtime, const std::shared_ptr<Parts>& parts);

boost::asio::awaitable<Result<std::vector<jobs::ClaimedJob>>> claim_jobs(
    std::shared_ptr<Parts> parts, jobs::ClaimRequest request);
boost::asio::awaitable<Result<jobs::Rescued>> rescue_jobs(std::shared_ptr<Parts> parts,
                                                          std::size_t limit);

/// What submits have leased to whoever claims with this request. A lease of another length is
/// brought to the request's first.
boost::asio::awaitable<std::vector<jobs::ClaimedJob>> take_handed(std::shared_ptr<Parts> parts,
                                                                  jobs::ClaimRequest request);

/// For RecordStore.
boost::asio::awaitable<Result<std::vector<jobs::DispatchedJob>>> refill_jobs(
    std::shared_ptr<Parts> parts, jobs::RefillRequest request);
boost::asio::awaitable<jobs::PerItem<JobState>> take_back_runs(std::shared_ptr<Parts> parts,
                                                               std::vector<jobs::LostRun> runs,
                                                               std::optional<std::int64_t> term);

}  // namespace rwp::jobs_postgres
