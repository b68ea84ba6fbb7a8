#include "pods/candidate_handler.hpp"

#include "pods/budget_wait.hpp"
#include "pods/event_text.hpp"
#include "pods/forgotten.hpp"
#include <rwp/analytics/event_type.hpp>
#include <rwp/analytics/outbox.hpp>
#include <rwp/recruitment/parse.hpp>
#include <rwp/storage/artefact.hpp>

#include <chrono>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using jobs::Awaitable;
using recruitment::Candidate;
using recruitment::CandidateSource;

analytics::Event parsed_event(const Candidate& candidate, const DocumentFacts& document,
                              const std::string& tenant) {
  auto event = analytics::make_event(analytics::EventType::candidate_parsed, "rwp-worker");
  auto& parameters = event.parameters;
  parameters["candidate"] = pseudonym(tenant, candidate.candidate_id);
  parameters["model"] = parameter_text(candidate.provenance.model);
  parameters["prompt"] = parameter_text(candidate.provenance.prompt);
  parameters["media_type"] = parameter_text(document.media_type);
  parameters["skills"] = static_cast<std::int64_t>(candidate.skills.size());
  parameters["posts"] = static_cast<std::int64_t>(candidate.experience.size());
  if (candidate.years_experience) parameters["years_experience"] = *candidate.years_experience;
  if (candidate.seniority) {
    parameters["seniority"] = std::string(enum_name(*candidate.seniority));
  }
  return event;
}

Awaitable<Result<ParseResult>> parse_and_store(HandlerParts parts, CandidateSource source,
                                               jobs::JobContext& context) {
  const std::string tenant = context.job().tenant;
  if (auto checked = recruitment::check_source(source, tenant); !checked) {
    co_return checked.error().with_context("payload");
  }
  Forgotten forgotten(parts.objects);
  const auto held = co_await forgotten.holds(tenant, source.id);
  if (!held) co_return held.error();
  if (*held) co_return forgotten_error();
  recruitment::CandidateText text;
  text.id = source.id;
  text.as_of = source.as_of;
  auto read = co_await read_cv_text(parts, std::move(source));
  if (!read) co_return read.error();
  text.text = std::move(read->text);

  auto model = co_await model_of_run(parts.model, parts.waiting, context);
  if (!model) co_return model.error();
  recruitment::CallOptions options;
  options.tenant = tenant;
  options.subject = subject_of(tenant, text.id);
  options.deadline = context.deadline();
  options.trace = context.trace();
  auto candidate =
      co_await recruitment::parse_candidate(std::move(*model), std::move(text), std::move(options));
  if (!candidate) co_return end_without_answer(context, candidate.error(), *parts.trouble);
  if (context.stop_reason() == jobs::StopReason::drain) co_return context.hand_back();

  ParseResult result;
  result.object = recruitment::candidate_key(tenant, candidate->candidate_id);
  result.document = std::move(read->document);
  result.candidate = std::move(*candidate);
  storage::PutOptions put_options;
  put_options.content_type = "application/json";
  auto stored = co_await storage::put_with_digest(
      parts.objects, result.object, encode(result.candidate).release(), std::move(put_options));
  if (!stored) {
    parts.trouble->note("object store", stored.error());
    co_return stored.error().with_context("object store").with_retryable(true);
  }
  // Whoever was put on the list meanwhile may have been looked for before this was stored.
  const auto held_now = co_await forgotten.holds(tenant, result.candidate.candidate_id);
  if (!held_now || *held_now) {
    const auto removed = co_await remove_for_good(parts.objects, result.object);
    if (!held_now) co_return held_now.error();
    if (!removed) co_return removed.error().with_context("object store").with_retryable(true);
    co_return forgotten_error();
  }

  std::vector<analytics::Event> events;
  events.push_back(parsed_event(result.candidate, result.document, tenant));
  auto messages = analytics::to_outbox(events);
  if (!messages) co_return messages.error().with_context("event");
  for (auto& message : *messages) {
    message.subject = subject_of(tenant, result.candidate.candidate_id);
    context.emit(std::move(message));
  }
  co_return result;
}

}  // namespace

void handle_candidates(jobs::Worker& worker, HandlerParts parts) {
  jobs::HandlerOptions options;
  options.timeout = std::chrono::minutes(5);
  // A plain function that starts a coroutine: it holds its own copies, and no captures.
  worker.handle<CandidateSource>(
      [parts = std::move(parts)](CandidateSource source, jobs::JobContext& context) {
        return parse_and_store(parts, std::move(source), context);
      },
      options);
}

}  // namespace rwp::pods
