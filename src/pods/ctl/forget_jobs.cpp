#include "pods/ctl/forget_jobs.hpp"

#include "pods/forgotten.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/jobs/outbox_job.hpp>
#include <rwp/recruitment/candidate_source.hpp>
#include <rwp/recruitment/match_request.hpp>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace rwp::pods::ctl {
namespace {

constexpr std::size_t kPage = 1'000;
/// Ids of one call that answers whole jobs, and of one that removes them.
constexpr std::size_t kIdsPerWait = 100;
constexpr std::size_t kIdsPerErase = 500;

/// The next ids of a set behind `after`, at most `most`.
std::vector<Uuid> some_of(const std::set<Uuid>& ids, std::set<Uuid>::const_iterator& at,
                          std::size_t most) {
  std::vector<Uuid> some;
  while (at != ids.end() && some.size() < most) some.push_back(*at++);
  return some;
}

/// The key of a document that a payload of "candidate.parse" names.
std::string document_in(const JsonText& payload) {
  const JsonDocument document(payload);
  if (document.root().kind() != JsonKind::object) return {};
  const auto file = document.root().find("document");
  if (!file || file->kind() != JsonKind::object) return {};
  const auto object = file->find("object");
  return object ? std::string(object->as_string().value_or("")) : std::string();
}

}  // namespace

CandidateJobs::CandidateJobs(Runtime& runtime, std::shared_ptr<jobs::JobStore> store,
                             std::shared_ptr<storage::ObjectStore> objects, std::string tenant,
                             std::string candidate_id)
    : runtime_(runtime),
      store_(std::move(store)),
      objects_(std::move(objects)),
      tenant_(std::move(tenant)),
      candidate_id_(std::move(candidate_id)) {}

Result<JsonText> CandidateJobs::payload_of(const jobs::Job& job) {
  if (job.payload_blob.empty()) return job.payload;
  auto content = block_on(runtime_, objects_->get(job.payload_blob));
  // Who lacks his payload names nobody any more.
  if (!content && content.error().code() == Errc::not_found) return JsonText();
  if (!content) return content.error();
  auto payload = JsonText::parse(std::move(*content));
  return payload ? std::move(*payload) : JsonText();
}

Result<void> CandidateJobs::take(const jobs::Job& job, bool is_tagged) {
  if (!is_tagged && job.tenant != tenant_) return {};
  const auto payload = payload_of(job);
  if (!payload) return payload.error();
  if (!is_tagged && candidate_in(job.kind, *payload) != candidate_id_) return {};
  all_.insert(job.id);
  if (!jobs::has_ended(job.state)) open_.insert(job.id);
  if (!job.payload_blob.empty()) object_keys_.insert(job.payload_blob);
  if (job.kind != recruitment::CandidateSource::job_kind) return {};
  // As when the job ran: another tenant's document is none of this one's.
  recruitment::CandidateSource source;
  source.id = candidate_id_;
  source.document.emplace();
  source.document->object = document_in(*payload);
  const bool is_theirs =
      !source.document->object.empty() && recruitment::check_source(source, tenant_);
  if (is_theirs) object_keys_.insert(source.document->object);
  return {};
}

Result<void> CandidateJobs::walk(jobs::JobFilter filter) {
  const bool is_tagged = !filter.tag.empty();
  std::string cursor;
  do {
    auto page = block_on(runtime_, store_->list(filter, cursor, kPage));
    if (!page) return page.error();
    for (const auto& job : page->jobs) {
      if (auto taken = take(job, is_tagged); !taken) return taken;
    }
    cursor = std::move(page->next_cursor);
  } while (!cursor.empty());
  return {};
}

Result<std::size_t> CandidateJobs::find() {
  all_.clear();
  open_.clear();
  for (const auto kind :
       {recruitment::CandidateSource::job_kind, recruitment::MatchRequest::job_kind}) {
    jobs::JobFilter filter;
    filter.kind = std::string(kind);
    filter.tenant = tenant_;
    if (auto walked = walk(std::move(filter)); !walked) return walked.error();
  }
  jobs::JobFilter filter;
  filter.tag = jobs::subject_tag(subject_of(tenant_, candidate_id_));
  if (auto walked = walk(std::move(filter)); !walked) return walked.error();
  return all_.size();
}

Result<std::size_t> CandidateJobs::end(SteadyTime deadline) {
  for (auto at = open_.cbegin(); at != open_.cend();) {
    auto cancelled = block_on(runtime_, store_->cancel(some_of(open_, at, kIdsPerErase)));
    if (!cancelled) return cancelled.error();
  }
  std::size_t left = 0;
  for (auto at = open_.cbegin(); at != open_.cend();) {
    auto jobs = block_on(runtime_, store_->wait_for_end(some_of(open_, at, kIdsPerWait), deadline));
    if (!jobs) return jobs.error();
    left += static_cast<std::size_t>(std::count_if(jobs->begin(), jobs->end(), [](const auto& job) {
      return job && !jobs::has_ended(job->state);
    }));
  }
  return left;
}

Result<std::size_t> CandidateJobs::erase() {
  std::size_t removed = 0;
  for (auto at = all_.cbegin(); at != all_.cend();) {
    auto erased = block_on(runtime_, store_->erase(some_of(all_, at, kIdsPerErase)));
    if (!erased) return erased.error();
    for (const auto& one : *erased) {
      if (one || one.error().code() == Errc::not_found) {
        ++removed;
      } else if (one.error().code() != Errc::conflict) {
        return one.error();
      }
    }
  }
  return removed;
}

}  // namespace rwp::pods::ctl
