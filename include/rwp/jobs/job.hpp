#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/uuid.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::jobs {

using TimePoint = std::chrono::system_clock::time_point;

/// Where a job stands. `scheduled` waits for its time (a retry's backoff too), `ready` for a
/// worker, `running` is leased, `parked` waits for an outside event; the last three are ends.
enum class JobState : std::uint8_t {
  scheduled,
  ready,
  running,
  parked,
  succeeded,
  failed,  ///< The dead letters.
  cancelled,
};
constexpr std::size_t kJobStateCount = 7;

constexpr bool has_ended(JobState state) noexcept { return state >= JobState::succeeded; }

/// A set of states, as for unique keys and filters.
class StateSet {
 public:
  constexpr StateSet() = default;
  constexpr StateSet(std::initializer_list<JobState> states) {
    for (const JobState state : states) bits_ |= bit(state);
  }
  /// Every state that is not an end.
  static constexpr StateSet open() {
    return {JobState::scheduled, JobState::ready, JobState::running, JobState::parked};
  }
  static constexpr StateSet all() {
    return {JobState::scheduled, JobState::ready,  JobState::running,  JobState::parked,
            JobState::succeeded, JobState::failed, JobState::cancelled};
  }
  constexpr bool contains(JobState state) const { return (bits_ & bit(state)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr std::uint8_t bits() const { return bits_; }
  static constexpr StateSet from_bits(std::uint8_t bits) {
    StateSet set;
    set.bits_ = bits & 0x7FU;
    return set;
  }
  friend constexpr bool operator==(StateSet, StateSet) = default;

 private:
  static constexpr std::uint8_t bit(JobState state) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(state));
  }
  std::uint8_t bits_ = 0;
};

/// Ready jobs of a better level go first; within a level, first in, first out.
enum class Priority : std::uint8_t { urgent, high, normal, low };
constexpr std::size_t kPriorityCount = 4;

/// Why a job stands at its end.
enum class EndReason : std::uint8_t {
  none,       ///< Not at an end, or it succeeded.
  error,      ///< The handler said: for good.
  exhausted,  ///< The last attempt failed.
  crashed,    ///< It killed its worker more often than its crash budget allows.
  cancelled,
};

/// "Only one of these": a submit whose key stands already, in one of `states` and not older than
/// `period`, makes no job and answers the one that stands. Judged against the job that took the key
/// last.
struct UniqueRule {
  /// 1 to 512 bytes; within the tenant. Empty: no rule.
  std::string key{};
  StateSet states = StateSet::open();
  /// Zero: however old.
  std::chrono::milliseconds period{0};
};

/// A job to be. Only `kind` is needed.
struct NewJob {
  /// Made by the submitter, so that repeating a submit is safe. Nil: made on insert.
  Uuid id{};
  /// What to do; names the handler. 1 to 128 of a-z A-Z 0-9 . _ - /
  std::string kind{};
  /// Of the payload's shape; 1 to 1,000,000. Only workers that know the version get the job.
  int version = 1;
  /// As `kind`.
  std::string queue = "default";
  /// At most 1 MiB; with a BlobStore at hand, larger ones go there, up to 256 MiB.
  JsonText payload{};
  Priority priority = Priority::normal;
  /// Not before this time of the store's clock. Unset: now.
  std::optional<TimePoint> run_at{};
  /// Not before this long after the insert; added to `run_at` when both are given.
  std::chrono::milliseconds delay{0};
  /// Attempts that may fail before the job has failed; 1 to 1,000.
  int max_attempts = 20;
  /// Longest that one run may take; zero: the worker's default for the kind.
  std::chrono::milliseconds timeout{0};
  /// The same key with the same payload answers the same job for seven days at least, and for as
  /// long as the job is kept; with another payload it is a conflict. 1 to 256 bytes; empty: none.
  std::string idempotency_key{};
  UniqueRule unique{};
  /// At most 16 of 1 to 64 bytes.
  std::vector<std::string> tags{};
  /// At most 128 bytes; empty: none.
  std::string tenant{};
  /// W3C `traceparent` of the submitter; empty: none.
  std::string traceparent{};
};

/// What an attempt that failed, or a run that died, left behind.
struct JobError {
  /// Which attempt, from 1.
  int attempt = 0;
  TimePoint at{};
  std::string code{};
  std::string message{};
};

/// The errors kept with a job; older ones go first.
constexpr std::size_t kMaxErrorsKept = 20;

/// A job as a store shows it.
struct Job {
  Uuid id{};
  std::string kind{};
  int version = 1;
  std::string queue{};
  JsonText payload{};
  /// Where a payload too large for the row lies in the BlobStore; empty: in `payload`.
  std::string payload_blob{};
  JobState state = JobState::ready;
  EndReason end_reason = EndReason::none;
  Priority priority = Priority::normal;
  TimePoint created_at{};
  /// When it became, or becomes, due.
  TimePoint run_at{};
  /// Of the latest run.
  std::optional<TimePoint> started_at{};
  std::optional<TimePoint> finished_at{};
  /// Attempts that have failed. Snooze, hand-back and crashes leave it alone.
  int attempt = 0;
  int max_attempts = 20;
  /// Deaths of processes in which the job was running; see docs/concepts.md, "Crashes".
  int suspect_marks = 0;
  int crashes = 0;
  std::chrono::milliseconds timeout{0};
  /// Raised with every dispatch; 0: never dispatched.
  std::uint64_t run_token = 0;
  bool cancel_requested = false;
  std::string idempotency_key{};
  std::string unique_key{};
  std::vector<std::string> tags{};
  std::string tenant{};
  std::string traceparent{};
  /// 0 to 1, and what the handler says of it.
  double progress = 0;
  std::string progress_note{};
  /// What the handler saved to continue from.
  std::optional<JsonText> cursor{};
  std::optional<JsonText> result{};
  std::vector<JobError> errors{};
  /// While parked: what it waits for.
  std::string park_key{};
};

}  // namespace rwp::jobs

namespace rwp {

template <>
struct DescribeEnum<jobs::JobState> {
  static constexpr std::array<std::pair<jobs::JobState, std::string_view>, 7> values = {{
      {jobs::JobState::scheduled, "scheduled"},
      {jobs::JobState::ready, "ready"},
      {jobs::JobState::running, "running"},
      {jobs::JobState::parked, "parked"},
      {jobs::JobState::succeeded, "succeeded"},
      {jobs::JobState::failed, "failed"},
      {jobs::JobState::cancelled, "cancelled"},
  }};
};

template <>
struct DescribeEnum<jobs::Priority> {
  static constexpr std::array<std::pair<jobs::Priority, std::string_view>, 4> values = {{
      {jobs::Priority::urgent, "urgent"},
      {jobs::Priority::high, "high"},
      {jobs::Priority::normal, "normal"},
      {jobs::Priority::low, "low"},
  }};
};

template <>
struct DescribeEnum<jobs::EndReason> {
  static constexpr std::array<std::pair<jobs::EndReason, std::string_view>, 5> values = {{
      {jobs::EndReason::none, "none"},
      {jobs::EndReason::error, "error"},
      {jobs::EndReason::exhausted, "exhausted"},
      {jobs::EndReason::crashed, "crashed"},
      {jobs::EndReason::cancelled, "cancelled"},
  }};
};

}  // namespace rwp
