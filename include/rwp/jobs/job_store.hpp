#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/blob_store.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/usage_ledger.hpp>
#include <rwp/jobs/checked_job.hpp>
#include <rwp/jobs/requests.hpp>
#include <rwp/jobs/verification.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::jobs {

template <class T>
using Awaitable = boost::asio::awaitable<T>;

/// One answer an item, in the items' order; the outer Result fails when the store as a whole could
/// not answer, and each item's outcome is then unknown.
template <class T>
using PerItem = Result<std::vector<Result<T>>>;

/// What workers ask of a store: take jobs, keep them, end them.
///
/// Every call takes many items and is safe to repeat. A run whose token has moved on is refused
/// with `Errc::conflict`, a job that is gone with `Errc::not_found`, each for its own item alone.
class JobRuns {
 public:
  virtual ~JobRuns() = default;

  /// Up to `limit` ready jobs, and some 16 MiB of their payloads, best priority first, each leased
  /// and its run token raised. Jobs whose time has come count as ready; those of paused queues do
  /// not.
  Awaitable<Result<std::vector<ClaimedJob>>> claim(ClaimRequest request);
  /// Returns when claim() with these queues and kinds may find something, at the deadline, or when
  /// cancelled; spurious returns are allowed.
  Awaitable<Result<void>> wait_for_work(ClaimRequest request, SteadyTime deadline);
  /// Records that the handlers of prefetched jobs are about to begin.
  Awaitable<PerItem<LeaseState>> mark_started(std::vector<RunRef> runs);
  /// Ends runs, durably. Answers the state the job is in now. Repeating a completion with the token
  /// that was accepted answers the same again and has no second effect. An error's message is kept
  /// to its first 4 KiB, and bytes of it that are not UTF-8 as U+FFFD.
  Awaitable<PerItem<JobState>> finish(std::vector<Completion> completions);
  /// Heartbeat: the leases end `lease` from now.
  Awaitable<PerItem<LeaseState>> extend(std::vector<RunRef> runs, std::chrono::milliseconds lease);
  Awaitable<PerItem<LeaseState>> progress(std::vector<ProgressUpdate> updates);
  /// Gives jobs whose lease has lapsed or whose holder has died, and parked jobs past their
  /// deadline, back to the queue; at most `limit` (1 to 10,000) of each.
  Awaitable<Result<Rescued>> rescue(std::size_t limit = 1'000);

 private:
  virtual std::shared_ptr<BlobStore> payload_blobs() const = 0;
  virtual TimePoint store_now() const = 0;
  virtual Awaitable<Result<std::vector<ClaimedJob>>> do_claim(ClaimRequest request) = 0;
  virtual Awaitable<Result<void>> do_wait_for_work(ClaimRequest request, SteadyTime deadline) = 0;
  virtual Awaitable<PerItem<LeaseState>> do_mark_started(std::vector<RunRef> runs) = 0;
  virtual Awaitable<PerItem<JobState>> do_finish(std::vector<CheckedCompletion> completions) = 0;
  virtual Awaitable<PerItem<LeaseState>> do_extend(std::vector<RunRef> runs,
                                                   std::chrono::milliseconds lease) = 0;
  virtual Awaitable<PerItem<LeaseState>> do_progress(std::vector<ProgressUpdate> updates) = 0;
  virtual Awaitable<Result<Rescued>> do_rescue(std::size_t limit) = 0;
};

/// What operators ask of a store.
class JobAdmin {
 public:
  virtual ~JobAdmin() = default;

  /// A job that waits is cancelled at once and will not start; one that runs is asked to stop.
  Awaitable<PerItem<CancelOutcome>> cancel(std::vector<Uuid> ids);
  /// As cancel(), for the open jobs that match; answers how many were cancelled or asked.
  Awaitable<Result<std::size_t>> cancel_where(JobFilter filter);
  /// Puts failed and cancelled jobs back to ready with their attempts, marks and crashes at zero;
  /// one that waits for its time becomes due now, one that is ready stays as it is.
  /// `Errc::conflict`: it runs, is parked, has succeeded, or another job holds its unique key.
  Awaitable<PerItem<JobState>> retry(std::vector<Uuid> ids);
  Awaitable<Result<std::size_t>> retry_where(JobFilter filter);
  /// Of jobs that wait. `Errc::conflict`: it runs or has ended.
  Awaitable<PerItem<JobState>> set_priority(std::vector<Uuid> ids, Priority priority);
  /// Newest first. `limit`: 1 to 1,000; a page also ends past some 2 MiB of payloads and results,
  /// so that only an empty `next_cursor` says that it is the last.
  Awaitable<Result<JobPage>> list(JobFilter filter, std::string cursor, std::size_t limit);
  /// Every queue that has had a job, by name. With a tenant: the queues in which it has jobs, and
  /// these alone, without those of system kinds; that looks at each of its jobs, so keep the answer
  /// for a while.
  Awaitable<Result<std::vector<QueueCounts>>> counts(std::string tenant = std::string());
  /// Nothing new starts from a paused queue; what runs goes on.
  Awaitable<Result<void>> pause(std::string queue);
  Awaitable<Result<void>> resume(std::string queue);
  /// Removes ended jobs past their retention, and ledger entries past theirs.
  Awaitable<Result<Pruned>> prune(Retention retention);
  /// Removes ended jobs at once, with payload, result, errors and tags, whatever the retention;
  /// their ids and the digests of their payloads stay in the ledger for as long as the same submit
  /// may come again. `Errc::conflict`: has not ended. `Errc::not_found`: there is none, or it is
  /// gone already. At most 1,000 ids.
  Awaitable<PerItem<Erased>> erase(std::vector<Uuid> ids);
  /// Overwrites what removed jobs have left in the store's own files, as far as the store can: what
  /// is left after it, docs/pods.md says. `Errc::unavailable`: something was in the way; again
  /// later.
  Awaitable<Result<void>> scrub();
  /// Judges whether what the store keeps holds together, page after page, each a snapshot of its
  /// own; writes nothing, and may go on beside workers. `limit`: rows a page, 1 to 10,000; some
  /// pages look at a whole table and take seconds when it has millions of rows.
  /// `Errc::unsupported`: this store cannot. `Errc::invalid_argument`: a cursor that is none.
  Awaitable<Result<VerifyPage>> verify(std::string cursor, std::size_t limit);
  /// Whether jobs are handed out by a server of its own, which may be away while the store is not.
  virtual bool has_dispatch() const { return false; }
  /// Whether jobs are handed out at present. `Errc::unavailable`: they are not, and why; what runs
  /// goes on, and submits are taken.
  Awaitable<Result<void>> hands_out();

 private:
  virtual Awaitable<PerItem<CancelOutcome>> do_cancel(std::vector<Uuid> ids) = 0;
  virtual Awaitable<PerItem<JobState>> do_retry(std::vector<Uuid> ids) = 0;
  virtual Awaitable<PerItem<JobState>> do_set_priority(std::vector<Uuid> ids,
                                                       Priority priority) = 0;
  virtual Awaitable<Result<JobPage>> do_list(JobFilter filter, std::string cursor,
                                             std::size_t limit) = 0;
  virtual Awaitable<Result<std::vector<QueueCounts>>> do_counts(std::string tenant) = 0;
  virtual Awaitable<Result<void>> do_set_paused(std::string queue, bool paused) = 0;
  virtual Awaitable<Result<Pruned>> do_prune(Retention retention) = 0;
  /// Unless a backend has them: `Errc::unsupported`.
  virtual Awaitable<PerItem<Erased>> do_erase(std::vector<Uuid> ids);
  virtual Awaitable<Result<void>> do_scrub();
  virtual Awaitable<Result<VerifyPage>> do_verify(std::string cursor, std::size_t limit);
  /// Where has_dispatch(); else success.
  virtual Awaitable<Result<void>> do_hands_out();
  virtual std::shared_ptr<BlobStore> blobs_of_removed() const = 0;
};

/// Keeps jobs durably. All backends offer this, and pass one conformance suite.
///
/// Promises: a job whose insert was answered is never lost; it runs at least once; at most one
/// completion of a run is accepted; what a completion carries takes effect with it as one unit.
/// Due times and leases are judged by the store's clock alone.
///
/// Items are checked before they are gathered with other callers' items into one transaction, so a
/// bad one fails alone. A failure of the outer Result with `Errc::deadline_exceeded` or
/// `Errc::cancelled` means that the outcome is unknown; repeat the call with the same ids.
///
/// Errors: invalid_argument names field and rule; unavailable (disk full, busy, away) is worth a
/// retry; corrupt and unsupported are not.
/// Threads: confined to its runtime's I/O thread, where calls may overlap. Lifetime: outlives its
/// calls in flight.
class JobStore : public JobRuns, public JobAdmin {
 public:
  ~JobStore() override = default;
  JobStore(const JobStore&) = delete;
  JobStore& operator=(const JobStore&) = delete;

  /// The runtime on whose I/O thread this store is used.
  Runtime& runtime() const noexcept { return runtime_; }

  /// Submits. Each answer is given when its job is durable.
  /// `Errc::conflict`: the id or idempotency key is known with another payload. `invalid_argument`:
  /// a field breaks its rule, or the id's time is more than seven days before, or a day after, the
  /// store's clock.
  Awaitable<PerItem<Inserted>> insert(std::vector<NewJob> jobs);
  /// `Errc::not_found` for an id that is not, or no longer, kept. Payloads in the BlobStore are
  /// named, not read; see load_payload().
  Awaitable<PerItem<Job>> get(std::vector<Uuid> ids);
  /// Waits until all of these have ended or the deadline has come, then answers them as they are.
  /// All waiters share one watch.
  Awaitable<PerItem<Job>> wait_for_end(std::vector<Uuid> ids, SteadyTime deadline);
  /// Resumes parked jobs. Once, whoever wins: `Errc::conflict` when it is not parked, or under
  /// another key; repeating the winning call succeeds until the job is claimed.
  Awaitable<PerItem<JobState>> unpark(std::vector<UnparkRequest> requests);

  /// The payload, from the BlobStore when it lies there.
  Awaitable<Result<JsonText>> load_payload(JsonText inline_payload, std::string payload_blob);

  /// Where payloads above 1 MiB go from now on; null: such ones are refused. Before the first call.
  void use_blobs(std::shared_ptr<BlobStore> blobs) { blobs_ = std::move(blobs); }

  /// Where money is kept beside the jobs. Lives as long as the store.
  virtual UsageLedger& usage() = 0;
  /// The store's clock.
  virtual TimePoint now() const = 0;

 protected:
  /// `blobs` may be null: payloads above 1 MiB are then refused.
  JobStore(Runtime& runtime, std::shared_ptr<BlobStore> blobs)
      : runtime_(runtime), blobs_(std::move(blobs)) {}

 private:
  std::shared_ptr<BlobStore> payload_blobs() const final { return blobs_; }
  std::shared_ptr<BlobStore> blobs_of_removed() const final { return blobs_; }
  TimePoint store_now() const final { return now(); }
  virtual Awaitable<PerItem<Inserted>> do_insert(std::vector<CheckedJob> jobs) = 0;
  virtual Awaitable<PerItem<Job>> do_get(std::vector<Uuid> ids) = 0;
  virtual Awaitable<PerItem<Job>> do_wait_for_end(std::vector<Uuid> ids, SteadyTime deadline) = 0;
  virtual Awaitable<PerItem<JobState>> do_unpark(std::vector<UnparkRequest> requests) = 0;

  Runtime& runtime_;
  std::shared_ptr<BlobStore> blobs_;
};

}  // namespace rwp::jobs
