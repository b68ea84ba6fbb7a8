#include "pods/enrich_handler.hpp"

#include "pods/budget_wait.hpp"
#include "pods/event_text.hpp"
#include <rwp/analytics/batching_sink.hpp>
#include <rwp/analytics/event_type.hpp>
#include <rwp/analytics/outbox.hpp>
#include <rwp/jobs/outbox_job.hpp>
#include <rwp/recruitment/enrich.hpp>
#include <rwp/storage/artefact.hpp>

#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using jobs::Awaitable;
using recruitment::AdRecord;
using recruitment::EnrichedAd;
using recruitment::JobAd;

/// No advert's text: events are for counting.
analytics::Event enriched_event(const EnrichedAd& enriched) {
  auto event = analytics::make_event(analytics::EventType::job_ad_enriched, "rwp-worker");
  auto& parameters = event.parameters;
  parameters["ad_id"] = parameter_text(enriched.ad_id);
  parameters["model"] = parameter_text(enriched.provenance.model);
  parameters["prompt"] = parameter_text(enriched.provenance.prompt);
  parameters["quality_score"] = static_cast<std::int64_t>(enriched.quality_score);
  parameters["skills"] = static_cast<std::int64_t>(enriched.skills.size());
  parameters["off_putting"] = static_cast<std::int64_t>(enriched.off_putting_wording.size());
  parameters["states_pay"] = enriched.salary.has_value();
  if (enriched.seniority) {
    parameters["seniority"] = std::string(enum_name(*enriched.seniority));
  }
  if (enriched.employment_type) {
    parameters["employment_type"] = std::string(enum_name(*enriched.employment_type));
  }
  return event;
}

Awaitable<Result<EnrichResult>> enrich_and_store(HandlerParts parts, JobAd ad,
                                                 jobs::JobContext& context) {
  auto model = co_await model_of_run(parts.model, parts.waiting, context);
  if (!model) co_return model.error();
  recruitment::CallOptions options;
  options.tenant = context.job().tenant;
  options.deadline = context.deadline();
  options.trace = context.trace();
  AdRecord record;
  record.ad = ad;
  auto enriched =
      co_await recruitment::enrich(std::move(*model), std::move(ad), std::move(options));
  if (!enriched) co_return end_without_answer(context, enriched.error(), *parts.trouble);
  if (context.stop_reason() == jobs::StopReason::drain) co_return context.hand_back();
  record.enriched = std::move(*enriched);

  const std::string key = recruitment::enriched_key(record.ad.id);
  storage::PutOptions put_options;
  put_options.content_type = "application/json";
  auto stored = co_await storage::put_with_digest(parts.objects, key, encode(record).release(),
                                                  std::move(put_options));
  if (!stored) {
    parts.trouble->note("object store", stored.error());
    co_return stored.error().with_context("object store").with_retryable(true);
  }

  std::vector<analytics::Event> events;
  events.push_back(enriched_event(record.enriched));
  auto messages = analytics::to_outbox(events);
  if (!messages) co_return messages.error().with_context("event");
  for (auto& message : *messages) context.emit(std::move(message));

  EnrichResult result;
  result.ad_id = record.ad.id;
  result.object = key;
  result.model = record.enriched.provenance.model;
  result.prompt = record.enriched.provenance.prompt;
  result.prompt_digest = record.enriched.provenance.prompt_digest;
  result.quality_score = record.enriched.quality_score;
  result.skills = static_cast<int>(record.enriched.skills.size());
  co_return result;
}

Awaitable<Result<JsonText>> deliver(HandlerParts parts, jobs::JobContext& context) {
  auto messages = jobs::read_outbox_job(context.job().payload);
  if (!messages) co_return messages.error();
  auto delivered = co_await analytics::deliver_messages(*parts.sink, std::move(*messages));
  if (!delivered) {
    if (delivered.error().retryable()) parts.trouble->note("analytics", delivered.error());
    co_return delivered.error();
  }
  co_return JsonText();
}

}  // namespace

void handle_enrichment(jobs::Worker& worker, HandlerParts parts) {
  jobs::HandlerOptions options;
  options.timeout = std::chrono::minutes(5);
  // Plain functions that start a coroutine: it holds its own copies, and no captures.
  worker.handle<JobAd>(
      [parts = std::move(parts)](JobAd ad, jobs::JobContext& context) {
        return enrich_and_store(parts, std::move(ad), context);
      },
      options);
}

void handle_analytics_outbox(jobs::Worker& worker, HandlerParts parts) {
  jobs::HandlerOptions options;
  options.timeout = std::chrono::minutes(1);
  parts.sink = analytics::make_batching_sink(std::move(parts.sink));
  worker.handle(
      jobs::outbox_kind(analytics::kOutboxTopic),
      [parts = std::move(parts)](jobs::JobContext& context) { return deliver(parts, context); },
      options);
}

}  // namespace rwp::pods
