#include "pods/jobadder/handlers.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/jobadder/records.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace rwp::pods {
namespace {

using jobs::Awaitable;

constexpr std::size_t kMostReasons = 5;

JsonText done(std::string_view how) {
  JsonWriter out;
  out.begin_object().member("done", how).end_object();
  return out.finish();
}

std::string text_in(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? std::string(member->as_string().value_or("")) : std::string();
}

/// "Match 78 of 100, tier A. Reason; reason."
std::string note_text(JsonView match, std::int64_t score) {
  std::string text = "Match " + std::to_string(score) + " of 100";
  const std::string tier = text_in(match, "tier");
  if (!tier.empty()) text += ", tier " + tier;
  text += ".";
  const auto reasons = match.find("reasons");
  for (std::size_t i = 0; reasons && i < std::min(reasons->size(), kMostReasons); ++i) {
    text += (i == 0 ? "\n" : "; ") + std::string(reasons->at(i).as_string().value_or(""));
  }
  return text;
}

Awaitable<Result<std::string_view>> add_note(std::shared_ptr<jobadder::Client> client,
                                             std::string path, std::string reference,
                                             std::string text, SteadyTime deadline) {
  // An earlier run may have written it and died: a POST is no repetition of itself.
  jobadder::Query query{{"reference", reference}};
  auto notes = co_await client->get(path, std::move(query), deadline);
  if (!notes) co_return notes.error();
  const JsonDocument document(*notes);
  const auto items = document.root().find("items");
  for (std::size_t i = 0; items && i < items->size(); ++i) {
    if (text_in(items->at(i), "reference") == reference) co_return "there already";
  }
  JsonWriter body;
  body.begin_object()
      .member("type", "RWP match")
      .member("text", text)
      .member("reference", reference)
      .end_object();
  auto made = co_await client->create(std::move(path), body.finish(), deadline);
  if (!made)
    co_return made.error().with_retryable(made.error().code() == Errc::unavailable ||
                                          made.error().retryable());
  co_return "note";
}

Awaitable<Result<std::string_view>> set_field(std::shared_ptr<jobadder::Client> client,
                                              std::string path, std::int64_t field,
                                              std::int64_t score, SteadyTime deadline) {
  JsonWriter body;
  body.begin_object().key("custom").begin_array().begin_object();
  body.member("fieldId", field).member("value", std::to_string(score));
  body.end_object().end_array().end_object();
  auto updated = co_await client->update(std::move(path), body.finish(), deadline);
  if (!updated) co_return updated.error();
  co_return "field";
}

}  // namespace

Awaitable<Result<JsonText>> write_back(SharedJobAdderParts parts, JobAdderWriteBack payload,
                                       jobs::JobContext& context) {
  const std::string tenant = context.job().tenant;
  const auto match_id = Uuid::parse(payload.match_id);
  if (!match_id) co_return match_id.error().with_context("payload.match_id");
  std::vector<Uuid> ids{*match_id};
  auto look = parts->store->get(std::move(ids));
  const auto found = co_await on(parts->store->runtime().executor(), std::move(look));
  if (!found) co_return found.error().with_context("job store");
  const auto& match = found->front();
  if (!match && match.error().code() == Errc::not_found) co_return done("the match is gone");
  if (!match) co_return match.error().with_context("job store");
  // Whoever may submit jobs may have named another tenant's.
  if (match->tenant != tenant) co_return done("the match is gone");
  if (!jobs::has_ended(match->state)) co_return context.snooze(wait_by_age(context));
  if (match->state != jobs::JobState::succeeded || !match->result) {
    co_return done("the match has no result");
  }
  const auto forgotten = co_await parts->forgotten->holds(tenant, payload.candidate_id);
  if (!forgotten) co_return forgotten.error();
  if (*forgotten) co_return done("forgotten");
  const JsonDocument document(*match->result);
  const auto told = document.root().find("score");
  const auto score = told ? told->as_int64() : std::nullopt;
  if (!score) co_return done("the match has no score");
  const auto client = parts->connections->of(tenant).client;
  const std::string path = "/applications/" + std::to_string(payload.application_id);
  Result<std::string_view> written = std::string_view("nothing");
  if (parts->write_back == JobAdderWriteBackMode::field) {
    auto setting = set_field(client, path, parts->score_field, *score, context.deadline());
    written = co_await std::move(setting);
  } else if (parts->write_back == JobAdderWriteBackMode::notes) {
    auto adding = add_note(client, path + "/notes", "rwp-match-" + payload.match_id,
                           note_text(document.root(), *score), context.deadline());
    written = co_await std::move(adding);
  }
  if (!written && written.error().code() == Errc::not_found) {
    co_return done("the application is gone");
  }
  if (!written) co_return end_without_jobadder(context, written.error());
  if (parts->metrics) {
    parts->metrics
        ->counter("rwp_jobadder_written_back_total", "Results written back to JobAdder.",
                  {{"how", parts->write_back == JobAdderWriteBackMode::field ? "field" : "note"}})
        .add();
  }
  co_return done(*written);
}

}  // namespace rwp::pods
