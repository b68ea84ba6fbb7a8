#pragma once

#include <rwp/core/blob_store.hpp>
#include <rwp/core/clock.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/url.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/record_store.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace rwp {
class SchemeRegistry;
}

namespace rwp::jobs_tiered {

struct TieredOptions {
  /// Most jobs of one lane (queue, kind and version) and priority that Redis holds, and most bytes
  /// of them; what is beyond waits in the record. 100 to 1,000,000 jobs; 1 MiB to 4 GiB.
  std::size_t window_jobs = 50'000;
  std::size_t window_bytes = std::size_t{64} << 20U;
  /// Tells several stores on one Redis apart: 1 to 64 letters, digits, - and _.
  std::string name = "jobs";
  /// How often what is recorded as handed out is looked for in Redis. 100 ms to 10 min.
  std::chrono::milliseconds look_every{5'000};
  /// For payloads above 1 MiB; may be null.
  std::shared_ptr<BlobStore> blobs{};
  /// Null: Redis' clock judges leases. Only tests set one.
  std::shared_ptr<const Clock> clock{};
  observability::Logger log{};
  /// May be null. Series: rwp_tiered_claim_seconds, rwp_tiered_tickets_total (outcome: pushed,
  /// full, lost), rwp_tiered_taken_directly_total, rwp_tiered_reconciler_finds_total,
  /// rwp_tiered_checks_total (outcome),
  /// rwp_tiered_open (0 or 1), rwp_tiered_window_jobs, rwp_tiered_dispatch_round_trips_total
  /// (call); with those of the record and of the Redis driver.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Opens a job store whose record is `record` and whose jobs are handed out by Redis 7 or later.
///
/// A submit is answered when the record has it; a claim asks Redis alone, unless it wants many of
/// what no window holds; a completion is one statement of the record for many jobs. Redis may be
/// away, forget, or go back: what runs goes on and ends, submits go on, and nothing is run, or
/// paid, a second time. See docs/concepts.md.
///
/// Errors: invalid_argument (the URL, an option), and those of the record. Redis need not be there.
/// Blocks while it opens; not to be called on the runtime's own I/O thread.
Result<std::shared_ptr<jobs::JobStore>> open_tiered_job_store(
    Runtime& runtime, std::shared_ptr<jobs::RecordStore> record, const Url& redis,
    TieredOptions options);

/// Adds `tiered:` for jobs::JobStore: "tiered:" and the URLs of record and Redis with a comma
/// between, such as tiered:postgres://u@h/db,redis://h:6379/0. The record is opened by what
/// `registry` has for its scheme now. Options on the Redis URL besides its own: `window=N`,
/// `window_bytes=N`, `name=…`, `look_every=5s`. Also for jobs::RecordStore: the record alone.
void register_tiered(SchemeRegistry& registry, TieredOptions options = TieredOptions());

}  // namespace rwp::jobs_tiered
