#pragma once

#include <rwp/jobs/job.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What is asked of a JobStore, and what it answers.
namespace rwp::jobs {

/// What became of one submitted job.
struct Inserted {
  enum class Outcome : std::uint8_t {
    created,
    existing,   ///< The same submit was there already (same id, or same idempotency key).
    collapsed,  ///< A unique key stands; `id` is the job that holds it.
  };
  Uuid id{};
  Outcome outcome = Outcome::created;
};

/// A kind that a worker can run, in these versions (inclusive).
struct KindSupport {
  std::string kind{};
  int min_version = 1;
  int max_version = 1;
};

struct ClaimRequest {
  /// Names the worker in listings; at most 128 bytes.
  std::string worker{};
  /// Empty: all queues.
  std::vector<std::string> queues{};
  /// Jobs of other kinds and versions stay ready.
  std::vector<KindSupport> kinds{};
  /// 1 to 10,000.
  std::size_t limit = 1;
  /// So many of the answered jobs, from the front, are recorded as started with the claim; the
  /// others, and one that must run alone, need mark_started() before their handlers begin.
  std::size_t start = 1;
  /// 1 s to 1 h; ends unless extended.
  std::chrono::milliseconds lease{30'000};
};

/// Names one run of a job. A stale one (the token has moved on) is refused everywhere.
struct RunRef {
  Uuid id{};
  std::uint64_t token = 0;
  /// The store's own, to find the job faster; 0 when unknown.
  std::int64_t handle = 0;
};

/// What a parked job was woken with.
struct Resume {
  std::string key{};
  /// Unset: the park's deadline passed.
  std::optional<JsonText> value{};
};

/// A job on its way to a handler.
struct ClaimedJob {
  RunRef run{};
  std::string kind{};
  int version = 1;
  std::string queue{};
  Priority priority = Priority::normal;
  JsonText payload{};
  std::string payload_blob{};
  /// Attempts that have failed before this run.
  int attempt = 0;
  int max_attempts = 20;
  std::chrono::milliseconds timeout{0};
  std::string tenant{};
  std::string traceparent{};
  std::optional<JsonText> cursor{};
  std::optional<Resume> resume{};
  /// A suspect: must run with nothing else in its process. At most one comes with a claim, then
  /// alone or as the last.
  bool alone = false;
  /// Recorded as started with the claim.
  bool started = false;
  TimePoint created_at{};
  /// The store's time of the claim; ids of children are made with it.
  TimePoint claimed_at{};
};

struct Succeed {
  JsonText result{};
};
/// The attempt failed; again after `delay`, unless it was the last.
struct Retry {
  Error error{};
  std::chrono::milliseconds delay{0};
};
/// Failed for good, whatever attempts are left.
struct Fail {
  Error error{};
};
/// Again after `delay`; no attempt is burned.
struct Snooze {
  std::chrono::milliseconds delay{0};
};
/// Wait for unpark() with this key, at most `timeout` (1 ms to 30 days); no attempt is burned.
struct Park {
  /// 1 to 256 bytes.
  std::string key{};
  std::chrono::milliseconds timeout{std::chrono::hours(24)};
};
/// Back to ready at once, as if it had not run: drain, preemption, prefetched and not begun.
struct HandBack {};
/// The handler stopped because cancellation was requested.
struct Cancelled {};
/// The handler died in a process of its own, where it was alone: counts against the crash budget at
/// once. No attempt is burned; again after `delay`, unless the budget is spent.
struct Crashed {
  Error error{};
  std::chrono::milliseconds delay{0};
};

using RunOutcome = std::variant<Succeed, Retry, Fail, Snooze, Park, HandBack, Cancelled, Crashed>;

/// The end of one run, and what takes effect with it as one unit.
struct Completion {
  RunRef run{};
  RunOutcome outcome = HandBack{};
  /// Inserted with the completion, or not at all. Their ids, keys and rules are judged as in
  /// insert(); a child that breaks a rule refuses the whole completion with `invalid_argument`.
  std::vector<NewJob> children{};
};

/// What a holder of leases is told with each heartbeat.
struct LeaseState {
  bool cancel_requested = false;
};

struct ProgressUpdate {
  RunRef run{};
  /// 0 to 1; unset: as it was.
  std::optional<double> progress{};
  /// At most 1 KiB.
  std::optional<std::string> note{};
  /// At most 64 KiB; given to the next run.
  std::optional<JsonText> cursor{};
};

struct UnparkRequest {
  Uuid id{};
  std::string key{};
  JsonText value{};
};

struct Rescued {
  /// Leases that had lapsed or whose holder had died, and parks past their deadline.
  std::size_t leases = 0;
  std::size_t parks = 0;
  /// Jobs among them that failed as `crashed`.
  std::size_t quarantined = 0;
};

enum class CancelOutcome : std::uint8_t {
  cancelled,      ///< It will not start.
  requested,      ///< It runs; its handler is told with the next heartbeat.
  already_ended,  ///< Nothing changed.
};

/// Kinds that begin so are the library's own: outboxes, spools.
constexpr std::string_view kSystemKindPrefix = "rwp.";

/// Which jobs; every member that is set must match.
struct JobFilter {
  StateSet states = StateSet::all();
  std::string queue{};
  std::string kind{};
  std::string tag{};
  std::string tenant{};
  std::optional<TimePoint> created_from{};
  std::optional<TimePoint> created_before{};
  /// Leaves out the jobs of system kinds.
  bool without_system = false;
};

struct JobPage {
  std::vector<Job> jobs{};
  /// Give it to the next list(); empty: this was the last page. A page may hold fewer jobs than
  /// asked for, even none, and still have a next.
  std::string next_cursor{};
};

struct QueueCounts {
  std::string queue{};
  bool paused = false;
  /// By JobState.
  std::array<std::int64_t, kJobStateCount> states{};
  /// When the oldest ready job became due; unset: none is ready.
  std::optional<TimePoint> oldest_ready{};
};

/// How long ended jobs are kept, from their end: 0 to 100 years; what is beyond is taken as that.
struct Retention {
  std::chrono::milliseconds succeeded{std::chrono::hours(24 * 7)};
  std::chrono::milliseconds failed{std::chrono::hours(24 * 30)};
  std::chrono::milliseconds cancelled{std::chrono::hours(24 * 7)};
  /// Most jobs that one prune() removes; 1 to 100,000.
  std::size_t limit = 1'000;
};

struct Erased {
  /// Where the payload lay in the BlobStore, from which it has been removed when one is set; empty:
  /// in the row.
  std::string payload_blob{};
};

struct Pruned {
  std::size_t jobs = 0;
  std::size_t ledger_entries = 0;
  /// BlobStore keys of removed payloads; prune() has removed them when a BlobStore is set.
  std::vector<std::string> payload_blobs{};
};

}  // namespace rwp::jobs
