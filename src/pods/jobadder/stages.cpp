#include "pods/jobadder/stages.hpp"

#include "pods/event_text.hpp"
#include "pods/jobadder/handlers.hpp"
#include <rwp/analytics/event_type.hpp>
#include <rwp/analytics/outbox.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/core/utf8.hpp>
#include <rwp/jobadder/pages.hpp>
#include <rwp/jobs/outbox_job.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using analytics::EventType;
using jobadder::Application;
using jobs::Awaitable;

/// The browser's, or one that stands for the application alone.
std::string client_of(const Application& application) {
  constexpr std::size_t kMostCharacters = 256;
  const JsonDocument document(application.record);
  const auto custom = document.root().find("custom");
  for (std::size_t i = 0; custom && i < custom->size(); ++i) {
    const auto name = custom->at(i).find("name");
    const auto value = custom->at(i).find("value");
    if (!name || !value || name->as_string() != kClientField) continue;
    const auto text = value->as_string();
    if (text && !text->empty() && count_code_points(*text) <= kMostCharacters) {
      return std::string(*text);
    }
  }
  return "jobadder-application-" + std::to_string(application.application_id);
}

/// The same each time, so that tables and files recognise a repetition.
Uuid id_of(const std::string& about) {
  const auto digest = sha256(about);
  Uuid id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  constexpr std::size_t kVersionAt = 6;
  constexpr std::size_t kVariantAt = 8;
  id.bytes[kVersionAt] = static_cast<std::uint8_t>((id.bytes[kVersionAt] & 0x0FU) | 0x80U);
  id.bytes[kVariantAt] = static_cast<std::uint8_t>((id.bytes[kVariantAt] & 0x3FU) | 0x80U);
  return id;
}

Result<void> tell(const std::string& tenant, const Application& application, EventType type,
                  jobadder::TimePoint at, jobs::JobContext& context) {
  const std::string candidate = jobadder_candidate_id(*application.candidate_id);
  auto event = analytics::make_event(type, client_of(application));
  event.id = id_of("rwp/jobadder/stage/1\n" + tenant + "\n" +
                   std::to_string(application.application_id) + "\n" + event.name);
  event.tenant = tenant;
  event.time = std::min(at, std::chrono::system_clock::now());
  auto& parameters = event.parameters;
  parameters["job_id"] = parameter_text(jobadder_ad_id(tenant, *application.ad_id));
  parameters["candidate"] = pseudonym(tenant, candidate);
  if (!application.source.empty()) parameters["source"] = parameter_text(application.source);
  std::vector<analytics::Event> events;
  events.push_back(std::move(event));
  auto messages = analytics::to_outbox(events);
  if (!messages) return messages.error().with_context("event");
  messages->front().subject = subject_of(tenant, candidate);
  auto made = jobs::make_outbox_jobs(std::move(*messages));
  if (!made) return made.error();
  for (auto& job : *made) {
    // Whatever else changes of the application, this is told once.
    job.idempotency_key.clear();
    job.unique.key = "jobadder/stage/" + tenant + "/" + std::to_string(application.application_id) +
                     "/" + std::string(to_string(type));
    job.unique.states = jobs::StateSet::all();
    (void)context.submit(std::move(job));
  }
  return {};
}

}  // namespace

Result<void> tell_stage(const std::string& tenant, const Application& application,
                        jobs::JobContext& context) {
  if (application.is_first_status || application.status.empty()) return {};
  if (!application.candidate_id || !application.ad_id) return {};
  const auto type =
      application.rejected ? EventType::application_rejected : EventType::application_screened;
  const auto now = std::chrono::system_clock::now();
  return tell(tenant, application, type, application.updated_at.value_or(now), context);
}

Awaitable<Result<std::string>> take_placement(SharedJobAdderParts parts, JobAdderRecord record,
                                              jobs::JobContext& context) {
  const std::string tenant = context.job().tenant;
  const auto client = parts->connections->of(tenant).client;
  auto json = co_await client->get(
      std::string(jobadder::Placement::kPath) + "/" + std::to_string(record.id), jobadder::Query(),
      context.deadline());
  if (!json && json.error().code() == Errc::not_found) co_return "gone";
  if (!json) co_return json.error();
  const auto placed = jobadder::Placement::read(std::move(*json));
  if (!placed) co_return placed.error();
  if (!placed->approved || !placed->candidate_id || !placed->job_id) {
    co_return "not approved, or of no candidate and job";
  }
  if (!is_findable(context, record, *placed->candidate_id)) co_return "tagged, and taken once more";
  const auto forgotten =
      co_await parts->forgotten->holds(tenant, jobadder_candidate_id(*placed->candidate_id));
  if (!forgotten) co_return forgotten.error();
  if (*forgotten) co_return "forgotten";
  // A placement does not name its application.
  jobadder::Query query{{"candidateId", std::to_string(*placed->candidate_id)},
                        {"jobId", std::to_string(*placed->job_id)},
                        {"embed", "self"}};
  auto list =
      co_await client->get(std::string(Application::kPath), std::move(query), context.deadline());
  if (!list) co_return list.error();
  const JsonDocument document(*list);
  const auto items = document.root().find("items");
  // Of several the first that was made, so that another look takes the same.
  std::optional<Application> first;
  for (std::size_t i = 0; items && i < items->size(); ++i) {
    auto application = Application::read(items->at(i).text());
    if (!application) co_return application.error();
    const bool is_of_it =
        application->candidate_id == placed->candidate_id && application->job_id == placed->job_id;
    if (!is_of_it || !application->ad_id || application->rejected) continue;
    if (first && first->application_id < application->application_id) continue;
    first = std::move(*application);
  }
  if (!first) co_return "of no application for an advert";
  const auto now = std::chrono::system_clock::now();
  const auto at = placed->approved_at.value_or(placed->updated_at.value_or(now));
  const auto told = tell(tenant, *first, EventType::application_placed, at, context);
  if (!told) co_return told.error();
  co_return std::string();
}

}  // namespace rwp::pods
