#include "pods/ad_fields.hpp"
#include "pods/forgotten.hpp"
#include "pods/jobadder/handlers.hpp"
#include "pods/jobadder/removal.hpp"
#include "pods/jobadder/stages.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/jobadder/records.hpp>
#include <rwp/jobadder/webhook.hpp>
#include <rwp/recruitment/candidate_source.hpp>
#include <rwp/recruitment/enrich.hpp>
#include <rwp/recruitment/job_ad.hpp>
#include <rwp/recruitment/match_request.hpp>
#include <rwp/recruitment/parse.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace rwp::pods {
namespace {

using jobs::Awaitable;

/// Larger files are no CVs.
constexpr std::size_t kMaxDocumentBytes = std::size_t{20} << 20U;
/// How long an application waits for its candidate and advert.
constexpr std::chrono::hours kLongestWait{1};

/// What became of a record: the job's result.
struct Outcome {
  std::string taken{};
  /// Why nothing was made of it.
  std::string skipped{};
  Uuid job{};
};

JsonText outcome_json(const Outcome& outcome) {
  JsonWriter out;
  out.begin_object();
  if (!outcome.taken.empty()) {
    out.member("submitted", outcome.taken);
    if (!outcome.job.is_nil()) out.member("job", outcome.job.to_string());
  }
  if (!outcome.skipped.empty()) out.member("skipped", outcome.skipped);
  out.end_object();
  return out.finish();
}

Outcome skipped(std::string why) {
  Outcome outcome;
  outcome.skipped = std::move(why);
  return outcome;
}

/// One record, taken in.
class Intake {
 public:
  Intake(SharedJobAdderParts parts, JobAdderRecord record, jobs::JobContext& context)
      : parts_(std::move(parts)),
        record_(std::move(record)),
        context_(context),
        tenant_(context.job().tenant),
        client_(parts_->connections->of(tenant_).client) {}

  Awaitable<Result<Outcome>> run() {
    switch (jobadder::entity_from_string(record_.entity)) {
      case jobadder::Entity::job_ad: {
        auto outcome = co_await take_ad();
        co_return outcome;
      }
      case jobadder::Entity::candidate: {
        auto outcome = co_await take_candidate();
        co_return outcome;
      }
      case jobadder::Entity::application: {
        auto outcome = co_await take_application();
        co_return outcome;
      }
      case jobadder::Entity::placement: {
        auto why = co_await take_placement(parts_, record_, context_);
        if (!why) co_return why.error();
        Outcome outcome;
        if (why->empty()) outcome.taken = "application_placed";
        outcome.skipped = std::move(*why);
        co_return outcome;
      }
      default:
        co_return Error(Errc::invalid_argument,
                        "payload.entity: must be job_ad, candidate, application or placement");
    }
  }

 private:
  std::string path(std::string_view collection) const {
    return std::string(collection) + "/" + std::to_string(record_.id);
  }

  /// Inserted with this run's completion; the same content makes no second job.
  Outcome submit(jobs::NewJob job, const std::string& about) {
    job.tenant = tenant_;
    job.idempotency_key =
        "jobadder/" + about + "/" + to_hex(sha256(job.payload.view())).substr(0, 32);
    Outcome outcome;
    outcome.taken = job.kind;
    outcome.job = context_.submit(std::move(job));
    return outcome;
  }

  Awaitable<Result<Outcome>> take_ad() {
    auto json =
        co_await client_->get(path(jobadder::JobAd::kPath), jobadder::Query(), context_.deadline());
    if (!json && json.error().code() == Errc::not_found) co_return skipped("gone");
    if (!json) co_return json.error();
    const auto ad = jobadder::JobAd::read(std::move(*json));
    if (!ad) co_return ad.error();
    const auto expires = jobadder::parse_time(ad->expires_at);
    if (expires && *expires < std::chrono::system_clock::now()) co_return skipped("expired");
    recruitment::JobAd enrich;
    enrich.id = jobadder_ad_id(tenant_, ad->ad_id);
    enrich.title = ad->title;
    enrich.company = ad->company;
    enrich.location = ad->location;
    enrich.posted_at = ad->posted_at;
    enrich.valid_through = ad->expires_at;
    enrich.description = text_of_html(ad->description);
    if (enrich.description.empty()) enrich.description = ad->summary;
    for (const auto& point : ad->bullet_points) enrich.description += "\n- " + point;
    if (enrich.title.empty() || enrich.description.empty()) co_return skipped("no text");
    co_return submit(jobs::to_new_job(enrich), "ad/" + std::to_string(ad->ad_id));
  }

  /// The newest résumé; none: there is none.
  Awaitable<Result<std::optional<jobadder::Attachment>>> find_resume() {
    jobadder::Query query{{"type", "Resume"}, {"latest", "true"}};
    auto list = co_await client_->get(path(jobadder::Candidate::kPath) + "/attachments",
                                      std::move(query), context_.deadline());
    if (!list) co_return list.error();
    std::optional<jobadder::Attachment> newest;
    const JsonDocument document(*list);
    const auto items = document.root().find("items");
    for (std::size_t i = 0; items && i < items->size(); ++i) {
      auto attachment = jobadder::Attachment::read(items->at(i).text());
      if (!attachment) co_return attachment.error();
      if (attachment->type != "Resume") continue;
      if (!newest || attachment->attachment_id > newest->attachment_id) newest = *attachment;
    }
    co_return newest;
  }

  /// The profile as a CV would say it.
  static std::string text_of(const jobadder::Candidate& candidate) {
    std::string text = candidate.first_name + " " + candidate.last_name + "\n";
    for (const auto* line :
         {&candidate.email, &candidate.mobile, &candidate.phone, &candidate.city}) {
      if (!line->empty()) text += *line + "\n";
    }
    if (!candidate.summary.empty()) text += "\nSummary\n" + text_of_html(candidate.summary) + "\n";
    if (!candidate.posts.empty()) text += "\nExperience\n";
    for (const auto& post : candidate.posts) {
      if (!post.start.empty() || !post.end.empty()) text += post.start + " - " + post.end + "  ";
      text += post.position + (post.employer.empty() ? "" : ", " + post.employer) + "\n";
      if (!post.description.empty()) text += text_of_html(post.description) + "\n";
    }
    if (!candidate.skill_tags.empty()) text += "\nSkills\n";
    for (std::size_t i = 0; i < candidate.skill_tags.size(); ++i) {
      text += (i == 0 ? "" : ", ") + candidate.skill_tags[i];
    }
    return text;
  }

  Awaitable<Result<Outcome>> take_candidate() {
    const std::string id = jobadder_candidate_id(record_.id);
    // Before anything of him is read, and again before it is kept.
    auto forgotten = co_await parts_->forgotten->holds(tenant_, id);
    if (!forgotten) co_return forgotten.error();
    if (*forgotten) co_return skipped("forgotten");
    auto json = co_await client_->get(path(jobadder::Candidate::kPath), jobadder::Query(),
                                      context_.deadline());
    if (!json && json.error().code() == Errc::not_found) co_return skipped("gone");
    if (!json) co_return json.error();
    const auto candidate = jobadder::Candidate::read(std::move(*json));
    if (!candidate) co_return candidate.error();
    const auto resume = co_await find_resume();
    // He may be deleted between two requests.
    if (!resume && resume.error().code() == Errc::not_found) co_return skipped("gone");
    if (!resume) co_return resume.error();

    recruitment::CandidateSource source;
    source.id = id;
    std::string content;
    if (*resume) {
      auto file = co_await client_->download(path(jobadder::Candidate::kPath) + "/attachments/" +
                                                 std::to_string((*resume)->attachment_id),
                                             kMaxDocumentBytes, context_.deadline());
      if (!file && file.error().code() == Errc::not_found) co_return skipped("gone");
      if (!file) co_return file.error();
      recruitment::CandidateDocument document;
      document.object =
          jobadder_upload_folder(tenant_, record_.id) + std::to_string((*resume)->attachment_id);
      document.media_type = file->content_type.substr(0, file->content_type.find(';'));
      document.file_name = (*resume)->file_name;
      content = std::move(file->content);
      source.document = std::move(document);
    } else {
      const bool says_something = !candidate->summary.empty() || !candidate->posts.empty() ||
                                  !candidate->skill_tags.empty();
      if (!says_something) co_return skipped("neither a résumé nor a profile");
      source.text = text_of(*candidate);
    }
    forgotten = co_await parts_->forgotten->holds(tenant_, id);
    if (!forgotten) co_return forgotten.error();
    if (*forgotten) co_return skipped("forgotten");
    if (source.document) {
      auto kept = co_await parts_->objects->put(source.document->object, std::move(content));
      if (!kept) co_return kept.error().with_context("object store").with_retryable(true);
      // Whoever was put on the list since then may have had his documents removed before this one.
      forgotten = co_await parts_->forgotten->holds(tenant_, id);
      if (!forgotten || *forgotten) {
        auto removed = co_await remove_for_good(parts_->objects, source.document->object);
        if (!forgotten) co_return forgotten.error();
        if (!removed) co_return removed.error().with_context("object store").with_retryable(true);
        co_return skipped("forgotten");
      }
    }
    co_return submit(jobs::to_new_job(source), "candidate/" + std::to_string(record_.id));
  }

  /// The etag of what another job has stored; empty: nothing yet.
  Awaitable<Result<std::string>> etag_of(std::string key) {
    const auto info = co_await parts_->objects->head(std::move(key));
    if (!info && info.error().code() == Errc::not_found) co_return std::string();
    if (!info) co_return info.error().with_context("object store").with_retryable(true);
    co_return info->etag;
  }

  Awaitable<Result<Outcome>> take_application() {
    auto json = co_await client_->get(path(jobadder::Application::kPath), jobadder::Query(),
                                      context_.deadline());
    if (!json && json.error().code() == Errc::not_found) co_return skipped("gone");
    if (!json) co_return json.error();
    const auto application = jobadder::Application::read(std::move(*json));
    if (!application) co_return application.error();
    if (!application->candidate_id || !application->ad_id) {
      co_return skipped("names no candidate, or no advert");
    }
    if (!is_findable(context_, record_, *application->candidate_id)) {
      co_return skipped("tagged, and taken once more");
    }
    recruitment::MatchRequest match;
    match.candidate_id = jobadder_candidate_id(*application->candidate_id);
    match.ad_id = jobadder_ad_id(tenant_, *application->ad_id);
    const auto forgotten = co_await parts_->forgotten->holds(tenant_, match.candidate_id);
    if (!forgotten) co_return forgotten.error();
    if (*forgotten) co_return skipped("forgotten");
    const auto candidate =
        co_await etag_of(recruitment::candidate_key(tenant_, match.candidate_id));
    if (!candidate) co_return candidate.error();
    const auto ad = co_await etag_of(recruitment::enriched_key(match.ad_id));
    if (!ad) co_return ad.error();
    if (candidate->empty() || ad->empty()) {
      const auto age = context_.job().claimed_at - context_.job().created_at;
      if (age <= kLongestWait) co_return context_.snooze(wait_by_age(context_));
    }
    if (auto told = tell_stage(tenant_, *application, context_); !told) co_return told.error();
    if (candidate->empty() || ad->empty()) {
      co_return skipped("candidate or advert has not been taken in");
    }
    // A note or field that this library writes updates the application: it is scored anew only
    // when candidate or advert have changed.
    const std::string sides = to_hex(sha256(*candidate + "\n" + *ad)).substr(0, 32);
    const std::string about = "match/" + std::to_string(application->application_id) + "/" + sides;
    Outcome outcome = submit(jobs::to_new_job(match), about);
    if (parts_->write_back != JobAdderWriteBackMode::none) {
      JobAdderWriteBack back;
      back.application_id = application->application_id;
      back.candidate_id = match.candidate_id;
      back.match_id = outcome.job.to_string();
      auto job = jobs::to_new_job(back);
      job.queue = kJobAdderQueue;
      job.tenant = tenant_;
      job.tags = {subject_tag(subject_of(tenant_, match.candidate_id))};
      job.unique.key = "jobadder/back/" + about;
      job.unique.states = jobs::StateSet::all();
      (void)context_.submit(std::move(job));
    }
    co_return outcome;
  }

  const SharedJobAdderParts parts_;
  const JobAdderRecord record_;
  jobs::JobContext& context_;
  const std::string tenant_;
  const std::shared_ptr<jobadder::Client> client_;
};

void count(const JobAdderParts& parts, const std::string& entity, const Outcome& outcome) {
  if (!parts.metrics) return;
  const bool known = jobadder::entity_from_string(entity) != jobadder::Entity::none;
  parts.metrics
      ->counter("rwp_jobadder_records_total", "Records of JobAdder that were read, by outcome.",
                {{"entity", known ? entity : "other"},
                 {"outcome", !outcome.taken.empty()           ? "submitted"
                             : outcome.skipped == "forgotten" ? "forgotten"
                                                              : "skipped"}})
      .add();
}

}  // namespace

Awaitable<Result<JsonText>> take_in_record(SharedJobAdderParts parts, JobAdderRecord record,
                                           jobs::JobContext& context) {
  const std::string entity = record.entity;
  Intake intake(parts, std::move(record), context);
  const auto outcome = co_await intake.run();
  if (!outcome) co_return end_without_jobadder(context, outcome.error());
  count(*parts, entity, *outcome);
  co_return outcome_json(*outcome);
}

}  // namespace rwp::pods
