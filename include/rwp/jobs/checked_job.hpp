#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/jobs/requests.hpp>

#include <optional>
#include <string>
#include <vector>

/// What a backend gets: arguments that keep every rule that can be judged without the store.
namespace rwp::jobs {

constexpr std::size_t kMaxInlinePayloadBytes = 1024 * 1024;
constexpr std::size_t kMaxPayloadBytes = 256 * 1024 * 1024;
constexpr std::size_t kMaxResultBytes = 1024 * 1024;
constexpr std::size_t kMaxCursorBytes = 64 * 1024;
constexpr std::size_t kMaxChildren = 10'000;
/// How long the ledger answers for a submit after it was made, at least.
constexpr std::chrono::hours kLedgerAge{24 * 7};
/// How far the time in a job's id may be ahead of the store's clock.
constexpr std::chrono::hours kIdAhead{24};

/// A NewJob whose fields keep their rules and whose id is set.
struct CheckedJob {
  NewJob job{};
  /// Set when the payload has been moved to the BlobStore; `job.payload` is then null.
  std::string payload_blob{};
  /// Of the payload's bytes as submitted; set with an idempotency key or a payload_blob.
  std::optional<Sha256> payload_digest{};
};

/// A Completion whose outcome and children keep their rules.
struct CheckedCompletion {
  RunRef run{};
  RunOutcome outcome = HandBack{};
  std::vector<CheckedJob> children{};
};

/// Judges one job against the rules stated at NewJob; sets a nil id from the store's time `now`.
/// `Errc::invalid_argument` names the field and the rule.
Result<CheckedJob> check(NewJob job, TimePoint now);

/// Judges an outcome alone (its children are judged as jobs).
Result<void> check(const RunOutcome& outcome);
Result<void> check(const ClaimRequest& request);
Result<void> check(const ProgressUpdate& update);
Result<void> check(const UnparkRequest& request);
Result<void> check(const JobFilter& filter);
/// The rule for kinds and queues.
Result<void> check_name(std::string_view field, std::string_view name);

}  // namespace rwp::jobs
