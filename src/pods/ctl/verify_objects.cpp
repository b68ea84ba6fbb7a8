#include "pods/ctl/verify_objects.hpp"

#include "pods/ctl/printer.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/jobs/typed.hpp>
#include <rwp/recruitment/job_ad.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace rwp::pods::ctl {
namespace {

constexpr std::string_view kPayloads = "payloads/";
/// A submit stores its payload first.
constexpr std::chrono::hours kOnItsWay{1};

Result<void> tell_missing(const ObjectChecks& checks, const Uuid& job, const std::string& key,
                          const Error& error) {
  switch (error.code()) {
    case Errc::not_found:
      checks.on_finding({.kind = std::string(kObjectMissing),
                         .job_id = job,
                         .detail = "object '" + cell_text(key, 600) + "' is gone"});
      return {};
    case Errc::corrupt:
    case Errc::permission_denied:
    case Errc::invalid_argument:
      checks.on_finding({.kind = std::string(kObjectCorrupt),
                         .job_id = job,
                         .detail = cell_text(error.message(), 600)});
      return {};
    default:
      return error;
  }
}

/// Whether the job was removed, and its payload with it, after its page had been read.
Result<bool> was_removed(const ObjectChecks& checks, const jobs::BlobReference& reference) {
  std::vector<Uuid> ids(1, reference.job_id);
  const auto found = block_on(checks.runtime, checks.store->get(std::move(ids)));
  if (!found) return found.error();
  return !found->front() && found->front().error().code() == Errc::not_found;
}

/// The job's id in "payloads/<id>/<digest>".
std::optional<Uuid> job_of(const std::string& key) {
  const auto rest = std::string_view(key).substr(kPayloads.size());
  const auto id = Uuid::parse(rest.substr(0, rest.find('/')));
  return id ? std::optional<Uuid>(*id) : std::nullopt;
}

struct Stray {
  std::string key{};
  Uuid job{};
};

Result<void> tell_strays(const ObjectChecks& checks, const std::vector<Stray>& candidates) {
  if (candidates.empty()) return {};
  std::vector<Uuid> ids;
  ids.reserve(candidates.size());
  for (const auto& one : candidates) ids.push_back(one.job);
  const auto found = block_on(checks.runtime, checks.store->get(std::move(ids)));
  if (!found) return found.error();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto& job = (*found)[i];
    if (job && job->payload_blob == candidates[i].key) continue;
    if (!job && job.error().code() != Errc::not_found) return job.error();
    checks.on_finding({.kind = std::string(kObjectWithoutJob),
                       .job_id = candidates[i].job,
                       .detail = "object '" + cell_text(candidates[i].key, 600) +
                                 "' is no job's payload; it takes up room, and may be removed"});
  }
  return {};
}

std::string object_in(const JsonText& result) {
  const JsonDocument document(result);
  const auto object = document.root().find("object");
  return object ? std::string(object->as_string().value_or("")) : std::string();
}

}  // namespace

Result<void> check_payload(const ObjectChecks& checks, const jobs::BlobReference& reference) {
  const auto content = block_on(checks.runtime, checks.objects->get(reference.key));
  if (!content && content.error().code() == Errc::not_found) {
    const auto removed = was_removed(checks, reference);
    if (!removed) return removed.error();
    if (*removed) return {};
  }
  if (!content) {
    return tell_missing(checks, reference.job_id, reference.key, content.error());
  }
  const auto slash = reference.key.rfind('/');
  const std::string digest = reference.key.substr(slash == std::string::npos ? 0 : slash + 1);
  if (to_hex(sha256(*content)) == digest) return {};
  checks.on_finding({.kind = std::string(kObjectCorrupt),
                     .job_id = reference.job_id,
                     .detail = "object '" + cell_text(reference.key, 600) +
                               "' holds other bytes than were submitted"});
  return {};
}

Result<void> check_strays(const ObjectChecks& checks, ProgressBar& bar) {
  storage::ListOptions options;
  options.prefix = std::string(kPayloads);
  const auto settled_before = std::chrono::system_clock::now() - kOnItsWay;
  std::size_t seen = 0;
  do {
    auto page = block_on(checks.runtime, checks.objects->list(options));
    if (!page) return page.error();
    std::vector<Stray> candidates;
    for (const auto& entry : page->entries) {
      const auto job = job_of(entry.key);
      if (job && entry.modified_at < settled_before) candidates.push_back({entry.key, *job});
    }
    if (auto told = tell_strays(checks, candidates); !told) return told;
    seen += page->entries.size();
    bar.show(seen, 0);
    options.cursor = std::move(page->next_cursor);
  } while (!options.cursor.empty());
  return {};
}

Result<void> check_records(const ObjectChecks& checks, ProgressBar& bar) {
  jobs::JobFilter filter;
  filter.states = {jobs::JobState::succeeded};
  filter.kind = std::string(recruitment::JobAd::job_kind);
  std::string cursor;
  std::size_t seen = 0;
  do {
    auto page = block_on(checks.runtime, checks.store->list(filter, cursor, 1'000));
    if (!page) return page.error();
    for (const auto& job : page->jobs) {
      const std::string key = job.result ? object_in(*job.result) : std::string();
      if (key.empty()) continue;
      const auto head = block_on(checks.runtime, checks.objects->head(key));
      auto told = head ? Result<void>() : tell_missing(checks, job.id, key, head.error());
      if (!told) return told;
      if (head && head->size_bytes == 0) {
        checks.on_finding({.kind = std::string(kObjectCorrupt),
                           .job_id = job.id,
                           .detail = "object '" + cell_text(key, 600) + "' is empty"});
      }
      bar.show(++seen, 0);
    }
    cursor = std::move(page->next_cursor);
  } while (!cursor.empty());
  return {};
}

}  // namespace rwp::pods::ctl
