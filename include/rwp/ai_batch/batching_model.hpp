#pragma once

#include <rwp/ai/batch_format.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/ai_batch/batch_handlers.hpp>
#include <rwp/ai_batch/booking_options.hpp>
#include <rwp/jobs/job_context.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace rwp::ai_batch {

struct BatchingOptions {
  /// The queue whose worker makes batches at the service of this model: BatchOptions::queue.
  std::string queue = kBatchQueue;
  /// When the job's result is needed. Unset: whenever it comes.
  std::optional<std::chrono::system_clock::time_point> needed_by{};
  /// A call that is needed sooner than this from now is made at once: a batch may take a day, and
  /// may have to be made again.
  std::chrono::milliseconds batch_takes{std::chrono::hours(25)};
  /// How long the job waits for its batch; then its call is made at once.
  std::chrono::milliseconds longest_wait{std::chrono::hours(72)};
  BookingOptions booking{};
};

/// A model for one run of a job that is able to wait: chat() parks the job, and its request goes
/// into a batch (batch_handlers.hpp) at half the price. When the job is resumed, the same call
/// answers what the batch brought.
///
///     auto model = ai_batch::make_batching_model(openai, format, context);
///     auto reply = co_await model->chat(request);
///     if (!reply) co_return reply.error();   // Also while it waits: hand that error on.
///
/// - The first chat() of a run waits; another one, and a repair, is made at once. So are streams,
///   embeddings, what is needed too soon, and what its batch could not bring in time.
/// - The call must be the same after the job is resumed, to the byte: make it from the payload.
/// - An answer of a batch has the service tier "batch", by which price tables know its price.
/// - An attempt that failed with its answer asks for another; a run whose process died has the
///   answer again.
/// - A line that failed for good is the error that a direct call would be.
/// Redaction, caches and limits within `now` are not asked for calls that wait: put what has to
/// see them around this model. Threads, lifetime: as every Model; `context` outlives it.
std::shared_ptr<ai::Model> make_batching_model(std::shared_ptr<ai::Model> now,
                                               std::shared_ptr<const ai::BatchFormat> format,
                                               jobs::JobContext& context,
                                               BatchingOptions options = BatchingOptions());

}  // namespace rwp::ai_batch
