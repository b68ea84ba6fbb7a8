#pragma once

#include <rwp/core/uuid.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// What JobAdmin::verify() answers: where a store breaks its own rules.
namespace rwp::jobs {

/// Names of what may be wrong. Each backend uses those that it can tell; what it alone knows has a
/// name of its own.
namespace finding {
/// The database itself: a page, an index, a table that is gone.
constexpr std::string_view store_corrupt = "store_corrupt";
/// A job that stands in no state, so that nobody will ever run or show it.
constexpr std::string_view job_without_state = "job_without_state";
constexpr std::string_view job_in_two_states = "job_in_two_states";
/// A state (a lease, a place in a queue, an end) whose job is gone.
constexpr std::string_view state_without_job = "state_without_job";
/// Values that no job can have: an unknown state, more attempts than allowed, another queue.
constexpr std::string_view state_invalid = "state_invalid";
/// Payload, result, tags, … that are no longer what was written.
constexpr std::string_view document_corrupt = "document_corrupt";
/// A lease of nobody: its run may go on while another begins.
constexpr std::string_view lease_without_holder = "lease_without_holder";
/// A lease that ends later than any lease can, so that the job hangs.
constexpr std::string_view lease_endless = "lease_endless";
/// A run token that does not fence.
constexpr std::string_view token_invalid = "token_invalid";
/// The counts by queue and state are not what is there.
constexpr std::string_view counts_differ = "counts_differ";
/// The next job's number is taken.
constexpr std::string_view sequence_behind = "sequence_behind";
/// A submit that is repeated would make a second job.
constexpr std::string_view ledger_missing = "ledger_missing";
/// The ledger names another job, or another payload.
constexpr std::string_view ledger_differs = "ledger_differs";
constexpr std::string_view ledger_malformed = "ledger_malformed";
/// Nobody holds the unique key of an open job, so that there could be two.
constexpr std::string_view unique_missing = "unique_missing";
/// A unique key whose job is gone, or has another key.
constexpr std::string_view unique_stray = "unique_stray";
/// What hands jobs out does not hold together: tickets that no claim finds, leases that never end.
constexpr std::string_view dispatch_damaged = "dispatch_damaged";
/// A ticket that is not its job's, or of a job that is gone, and that nobody would check.
constexpr std::string_view ticket_stale = "ticket_stale";
/// Accounts hold less than was settled on them, or usage is negative.
constexpr std::string_view usage_differs = "usage_differs";
}  // namespace finding

/// One thing that is wrong.
struct Finding {
  /// One of the names above, or a backend's own.
  std::string kind{};
  /// Nil: of no one job, or its id cannot be told.
  Uuid job_id{};
  /// For a person; names what is wrong, never a payload's content.
  std::string detail{};
};

/// A payload that lies in a BlobStore, for the caller to look for.
struct BlobReference {
  Uuid job_id{};
  std::string key{};
};

/// Some of a store's rows, judged.
struct VerifyPage {
  std::vector<Finding> findings{};
  std::vector<BlobReference> payload_blobs{};
  /// Jobs, and rows of other kinds, that were looked at.
  std::size_t jobs = 0;
  std::size_t rows = 0;
  /// Leases that have lapsed or whose holder is dead: no damage, but work that waits until a worker
  /// takes it back.
  std::size_t leases_to_rescue = 0;
  /// Jobs that are recorded as handed out, while what hands them out has them not: no damage, but
  /// work that waits until they are found, within seconds while a worker runs.
  std::size_t jobs_to_hand_out = 0;
  /// 0 to 1: how much of the whole has been looked at, roughly.
  double share = 0;
  /// Give it to the next verify(); empty: this was the last page.
  std::string next_cursor{};
};

}  // namespace rwp::jobs
