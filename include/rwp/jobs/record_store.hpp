#pragma once

#include <rwp/jobs/job_store.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What a JobStore adds that is the record of a tiered store: another hands its jobs out.
namespace rwp::jobs {

/// Who hands jobs out: the record itself, or a dispatch beside it.
enum class DispatchMode : std::uint8_t { record, dispatch };

/// Valid for as long as nobody switches.
struct DispatchRole {
  DispatchMode mode = DispatchMode::dispatch;
  /// Raised with every switch.
  std::int64_t epoch = 0;
  /// The longest lease that any worker has claimed with.
  std::chrono::milliseconds longest_lease{0};
  /// Names the record among all others, for as long as it exists.
  std::string database{};
};

/// A kind and version in a queue, by the record's number.
struct RecordLane {
  std::int64_t lane = 0;
  std::string queue{};
};

struct RecordInsert {
  CheckedJob job{};
  /// Record it as dispatched, if it is due; else it waits to be refilled.
  bool dispatch = false;
};

struct RecordInserted {
  Inserted inserted{};
  /// It has been recorded as dispatched, under token 1: the caller gives its ticket out.
  bool dispatched = false;
  std::int64_t lane = 0;
  std::int64_t seq = 0;
  /// 0: others may have given the ticket out, too, so that it is to be checked.
  std::int64_t stamp = 0;
  TimePoint created_at{};
};

/// A job that is recorded as dispatched; its `job.run.token` is the ticket's.
struct DispatchedJob {
  ClaimedJob job{};
  std::int64_t lane = 0;
  std::int64_t seq = 0;
  /// Rises with every ticket that is given out, by anyone, and is not above last_stamp() after it.
  std::int64_t stamp = 0;
};

/// What the record knows of a job that is dispatched, or not.
struct DispatchRecord {
  Uuid id{};
  bool is_dispatched = false;
  std::uint64_t token = 0;
  std::int64_t stamp = 0;
  std::int64_t lane = 0;
  bool cancel_requested = false;
  /// When it became due.
  TimePoint run_at{};
  /// The key of the unpark() that woke it, if one did.
  std::string resume_key{};
  /// Of the completion that was accepted last.
  std::uint64_t finished_token = 0;
};

/// Jobs of one lane and priority wait to be dispatched.
struct LaneBacklog {
  std::int64_t lane = 0;
  Priority priority = Priority::normal;
};

struct Backlog {
  /// Those of paused queues are left out.
  std::vector<LaneBacklog> lanes{};
  /// When the next job that waits for its time becomes due.
  std::optional<TimePoint> next_due{};
  /// Parks past their deadline that have been moved with it.
  std::size_t lapsed_parks = 0;
};

struct RefillRequest {
  LaneBacklog from{};
  std::size_t limit = 1'000;
  std::size_t max_bytes = std::size_t{8} << 20U;
};

struct LostRun {
  Uuid id{};
  /// Of the ticket or the lease.
  std::uint64_t token = 0;
  /// Its handler may have begun: the death leaves a mark.
  bool started = false;
  /// Set: the job waits at this priority from now on.
  std::optional<Priority> priority{};
  /// Set: only while this is the stamp that is recorded.
  std::optional<std::int64_t> stamp{};
};

/// Of the one that reconciles: every write of its carries the term.
struct Leadership {
  bool is_leader = false;
  std::int64_t term = 0;
};

/// A JobStore that is the record of a tiered store.
///
/// A job that is dispatched stands there as running, marked, with the token of its ticket; whether
/// it waits in the dispatch or runs, only the dispatch knows. Its end, its progress and its
/// children are recorded as ever: finish() and progress() take it for what it is, a run. Jobs that
/// become ready otherwise wait until refill() gives them a ticket.
///
/// Errors, threads and lifetime: as JobStore.
class RecordStore : public JobStore {
 public:
  /// As insert(). Concurrent calls share transactions.
  virtual Awaitable<PerItem<RecordInserted>> record(std::vector<RecordInsert> jobs) = 0;
  /// As finish(), for what has been checked. `run.handle`: when the run began, in milliseconds
  /// since 1970; 0: as recorded.
  virtual Awaitable<PerItem<JobState>> record_ends(std::vector<CheckedCompletion> completions) = 0;

  /// Moves what is due from its wait; then says which lanes have jobs that wait for a ticket.
  virtual Awaitable<Result<Backlog>> look_at_backlog() = 0;
  /// Records the first of those as dispatched, in order, and answers them with their payloads.
  virtual Awaitable<Result<std::vector<DispatchedJob>>> refill(RefillRequest request) = 0;
  /// Rises whenever jobs may have begun to wait for a ticket, here or (heard) elsewhere.
  virtual std::uint64_t backlog_changes() const = 0;
  /// Returns when backlog_changes() is not `seen`, at the deadline, or when cancelled.
  virtual Awaitable<Result<void>> wait_for_backlog(std::uint64_t seen, SteadyTime deadline) = 0;

  /// Takes tickets and runs back, each only while its token is the job's: the token is raised, and
  /// the job waits for a new ticket, has been cancelled (if that was asked for), or has failed as
  /// crashed. `Errc::conflict`: another token, or not dispatched. With a `term`: only while it is
  /// the leader's; `conflict` for the call otherwise.
  virtual Awaitable<PerItem<JobState>> take_back(std::vector<LostRun> runs,
                                                 std::optional<std::int64_t> term) = 0;
  /// Whether these tickets are still their jobs'. `conflict`: no more.
  virtual Awaitable<PerItem<LeaseState>> check_tickets(std::vector<RunRef> runs) = 0;
  /// As check_tickets(), and gives those that are a new stamp: whoever has read the one of before,
  /// and takes the ticket for lost, cannot take it back any more.
  virtual Awaitable<PerItem<LeaseState>> confirm_tickets(std::vector<RunRef> runs) = 0;
  /// The jobs of these tickets, with their payloads. `conflict` as above.
  virtual Awaitable<PerItem<DispatchedJob>> load_tickets(std::vector<RunRef> runs) = 0;
  /// What is recorded of these, in the ids' order.
  virtual Awaitable<Result<std::vector<DispatchRecord>>> dispatch_records(
      std::vector<Uuid> ids) = 0;
  /// Dispatched jobs by id, above `after`, at most `limit`.
  virtual Awaitable<Result<std::vector<DispatchRecord>>> dispatched_after(Uuid after,
                                                                          std::size_t limit) = 0;
  /// How many are dispatched in each lane.
  virtual Awaitable<Result<std::vector<std::pair<RecordLane, std::size_t>>>>
  dispatched_counts() = 0;
  /// The highest stamp given out so far, or a higher one.
  virtual Awaitable<Result<std::int64_t>> last_stamp() = 0;

  /// The lanes that a claim may take from, as far as they are known here.
  virtual std::vector<RecordLane> lanes_of(const ClaimRequest& request) const = 0;
  /// The lane, when it is known here; 0 otherwise.
  virtual std::int64_t known_lane(const NewJob& job) const = 0;
  /// Names kind, version and queue of a job in this lane. False: not known here.
  virtual bool name_lane(std::int64_t lane, ClaimedJob& job) const = 0;
  virtual Awaitable<Result<void>> refresh_lanes() = 0;

  /// While what this answers lives, a job of record() may be leased to the caller instead of being
  /// dispatched, by the same commit. `tell` is called then: it claims by take_handed() at once. For
  /// who has nothing else to claim: what comes so stands before what waits.
  virtual std::shared_ptr<void> offer_to_run(ClaimRequest request, std::function<void()> tell) = 0;
  /// What has been leased so; as what claim() answers.
  virtual Awaitable<std::vector<ClaimedJob>> take_handed(ClaimRequest request) = 0;
  /// Whether take_handed() would answer any.
  virtual bool has_handed(const ClaimRequest& request) const = 0;

  virtual Awaitable<Result<std::vector<std::string>>> paused_queues() = 0;

  virtual Awaitable<Result<DispatchRole>> dispatch_role() = 0;
  /// Switches. To `record`: what is dispatched gets a lease of `grace`, which heartbeats to this
  /// record extend; what lapses is claimed from here. Back: what of it still runs is dispatched.
  virtual Awaitable<Result<DispatchRole>> set_dispatch_mode(DispatchMode mode,
                                                            std::chrono::milliseconds grace) = 0;
  /// A worker claims with such leases from now on.
  virtual Awaitable<Result<void>> note_longest_lease(std::chrono::milliseconds lease) = 0;
  /// Becomes or stays the one that reconciles, for `time`; another's must have ended.
  virtual Awaitable<Result<Leadership>> lead(std::chrono::milliseconds time) = 0;
  virtual Awaitable<Result<void>> stop_leading() = 0;

 protected:
  using JobStore::JobStore;
};

}  // namespace rwp::jobs
