#pragma once

#include <rwp/core/uuid.hpp>
#include <rwp/jobs/job_store.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What goes through a Dispatch.
namespace rwp::jobs_tiered {

/// The record's number of a kind and version in a queue.
using LaneId = std::int64_t;

/// One dispatch of a job: whoever claims it may run the job under this token.
struct Ticket {
  Uuid id{};
  std::uint64_t token = 0;
  /// Rises with every ticket that the record gives out; what the watermark is compared with.
  std::int64_t stamp = 0;
  LaneId lane = 0;
  jobs::Priority priority = jobs::Priority::normal;
  /// The place in the lane's order; below 2^53.
  std::int64_t seq = 0;
  /// Runs with nothing else in its process: ends a claim.
  bool alone = false;
  /// For the claimer; opaque here. Up to some 64 KiB.
  std::string body{};
};

enum class PushOutcome : std::uint8_t { queued, full };

struct LaneOfQueue {
  LaneId lane = 0;
  /// For the look whether it is paused.
  std::string queue{};
};

struct TicketClaim {
  std::vector<LaneOfQueue> lanes{};
  std::size_t limit = 1;
  std::size_t start = 1;
  std::chrono::milliseconds lease{30'000};
  std::size_t max_bytes = std::size_t{16} << 20U;
};

struct ClaimedTicket {
  Uuid id{};
  std::uint64_t token = 0;
  LaneId lane = 0;
  jobs::Priority priority = jobs::Priority::normal;
  bool alone = false;
  bool started = false;
  /// Its stamp is not above the watermark: only the record knows whether it may run.
  bool must_check = false;
  std::string body{};
};

/// Of one lane and priority.
struct Window {
  std::size_t jobs = 0;
  std::size_t bytes = 0;
  /// Jobs of the lane and priority wait in the record.
  bool has_backlog = false;
  /// How many more tickets there is room for, as far as it is known.
  std::size_t room = 0;
};

struct StampedJob {
  Uuid id{};
  std::int64_t stamp = 0;
};

enum class WithdrawOutcome : std::uint8_t { removed, leased, absent };

struct TicketPlace {
  enum class Where : std::uint8_t { absent, queued, leased };
  Where where = Where::absent;
  /// Of the ticket or the lease.
  std::uint64_t token = 0;
  /// Of a lease: when it was claimed, in the server's milliseconds since 1970 (or the test's).
  std::int64_t claimed_at = 0;
  /// Of a lease.
  bool started = false;
};

/// For verification.
struct AuditedTicket {
  Uuid id{};
  /// Queued or leased.
  TicketPlace::Where where = TicketPlace::Where::queued;
  std::uint64_t token = 0;
  /// Of a ticket; above the watermark nobody checks it.
  std::int64_t stamp = 0;
  /// A ticket: a claim will find it. A lease: it ends some time.
  bool is_whole = false;
};

struct Audit {
  std::vector<AuditedTicket> found{};
  std::int64_t watermark = 0;
  /// With the first page: tickets by id, and in the windows, which should be the same.
  std::size_t tickets = 0;
  std::size_t tickets_in_windows = 0;
  /// Empty: the last page.
  std::string next_cursor{};
};

struct LaneLook {
  LaneId lane = 0;
  std::size_t leases = 0;
  std::size_t tickets = 0;
  /// The first ticket of each priority that has one.
  std::vector<Uuid> heads{};
};

struct LapsedLease {
  Uuid id{};
  std::uint64_t token = 0;
  /// Its handler may have begun.
  bool started = false;
};

struct Opening {
  bool is_open = false;
  std::chrono::milliseconds waited{0};
};

struct OpenRequest {
  std::chrono::milliseconds waited{0};
  std::int64_t watermark = 0;
  /// Of the reconciler's lease in the record; rises with each holder.
  std::int64_t term = 0;
  std::vector<std::string> paused_queues{};
};

}  // namespace rwp::jobs_tiered
