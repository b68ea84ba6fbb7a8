#include "pods/ai_waiting.hpp"

#include "pods/time_text.hpp"
#include <rwp/ai/redacted.hpp>
#include <rwp/ai_batch/batch_handlers.hpp>
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/async.hpp>

#include <algorithm>
#include <utility>

namespace rwp::pods {
namespace {

/// Every step of a batch can be taken up again, so its worker need not wait for any.
constexpr std::chrono::milliseconds kBatchDrainGrace{1'000};
/// Requests that gather hold a slot each; batches and looks at them need some, too.
constexpr std::size_t kSlotsBeside = 256;
constexpr std::size_t kMostSlots = 10'000;
/// Of the AI pods, whose service is another than that of the workers on the same store: for these
/// it is the AI pods.
constexpr const char* kQueueOfAiPods = "rwp.ai.batch.service";

}  // namespace

Result<std::optional<WaitMark>> read_wait_mark(const std::vector<std::string>& tags) {
  std::optional<WaitMark> mark;
  for (const auto& tag : tags) {
    if (tag == kCanWaitTag && !mark) mark.emplace();
    if (!tag.starts_with(kNeededByTag)) continue;
    const auto time = parse_rfc3339(std::string_view(tag).substr(kNeededByTag.size()));
    if (!time) return time.error().with_context("tag \"" + tag + "\"");
    mark = WaitMark{.needed_by = *time};
  }
  return mark;
}

Result<std::shared_ptr<const AiWaiting>> open_ai_waiting(const Configuration& configuration,
                                                         const ai::Model& bare,
                                                         std::shared_ptr<jobs::JobStore> store,
                                                         const AiStackParts& around) {
  if (!configuration.ai_batch) return std::shared_ptr<const AiWaiting>();
  const auto* service = dynamic_cast<const ai_openai::OpenAiModel*>(&bare);
  if (service == nullptr) {
    return Error(Errc::invalid_argument,
                 "--ai-batch: the model of --ai-url has no batches; it needs one that speaks "
                 "OpenAI's protocol");
  }
  auto api = service->batches();
  if (!api) return api.error().with_context("--ai-batch");
  auto format = service->batch_format();
  if (!format) return format.error().with_context("--ai-batch needs --ai-model");
  auto prices = ai_prices(configuration);
  if (!prices) return prices.error();
  auto waiting = std::make_shared<AiWaiting>();
  waiting->store = std::move(store);
  waiting->format = std::move(*format);
  waiting->api = std::move(*api);
  waiting->redact = configuration.ai_redact;
  if (configuration.role == Role::ai) waiting->options.queue = kQueueOfAiPods;
  waiting->options.batch_takes = configuration.ai_batch_takes;
  waiting->options.booking.meter = ai_meter(around, *prices);
  waiting->options.booking.budget = ai_budget(configuration, around, std::move(*prices));
  return std::shared_ptr<const AiWaiting>(std::move(waiting));
}

std::unique_ptr<jobs::Worker> make_batch_worker(const Configuration& configuration,
                                                const AiWaiting& waiting, Runtime& handlers,
                                                const AiStackParts& around) {
  ai_batch::BatchOptions batch;
  batch.queue = waiting.options.queue;
  batch.max_rows = configuration.ai_batch_rows;
  batch.max_age = configuration.ai_batch_age;
  batch.poll_every = configuration.ai_batch_poll_every;
  batch.request_timeout = configuration.ai_batch_request_timeout;
  batch.endpoint = waiting.format->endpoint();
  batch.format = waiting.format;
  batch.booking = waiting.options.booking;
  batch.log = around.log;
  batch.metrics = around.metrics;
  jobs::WorkerOptions options;
  options.queues = {batch.queue};
  options.concurrency = std::min(configuration.ai_batch_rows + kSlotsBeside, kMostSlots);
  // What was taken must run, as it is counted for its batch only then.
  options.max_prefetch = 0;
  options.drain_grace = std::min(configuration.drain_grace, kBatchDrainGrace);
  options.log = around.log;
  options.spans = around.spans;
  auto worker = std::make_unique<jobs::Worker>(waiting.store, handlers, std::move(options));
  ai_batch::add_batch_handlers(*worker, waiting.store, waiting.api, std::move(batch));
  return worker;
}

std::shared_ptr<ai::Model> make_waiting_model(std::shared_ptr<ai::Model> model,
                                              const AiWaiting& waiting, jobs::JobContext& context,
                                              ai_batch::BatchingOptions options) {
  auto batching =
      ai_batch::make_batching_model(std::move(model), waiting.format, context, std::move(options));
  return waiting.redact ? ai::make_redacted(std::move(batching)) : batching;
}

jobs::Awaitable<Result<std::shared_ptr<ai::Model>>> model_of_run(
    std::shared_ptr<ai::Model> model, std::shared_ptr<const AiWaiting> waiting,
    jobs::JobContext& context) {
  if (!waiting) co_return std::move(model);
  std::vector<Uuid> ids = {context.id()};
  auto getting = waiting->store->get(std::move(ids));
  auto found = co_await on(waiting->store->runtime().executor(), std::move(getting));
  if (!found) co_return found.error().with_retryable(true);
  const auto& job = found->front();
  if (!job) co_return job.error();
  auto mark = read_wait_mark(job->tags);
  if (!mark) co_return mark.error();
  if (!*mark) co_return std::move(model);
  ai_batch::BatchingOptions options = waiting->options;
  options.needed_by = (*mark)->needed_by;
  co_return make_waiting_model(std::move(model), *waiting, context, std::move(options));
}

}  // namespace rwp::pods
