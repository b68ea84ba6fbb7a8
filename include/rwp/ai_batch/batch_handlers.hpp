#pragma once

#include <rwp/ai/batch_api.hpp>
#include <rwp/ai/batch_format.hpp>
#include <rwp/ai_batch/booking_options.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace rwp::ai_batch {

/// The queue of the jobs that make batches, where no other is named.
inline constexpr const char* kBatchQueue = "rwp.ai.batch";
/// A request that waits for its batch, and a batch.
inline constexpr const char* kRowKind = "rwp.ai.batch.row";
inline constexpr const char* kBatchKind = "rwp.ai.batch";

struct BatchOptions {
  /// Where requests wait: BatchingOptions::queue. A queue's batches belong to one service, as its
  /// files do: of workers on one store, those with another service need another queue.
  std::string queue = kBatchQueue;
  /// A batch is made when so many requests have gathered, or so many bytes of them, or when the
  /// first of them has waited so long. Rows: 1 to 10,000.
  std::size_t max_rows = 10'000;
  std::size_t max_bytes = std::size_t{64} << 20U;
  std::chrono::milliseconds max_age{60'000};
  /// The endpoint of the batches: BatchFormat::endpoint().
  std::string endpoint = "/v1/chat/completions";
  /// How often a batch is looked at.
  std::chrono::milliseconds poll_every{60'000};
  /// Longest that the making of a file or batch may take. After an unknown outcome nothing is made
  /// anew before the request can no longer arrive: this long and a half more.
  std::chrono::milliseconds request_timeout{120'000};
  /// Batches that a request goes into before its job is given an error to retry by itself.
  int max_tries = 3;
  /// Removes a batch's files from the provider at its end.
  bool remove_files = true;
  /// Reads and books what was paid for jobs that no longer wait: cancelled, or ended otherwise.
  /// Null: that is booked nowhere.
  std::shared_ptr<const ai::BatchFormat> format{};
  BookingOptions booking{};
  observability::Logger log{};
  /// May be null. rwp_ai_batches_total{outcome}, rwp_ai_batch_rows_total{outcome}.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Registers what gathers requests into batches, makes these, and resumes the jobs that wait.
///
/// Give it a worker of its own, on `options.queue` and with a concurrency of at least
/// `max_rows`: requests that gather hold a slot each. Several such workers may run on one store;
/// each gathers its own.
///
/// What is durable, and where: a request is a job, made with the parking of its own job as one
/// unit. A batch is a job as well; the requests that are in it are those parked under its id, and
/// nothing else decides that. It goes step by step, each kept with the end of a run and fenced by
/// its token: gather, upload, create, look, hand out. Its id stands in the file's name and the
/// batch's metadata: after an upload or a creation of unknown outcome it is looked up, waited for
/// longer than the request may take, looked up again, and only then made anew. If two batches carry
/// one id, the later is cancelled, and what it had finished is used. Answers are bound by the
/// request's job and token. What expired, is missing or failed in passing goes into another batch.
/// Threads: before start(); `api` belongs to the worker's handlers runtime.
void add_batch_handlers(jobs::Worker& worker, std::shared_ptr<jobs::JobStore> store,
                        std::shared_ptr<ai::BatchApi> api, BatchOptions options = BatchOptions());

}  // namespace rwp::ai_batch
