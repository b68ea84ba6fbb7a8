#pragma once

#include <rwp/core/json_text.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/jobs/job.hpp>
#include <rwp/jobs/requests.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How stores in SQL databases write what few jobs have: for the authors of backends.
namespace rwp::jobs {

/// What most runs leave nothing of; kept as JSON beside the row that changes.
struct StoredMore {
  std::vector<JobError> errors{};
  double progress = 0;
  std::string note{};
  std::optional<JsonText> cursor{};
  std::string park_key{};
  std::optional<Resume> resume{};

  bool empty() const;
  /// Empty text for nothing.
  std::string write() const;
  static StoredMore read(std::string_view text);
  void add_error(int attempt, TimePoint at, const Error& error);
};

/// What a submit says and most do not; written once.
struct StoredRare {
  std::vector<std::string> tags{};
  std::string idempotency_key{};
  std::string unique_key{};
  StateSet unique_states = StateSet::open();
  std::string traceparent{};

  bool empty() const;
  /// Empty text for nothing.
  std::string write() const;
  static StoredRare read(std::string_view text);
  static StoredRare of(const NewJob& job);
};

/// A unique key within its tenant.
std::string unique_row_key(const std::string& tenant, const std::string& key);
/// The ledger's key for an idempotency key within its tenant.
Sha256 ledger_key(const std::string& tenant, const std::string& idempotency_key);
/// The digest in a BlobStore key that the library made for a payload.
Sha256 digest_from_blob_key(std::string_view key);

/// Milliseconds since 1970.
std::int64_t to_ms(TimePoint time);
TimePoint from_ms(std::int64_t ms);

}  // namespace rwp::jobs
