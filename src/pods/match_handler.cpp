#include "pods/budget_wait.hpp"
#include "pods/candidate_handler.hpp"
#include "pods/event_text.hpp"
#include "pods/forgotten.hpp"
#include <rwp/analytics/event_type.hpp>
#include <rwp/analytics/outbox.hpp>
#include <rwp/recruitment/enrich.hpp>
#include <rwp/recruitment/match.hpp>
#include <rwp/recruitment/match_request.hpp>
#include <rwp/recruitment/parse.hpp>

#include <chrono>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using jobs::Awaitable;
using recruitment::Match;
using recruitment::MatchRequest;

analytics::Event scored_event(const Match& match, const std::string& tenant) {
  auto event = analytics::make_event(analytics::EventType::match_scored, "rwp-worker");
  auto& parameters = event.parameters;
  parameters["candidate"] = pseudonym(tenant, match.candidate_id);
  parameters["ad_id"] = parameter_text(match.ad_id);
  parameters["model"] = parameter_text(match.provenance.model);
  parameters["prompt"] = parameter_text(match.provenance.prompt);
  parameters["score"] = static_cast<std::int64_t>(match.score);
  parameters["tier"] = std::string(enum_name(match.tier));
  return event;
}

/// What an earlier job has stored; `field` names the id in errors.
template <class Record>
Awaitable<Result<Record>> load(HandlerParts parts, std::string key, std::string field) {
  auto content = co_await parts.objects->get(key);
  if (!content) {
    if (content.error().code() == Errc::not_found) {
      co_return Error(Errc::not_found, field + ": nothing is stored under this id");
    }
    parts.trouble->note("object store", content.error());
    co_return content.error().with_context(field).with_retryable(true);
  }
  auto json = JsonText::parse(std::move(*content));
  if (!json) co_return Error(Errc::corrupt, field + ": " + json.error().message());
  auto record = decode<Record>(*json);
  if (!record) co_return Error(Errc::corrupt, field + ": " + record.error().message());
  co_return std::move(*record);
}

Awaitable<Result<Match>> score(HandlerParts parts, MatchRequest request,
                               jobs::JobContext& context) {
  const std::string tenant = context.job().tenant;
  if (auto checked = recruitment::check_request(request); !checked) {
    co_return checked.error().with_context("payload");
  }
  Forgotten forgotten(parts.objects);
  const auto held = co_await forgotten.holds(
      tenant, request.candidate ? request.candidate->candidate_id : request.candidate_id);
  if (!held) co_return held.error();
  if (*held) co_return forgotten_error();
  if (!request.candidate) {
    auto candidate = co_await load<recruitment::Candidate>(
        parts, recruitment::candidate_key(tenant, request.candidate_id), "candidate_id");
    if (!candidate) co_return candidate.error();
    request.candidate = std::move(*candidate);
  }
  if (!request.ad) {
    auto ad = co_await load<recruitment::AdRecord>(parts, recruitment::enriched_key(request.ad_id),
                                                   "ad_id");
    if (!ad) co_return ad.error();
    request.ad = std::move(*ad);
  }
  auto model = co_await model_of_run(parts.model, parts.waiting, context);
  if (!model) co_return model.error();
  recruitment::CallOptions options;
  options.tenant = tenant;
  options.subject = subject_of(tenant, request.candidate->candidate_id);
  options.deadline = context.deadline();
  options.trace = context.trace();
  auto match = co_await recruitment::score_match(std::move(*model), std::move(*request.candidate),
                                                 std::move(*request.ad), std::move(options));
  if (!match) co_return end_without_answer(context, match.error(), *parts.trouble);
  if (context.stop_reason() == jobs::StopReason::drain) co_return context.hand_back();

  std::vector<analytics::Event> events;
  events.push_back(scored_event(*match, tenant));
  auto messages = analytics::to_outbox(events);
  if (!messages) co_return messages.error().with_context("event");
  for (auto& message : *messages) {
    message.subject = subject_of(tenant, match->candidate_id);
    context.emit(std::move(message));
  }
  co_return std::move(*match);
}

}  // namespace

void handle_matches(jobs::Worker& worker, HandlerParts parts) {
  jobs::HandlerOptions options;
  options.timeout = std::chrono::minutes(5);
  // As for candidates: no captures in the coroutine.
  worker.handle<MatchRequest>(
      [parts = std::move(parts)](MatchRequest request, jobs::JobContext& context) {
        return score(parts, std::move(request), context);
      },
      options);
}

}  // namespace rwp::pods
